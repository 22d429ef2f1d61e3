"""What is performed: which nodes, whose people, which question, at what price. Two programmes.

`synthetic`: three countries with thousands of made-up people each run `association` in blocks; a small cohort runs
`allele_frequency`, one chamber per family, in padded time. `genomes`: four populations of the real, openly published
1000 Genomes data run `allele_frequency`.

The numbers are those that DESIGN 7 recommends unless a comment says why not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from client.errors import UsageProblem

DISEASE, RISK_VARIANT = "E11", "rs7903146"
SMALL_VARIANTS: Final = ("rs4988235", "rs12913832", "rs1801133")
GENOME_VARIANTS: Final = 24
GENOME_MINIMUM_FREQUENCY: Final = 0.05
SMALL_PEOPLE: Final = 200
SMALL_SHARE: Final = 40  # a smaller performance has a smaller clinic, a fortieth of a country
FULL_BLOCKS: Final = 128
PEOPLE_PER_BLOCK: Final = 80  # association fits four parameters: 20 people for each
GENEROUS_MILLISECONDS: Final = 60_000  # all nodes share a few cores, and a late chamber would become a default
PROJECT_CAP: Final = 125_000_000  # nano-rho; the defaults of policies/gate.json
LIFETIME_CAP: Final = 500_000_000
LARGEST_FAMILY: Final = 6  # of the synthetic cohorts, by their construction
PURPOSE: Final = "DUO:0000006"  # health, medical or biomedical research
PROJECT: Final = "diabetes-in-europe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Where a node's people come from."""

    kind: str  # "synthetic" or "genomes"
    country: str
    people: int
    seed: int = 0
    population: str = ""
    source: Path | None = None

    @property
    def assembly(self) -> str:
        """The reference genome that positions refer to."""
        return "GRCh37" if self.kind == "genomes" else "GRCh38"

    @property
    def label(self) -> str:
        """What to call it in the story."""
        return f"{self.population} of 1000 Genomes" if self.kind == "genomes" else f"synthetic, seed {self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """One node of the performance, with the one question it is asked."""

    node: str
    holder: str
    institution: str
    dataset: str
    cohort: Cohort
    algorithm: str
    parameters: Mapping[str, Any]
    blocks: int
    rho_nano: int
    timing: str
    lanes: int
    slots: int
    family_size: int
    slot_milliseconds: int
    why: str = ""
    caps: Mapping[str, int] = field(default_factory=dict)

    @property
    def country(self) -> str:
        """The node's country."""
        return self.cohort.country

    def policy(self) -> dict[str, Any]:
        """Return the numbers that the data holder signs."""
        all_modes = self.rho_nano * (3 if self.blocks else 1)  # where blocks run, other modes are asked as well
        return {
            "delta": "0.000001",
            "candidates": 2001,
            "blocks_minimum": self.blocks or FULL_BLOCKS,
            "block_people_minimum": 50,
            "job_cap_nano": self.rho_nano,
            "project_cap_nano": max(PROJECT_CAP, all_modes),
            "dataset_cap_nano": max(LIFETIME_CAP, all_modes),
            "pool_cap_nano": max(LIFETIME_CAP, all_modes),
            "algorithm_cap_nano": max(PROJECT_CAP, self.rho_nano),
            "maximum_family_size": self.family_size,
            "timing": self.timing,
            "lanes": self.lanes,
            "epoch_seconds": 1,  # a demo should not make people wait for a grid of minutes
            "project_failures": 3,
            "profile": "standard",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """The whole performance."""

    name: str
    nodes: tuple[NodePlan, ...]

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that are asked for, each once."""
        return tuple(dict.fromkeys(plan.algorithm for plan in self.nodes))

    def running(self, algorithm: str) -> tuple[NodePlan, ...]:
        """The nodes that run an algorithm."""
        return tuple(plan for plan in self.nodes if plan.algorithm == algorithm)


def median_rho_nano(blocks: int) -> int:
    """Return the least share at which a median over so many blocks is useful: 8 rho k^2 >= 4096 (DESIGN 7)."""
    return math.ceil(4096 * 10**9 / (8 * blocks**2))


def synthetic(people: int, blocks: int) -> Programme:
    """Three countries and a small cohort. Refused: blocks too small for the regression."""
    if people < PEOPLE_PER_BLOCK * blocks:
        sentence = f"{people} people in {blocks} blocks are too few for each block; take {PEOPLE_PER_BLOCK * blocks}."
        raise UsageProblem("demo-too-small", sentence)
    holders = (("fi", "FI", "biobank-helsinki"), ("es", "ES", "hospital-sevilla"), ("it", "IT", "istituto-trieste"))
    nodes = [
        NodePlan(
            node=f"node-{short}",
            holder=holder,
            institution=holder,
            dataset=f"{short}-cohort",
            cohort=Cohort(kind="synthetic", country=country, people=people, seed=number),
            algorithm="association",
            parameters={"variant": RISK_VARIANT, "disease": DISEASE},
            blocks=blocks,
            rho_nano=median_rho_nano(blocks),
            timing="immediate",
            lanes=2 if number == 1 else 1,  # the first runs a chamber for each family as well
            slots=people // 2,  # a public number above that of the families: they have two and a half members
            family_size=LARGEST_FAMILY,
            slot_milliseconds=GENEROUS_MILLISECONDS,
        )
        for number, (short, country, holder) in enumerate(holders, start=1)
    ]
    return Programme(name="synthetic", nodes=(*nodes, _small(min(SMALL_PEOPLE, people // SMALL_SHARE))))


def _small(people: int) -> NodePlan:
    """A few hundred people: too few for blocks, so every family gets a chamber of its own, in fixed time slots."""
    return NodePlan(
        node="node-nl",
        holder="clinic-leiden",
        institution="clinic-leiden",
        dataset="nl-clinic",
        cohort=Cohort(kind="synthetic", country="NL", people=people, seed=4),
        algorithm="allele_frequency",
        parameters={"variants": list(SMALL_VARIANTS)},
        blocks=0,
        rho_nano=PROJECT_CAP,
        timing="padded",
        lanes=4,
        slots=people // 2,
        family_size=LARGEST_FAMILY,
        slot_milliseconds=2_000,  # four at once need far less: a late chamber becomes a default and spoils the answer
        why="its holder lets one job spend rho 0.125, four times the usual: with few people less would say nothing",
    )


def genomes(source: Path, populations: Mapping[str, tuple[str, str, int]], variants: list[str]) -> Programme:
    """Four populations of the published genomes; `populations` says country, institution and people of each."""
    nodes = [
        NodePlan(
            node=f"node-{population.lower()}",
            holder=institution,
            institution=institution,
            dataset=f"{population.lower()}-1000g",
            cohort=Cohort(kind="genomes", country=country, people=people, population=population, source=source),
            algorithm="allele_frequency",
            parameters={"variants": variants},
            blocks=0,
            rho_nano=LIFETIME_CAP,
            timing="immediate",
            lanes=1,
            slots=people,
            family_size=1,
            slot_milliseconds=GENEROUS_MILLISECONDS,
            why="these genomes are published, so their holder lets one job spend a whole lifetime (rho 0.5)",
        )
        for population, (country, institution, people) in populations.items()
    ]
    return Programme(name="genomes", nodes=tuple(nodes))


POPULATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "FIN": ("FI", "biobank-helsinki"),
    "GBR": ("GB", "archive-cambridge"),
    "IBS": ("ES", "hospital-sevilla"),
    "TSI": ("IT", "istituto-trieste"),
}
