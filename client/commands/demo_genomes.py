"""The programme on real genomes: whom the published panel names, and which of the public sites are asked for."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from client.commands.demo_plan import POPULATIONS, Cohort, Programme, genomes
from client.errors import UsageProblem


def programme(source: Path) -> Programme:
    """Read who is in the panel. Which variants are asked for is settled when the cohorts are there."""
    people = _count(_only(source, "*.panel"))
    missing = sorted(POPULATIONS.keys() - people.keys())
    if missing:
        raise UsageProblem(
            "genomes-panel", f"The panel in {source} has nobody of {missing[0]}; use the 1000 Genomes panel."
        )
    populations = {name: (*POPULATIONS[name], people[name]) for name in POPULATIONS}
    _only(source, "*.vcf.gz")
    return genomes(source, populations, [])


def with_variants(plain: Programme, cohorts: Mapping[Cohort, Path]) -> Programme:
    """Ask for every site of the public list, by its ID, or as CHROM:POS:REF:ALT where it has none."""
    nodes = [replace(plan, parameters={"variants": site_names(cohorts[plan.cohort])}) for plan in plain.nodes]
    return replace(plain, nodes=tuple(nodes))


def site_names(cohort: Path) -> list[str]:
    """Return the names of the sites of a cohort's public list."""
    with (cohort / "sites.tsv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text, delimiter="\t"))
    return [row["ID"] if row["ID"] != "." else f"{row['CHROM']}:{row['POS']}:{row['REF']}:{row['ALT']}" for row in rows]


def _only(source: Path, pattern: str) -> Path:
    found = sorted(source.glob(pattern)) if source.is_dir() else []
    if len(found) != 1:
        raise UsageProblem("genomes-missing", f"{source} must hold exactly one {pattern} file; it holds {len(found)}.")
    return found[0]


def _count(panel: Path) -> Counter[str]:
    with panel.open(newline="", encoding="utf-8") as text:
        return Counter(row["pop"] for row in csv.DictReader(text, delimiter="\t"))
