"""Draw a cohort: families, genotypes that follow Mendel, sex, age and diagnoses. Pure arrays, no files.

Founders' chromosome copies are drawn at the country's frequencies (Hardy-Weinberg); a child gets one copy from each
parent, and the copies of one linkage group come together. Diagnoses follow `reference.Disease`: given genotypes, age
and sex they are independent, so that a logistic regression with these terms has the stated effects as its truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.data.reference import APART, DISEASES, VARIANTS, Disease, Variant

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint8]
Generator = np.random.Generator

SIZES: Final = (1, 2, 3, 4, 5, 6)
_SIZE_SHARES: Final = (0.35, 0.20, 0.18, 0.17, 0.07, 0.03)
_COUPLES_AMONG_TWO: Final = 0.5
_MIDDLE_AGE: Final = 55.0
_YOUNGEST: Final = 18
_OLDEST: Final = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A drawn cohort. Person i is in `family[i]`; a parent of -1 is not in the cohort.

    copies: chromosome copies from father and mother x variants x people, 1 for ALT.
    diagnosed: diseases x people. treated: diseases x people.
    """

    family: Ints
    father: Ints
    mother: Ints
    male: npt.NDArray[np.bool_]
    age: Ints
    copies: Bits
    diagnosed: npt.NDArray[np.bool_]
    treated: npt.NDArray[np.bool_]

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(self.family)


def draw_cohort(
    country: str,
    people: int,
    seed: int,
    variants: Sequence[Variant] = VARIANTS,
    diseases: Sequence[Disease] = DISEASES,
) -> Cohort:
    """Draw a cohort; the same arguments give the same cohort."""
    rng = np.random.default_rng([seed, *country.encode()])
    family, rank, father, mother = _draw_families(people, rng)
    male = _draw_sexes(rank, father, mother, rng)
    age = _draw_ages(father, mother, rng)
    copies = _draw_copies(country, variants, father, mother, rng)
    dosages = {variant.rsid: copies[:, at].sum(axis=0, dtype=np.int64) for at, variant in enumerate(variants)}
    diagnosed = np.stack([_draw_diagnoses(disease, dosages, age, male, rng) for disease in diseases])
    share = np.array([[disease.drug[1] if disease.drug else 0.0] for disease in diseases])
    treated = diagnosed & (rng.random(diagnosed.shape) < share)
    return Cohort(
        family=family,
        father=father,
        mother=mother,
        male=male,
        age=age,
        copies=copies,
        diagnosed=diagnosed,
        treated=treated,
    )


def _draw_families(people: int, rng: Generator) -> tuple[Ints, Ints, Ints, Ints]:
    """Return each person's family, rank in it, father and mother: half of the twos are couples, the larger have one."""
    sizes = rng.choice(SIZES, size=people, p=_SIZE_SHARES)
    ends = np.cumsum(sizes)
    sizes = sizes[: int(np.searchsorted(ends, people)) + 1]
    sizes[-1] -= sizes.sum() - people
    family = np.repeat(np.arange(len(sizes)), sizes)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    rank = np.arange(people) - first
    size = sizes[family]
    couple = (size > 2) | ((size == 2) & (rng.random(len(sizes)) < _COUPLES_AMONG_TWO)[family])
    child = np.where(couple, rank >= 2, rank >= 1)
    lone_father = (rng.random(len(sizes)) < 0.5)[family]
    father = np.where(child & (couple | lone_father), first, -1)
    mother = np.where(child & couple, first + 1, np.where(child & ~lone_father, first, -1))
    return family, rank, father, mother


def _draw_sexes(rank: Ints, father: Ints, mother: Ints, rng: Generator) -> npt.NDArray[np.bool_]:
    male = rng.random(len(rank)) < 0.5
    child = (father >= 0) | (mother >= 0)
    second = (rank == 1) & ~child
    male[second] = False
    male[np.flatnonzero(second) - 1] = True
    male[father[father >= 0]] = True
    male[mother[mother >= 0]] = False
    return male


def _draw_ages(father: Ints, mother: Ints, rng: Generator) -> Ints:
    """Return ages in whole years: children are adults and at least sixteen years younger than their parents."""
    people = len(father)
    age = rng.integers(_YOUNGEST, _OLDEST + 1, people)
    parents = np.unique(np.concatenate([father, mother]))
    parents = parents[parents >= 0]
    age[parents] = rng.integers(48, 80, len(parents))
    couple = (father >= 0) & (mother >= 0)
    age[father[couple]] = np.clip(age[mother[couple]] + father[couple] % 7 - 2, 48, _OLDEST)
    parent = np.where(mother >= 0, mother, father)
    youngest = np.minimum(age[mother], np.where(father >= 0, age[father], age[mother]))
    youngest = np.where(mother >= 0, youngest, age[father])
    gap = rng.integers(18, 39, people)
    return np.where(parent >= 0, np.maximum(_YOUNGEST, youngest - gap), age)


def _draw_copies(country: str, variants: Sequence[Variant], father: Ints, mother: Ints, rng: Generator) -> Bits:
    people = len(father)
    copies = np.zeros((2, len(variants), people), dtype=np.uint8)
    row = {variant.rsid: at for at, variant in enumerate(variants)}
    apart = [pair for pair in APART if row.keys() >= set(pair)]
    paired = {rsid for pair in apart for rsid in pair}
    groups = [*apart, *((variant.rsid,) for variant in variants if variant.rsid not in paired)]
    for group in groups:
        low = np.zeros((2, people))
        drawn = rng.random((2, people))
        for rsid in group:  # one draw decides for the group, so its ALTs are never on one copy
            high = low + variants[row[rsid]].frequency(country)
            copies[:, row[rsid]] = (drawn >= low) & (drawn < high)
            low = high
        _inherit(copies, [row[rsid] for rsid in group], father, mother, rng)
    return copies


def _inherit(copies: Bits, rows: list[int], father: Ints, mother: Ints, rng: Generator) -> None:
    """Give children one of each parent's copies. Parents are founders here, so one pass is enough."""
    for own, parent in ((0, father), (1, mother)):
        children = np.flatnonzero(parent >= 0)
        chosen = rng.integers(0, 2, len(children))
        for row in rows:
            copies[own, row, children] = copies[chosen, row, parent[children]]


def _draw_diagnoses(
    disease: Disease, dosages: Mapping[str, Ints], age: Ints, male: npt.NDArray[np.bool_], rng: Generator
) -> npt.NDArray[np.bool_]:
    score: Floats = disease.age * (age - _MIDDLE_AGE) + disease.male * male
    for rsid, effect in disease.variants:
        if rsid in dosages:
            score = score + effect * dosages[rsid]
    risk = _logistic(score + _intercept(score, disease.prevalence))
    return rng.random(len(age)) < risk


def _logistic(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-score)))


def _intercept(score: Floats, prevalence: float) -> float:
    """Find by bisection the intercept at which the mean risk is the prevalence."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _logistic(score + middle).mean() < prevalence else (low, middle)
    return (low + high) / 2
