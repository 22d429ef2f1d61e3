"""A synthetic twin of a dataset, for rehearsals on a machine without data.

**A twin is a function of the dataset's catalogue entry, the view that an order asks for, and a seed** - of nothing that
was ever counted in people. Therefore:

1. The entry is read strictly: the closed list of public fields, no other. The holder chose each of its numbers.
2. Frequencies are those of `reference`, public and rounded. A site that the table does not have gets a frequency that
   follows from its name alone; a diagnosis that it does not have gets one person in ten.
3. Families, sexes, ages and diagnoses are drawn as for any synthetic cohort (`cohort`).
4. A declared column is drawn at random over what its holder declared in public: its categories, or a number.

It is then ingested and staged by the very code that does so with real data, under a key that follows from the seed, so
that block sizes, empty blocks and file formats are what a chamber will meet. Effects and frequencies are not.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.strict import build, parse_object
from sandbox.data.cohort import Cohort, draw_cohort
from sandbox.data.ingest import IngestOptions, Sources, ingest
from sandbox.data.reference import ASSEMBLY, DISEASES, POPULATIONS, VARIANTS, Disease, Variant
from sandbox.data.site import make_site, parse_key
from sandbox.data.synthesise import REFERENCE_YEAR, write_diagnoses, write_pedigree, write_sites, write_vcf
from sandbox.domain.dataset import ANY_DIAGNOSIS, DIAGNOSIS_PREFIX, Column, DatasetFacts, Kind, Unit, is_diagnosis
from sandbox.errors import BadInput

SNAPSHOT: Final = "twin"
COMMONEST, RAREST = 0.5, 0.01  # frequencies of sites that the reference does not have
PREVALENCE: Final = 0.10  # of diagnoses that the reference does not have
_AUTOSOMES: Final = frozenset(map(str, range(1, 23)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an order's view holds: variants by name (None: every site), columns, and how declared ones are written."""

    variants: tuple[str, ...] | None
    columns: tuple[str, ...]
    declared: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A twin's snapshot, how many people it has, and in what it is known to differ from any real cohort."""

    snapshot: Path
    people: int
    notes: tuple[str, ...]


def read_entry(untrusted: bytes, dataset: str | None = None) -> CatalogueEntry:
    """Read one entry, or the one of a dataset from a page of the registry's `GET /datasets`.

    Refused: anything but the closed list of fields (`document-malformed`), no or no single such dataset
    (`dataset-unclear`).
    """
    found = parse_object(untrusted, limit=64 << 20)
    listed = found.get("datasets", [found])
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    named = [one for one in entries if dataset in (None, one.get("dataset"))]
    if len(named) != 1:
        names = ", ".join(sorted(str(one.get("dataset"))[:100] for one in entries)) or "none"
        raise BadInput("dataset-unclear", f"Say which dataset with --dataset; the catalogue has {names}.")
    return build(CatalogueEntry, {name: value for name, value in named[0].items() if name != "node"})


def public_facts(entry: CatalogueEntry) -> DatasetFacts:
    """The public facts on which plans and refusals depend."""
    fields = entry.model_dump(exclude={"variants"})
    return DatasetFacts(**{**fields, "unit": Unit(entry.unit), "lineage": entry.dataset})


def make_twin(entry: CatalogueEntry, asked: Asked, seed: int, directory: Path) -> Twin:
    """Write the snapshot `directory/twin`; the same arguments write the same bytes.

    Refused: a column whose kind nobody told (`twin-column`), since the catalogue names columns only.
    """
    declared = _declared(entry, asked)
    variants, notes = _variants(entry, asked)
    diseases = _diseases(asked)
    cohort = draw_cohort(entry.country, entry.people, seed, variants, diseases)
    kept = _people_in_slots(entry, cohort)
    files = directory / "files"
    files.mkdir(parents=True)
    sources = _write(files, entry, cohort, kept, variants, diseases, declared, seed)
    codes = [name[len(DIAGNOSIS_PREFIX) :] for name in entry.columns if is_diagnosis(name)]
    options = IngestOptions(
        unit=Unit(entry.unit),
        maximum_family_size=entry.maximum_family_size,
        slots=entry.slots,
        today=date(REFERENCE_YEAR, 1, 1),
        columns=declared,
        diagnosis_codes=None if ANY_DIAGNOSIS in entry.columns else tuple(codes),
    )
    key = hashlib.sha256(f"twin\0{seed}".encode()).digest()
    info = ingest(sources, directory, key, options, snapshot_id=SNAPSHOT)
    return Twin(
        snapshot=directory / SNAPSHOT,
        people=info.people_exact,
        notes=(*_differences(entry), *notes),
    )


def _differences(entry: CatalogueEntry) -> Iterator[str]:
    yield "No record and no frequency of the real dataset is in the twin: its effects are not the real ones."
    if entry.country not in POPULATIONS:
        yield f"The reference has no frequencies of {entry.country}: those of all of Europe stand in."
    if entry.assembly != ASSEMBLY:
        yield f"Positions of known variants are those of {ASSEMBLY}, not of {entry.assembly}."


def _declared(entry: CatalogueEntry, asked: Asked) -> tuple[Column, ...]:
    """The declared columns that the order asks for, each of which somebody must have described."""
    known = {column.name.lower(): column for column in asked.declared}
    wanted = [name.lower() for name in asked.columns if name.lower() not in ("sex", "age") and not is_diagnosis(name)]
    offered = {name.lower() for name in entry.columns}
    for name in wanted:
        if name in offered and name not in known:
            sentence = f"The catalogue does not say how column {name} is written; say it with --column {name}:number."
            raise BadInput("twin-column", sentence)
    return tuple(known[name] for name in sorted(set(wanted) & offered))


def _variants(entry: CatalogueEntry, asked: Asked) -> tuple[tuple[Variant, ...], tuple[str, ...]]:
    """The twin's sites: those of the catalogue when it lists them all, else the reference's and those asked for."""
    complete = entry.sites is not None and len(entry.variants) >= entry.sites
    names = list(entry.variants)
    if not complete:
        names += [one.rsid for one in VARIANTS] + list(asked.variants or ())
    found: dict[tuple[str, int, str, str], Variant] = {}
    notes = []
    unknown = 0
    for at, name in enumerate(dict.fromkeys(names)):
        variant = _known(name) or _placed(name, at)
        if variant is None:
            notes.append(f"{name} is left out: a twin has sites of chromosomes 1 to 22 only.")
            continue
        unknown += variant.gene == ""
        found.setdefault((variant.chrom, variant.pos, variant.ref, variant.alt), variant)
    if unknown:
        notes.append(f"{unknown} sites have no public reference frequency: one that follows from the name stands in.")
    return tuple(found.values()), tuple(notes[:100])


def _known(name: str) -> Variant | None:
    site = parse_key(name)
    return next((one for one in VARIANTS if one.rsid == name or make_site(*one[2:6]) == site), None)


def _placed(name: str, at: int) -> Variant | None:
    """A site that the reference does not have: where its name says, else on chromosome 1 by its number."""
    site = parse_key(name)
    if site is not None and site.chrom not in _AUTOSOMES:
        return None
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    frequency = RAREST * (COMMONEST / RAREST) ** share
    place = (site.chrom, site.pos, site.ref, site.alt) if site else ("1", 1000 + at, "A", "G")
    return Variant(name, "", *place, (frequency,) * len(POPULATIONS))


def _diseases(asked: Asked) -> tuple[Disease, ...]:
    codes = [name[len(DIAGNOSIS_PREFIX) :].upper() for name in asked.columns if is_diagnosis(name)]
    missing = [code for code in dict.fromkeys(codes) if not any(one.code.startswith(code) for one in DISEASES)]
    return (*DISEASES, *(Disease(code, code, PREVALENCE, 0.02, 0.0, ()) for code in missing))


def _people_in_slots(entry: CatalogueEntry, cohort: Cohort) -> int:
    """How many people fit: a real cohort has no more units than public slots."""
    units = cohort.family if entry.unit == "family" else np.arange(cohort.people)
    return int(np.searchsorted(units, entry.slots))


def _write(
    files: Path,
    entry: CatalogueEntry,
    cohort: Cohort,
    kept: int,
    variants: Sequence[Variant],
    diseases: Sequence[Disease],
    declared: Sequence[Column],
    seed: int,
) -> Sources:
    """Write the files of the first `kept` people, as a data holder would bring them."""
    cohort = _first(cohort, kept)
    ids = [f"T{number:07d}" for number in range(1, kept + 1)]
    sources = Sources(
        vcf=files / "cohort.vcf.gz",
        samples=files / "subjects.csv",
        diagnoses=files / "diagnoses.parquet",
        pedigree=files / "pedigree.ped" if entry.unit == "family" else None,
        sites=files / "sites.tsv" if entry.sites is not None else None,
    )
    write_vcf(sources.vcf, cohort, ids, variants)
    write_diagnoses(files / "diagnoses.parquet", cohort, np.array(ids), diseases)
    if sources.pedigree:
        write_pedigree(sources.pedigree, cohort, ids)
    if sources.sites:
        write_sites(sources.sites, variants)
    rng = np.random.default_rng([seed, 1])
    columns = [_values(column, kept, rng) for column in declared]
    sexes = np.where(cohort.male, "male", "female")
    with sources.samples.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["subject_id", "sex", "age", *(column.name for column in declared)])
        table.writerows(zip(ids, sexes.tolist(), cohort.age.tolist(), *columns, strict=True))
    return sources


def _first(cohort: Cohort, kept: int) -> Cohort:
    """The first people of a cohort; families come one after another, so none is cut."""
    return Cohort(
        family=cohort.family[:kept],
        father=cohort.father[:kept],
        mother=cohort.mother[:kept],
        male=cohort.male[:kept],
        age=cohort.age[:kept],
        copies=cohort.copies[:, :, :kept],
        diagnosed=cohort.diagnosed[:, :kept],
        treated=cohort.treated[:, :kept],
    )


def _values(column: Column, people: int, rng: np.random.Generator) -> list[str]:
    if column.kind is Kind.CATEGORY:
        return [column.categories[at] for at in rng.integers(0, len(column.categories), people)]
    return [f"{value:.{column.decimals}f}" for value in rng.normal(50, 15, people)]
