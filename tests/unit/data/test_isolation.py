"""DESIGN 12: a block's files are a function of that block's units and public constants only.

One unit is replaced by nothing, by other people, by one with a variant that nobody else has, with a category and a
diagnosis that nobody else has, with longer strings. Then every other chamber's folder is the same to the byte.
"""

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cohorts import KEY, Cohort, ingest_cohort, make_cohort

from sandbox.data.partition import KeyedHash
from sandbox.data.stage import SUBJECTS_FILE, VARIANTS_FILE, stage
from sandbox.domain.dataset import StagePlan

BLOCKS = 16
TARGET = "F011"
COLUMNS = ("sex", "age", "smoker", "bmi", "dx_E11", "dx_C50")


def _nothing(cohort: Cohort) -> Cohort:
    return cohort.without(*cohort.family(TARGET))


def _other_people(cohort: Cohort) -> Cohort:
    kept = _nothing(cohort)
    person = {"sex": "male", "age": "33", "diagnoses": "G30", "smoker": "never", "bmi": "20"}
    return replace(
        kept,
        people={**kept.people, "ZZ1": person, "ZZ2": person},
        calls={**kept.calls, "ZZ1": ["1/1"] * len(kept.records), "ZZ2": ["0/0"] * len(kept.records)},
        families={**kept.families, "ZZ1": TARGET, "ZZ2": TARGET},
    )


def _new_site(cohort: Cohort) -> Cohort:
    """They carry a variant that nobody else has, in the middle of the file: one more record for everybody."""
    members = cohort.family(TARGET)
    records = [*cohort.records[:2], ("chr1", 250, "rs_new", "C", "CTTTT"), *cohort.records[2:]]
    calls = {s: [*c[:2], "0/1" if s in members else "0/0", *c[2:]] for s, c in cohort.calls.items()}
    return replace(cohort, records=records, calls=calls)


def _new_alleles(cohort: Cohort) -> Cohort:
    """They carry a deletion and a third allele at a known site: its REF grows and its ALTs are renumbered."""
    members = cohort.family(TARGET)
    records = [("chr1", 100, "rs100;rs_new", "ACC", "A,GCC,TCC"), *cohort.records[1:]]
    renumbered = {s: [c[0].replace("1", "2"), *c[1:]] for s, c in cohort.calls.items()}
    calls = {s: ["1/3", *c[1:]] if s in members else c for s, c in renumbered.items()}
    return replace(cohort, records=records, calls=calls)


def _new_category(cohort: Cohort) -> Cohort:
    members = cohort.family(TARGET)
    changed = {"smoker": "current", "diagnoses": "C50;E11", "age": "101"}
    people = {s: {**row, **changed} if s in members else row for s, row in cohort.people.items()}
    return replace(cohort, people=people)


def _longer_strings(cohort: Cohort) -> Cohort:
    members = cohort.family(TARGET)
    new = {s: s + "-with-a-much-longer-name" if s in members else s for s in cohort.people}
    people = {new[s]: {**row, "bmi": "1234567.25"} if s in members else row for s, row in cohort.people.items()}
    calls = {new[s]: c for s, c in cohort.calls.items()}
    return replace(cohort, people=people, calls=calls, families={new[s]: f for s, f in cohort.families.items()})


REPLACEMENTS = [_nothing, _other_people, _new_site, _new_alleles, _new_category, _longer_strings]


def _folder(path: Path | None) -> dict[str, tuple[bytes, int, int, int]] | None:
    """Return all that a chamber could see of its folder: names, bytes, sizes, times, permissions."""
    if path is None:
        return None
    seen = {}
    for one in [path, *path.iterdir()]:
        status = one.stat()
        size = 0 if one.is_dir() else status.st_size
        content = b"" if one.is_dir() else one.read_bytes()
        name = "" if one == path else one.name
        seen[name] = (content, size, status.st_mtime_ns, stat.S_IMODE(status.st_mode))
    return seen


@pytest.mark.parametrize("variants", [None, ("1:100:A:G", "chr2:50:T:C", "1:250:C:CTTTT")], ids=["all", "named"])
@pytest.mark.parametrize("listed", [False, True], ids=["carried", "listed"])
@pytest.mark.parametrize("replaced", REPLACEMENTS, ids=lambda change: change.__name__.strip("_"))
def test_block_files_when_one_unit_is_replaced(
    tmp_path: Path, replaced: Callable[[Cohort], Cohort], listed: bool, variants: tuple[str, ...] | None
) -> None:
    if listed and variants:
        variants = variants[:2]  # an order can name only sites of the list
    before, after = make_cohort(listed=listed), replaced(make_cohort(listed=listed))
    plan = StagePlan(mode="block", chambers=BLOCKS, variants=variants, columns=COLUMNS)
    one = stage(ingest_cohort(before, tmp_path), plan, tmp_path / "one")
    two = stage(ingest_cohort(after, tmp_path), plan, tmp_path / "two")
    differing = [block for block in range(BLOCKS) if _folder(one[block]) != _folder(two[block])]
    own = KeyedHash(KEY).micro_block(f"family:{TARGET}") % BLOCKS
    seen_by_nobody = replaced is _new_site and (listed or (variants is not None and len(variants) < 3))
    assert differing == ([] if seen_by_nobody else [own])


@pytest.mark.parametrize("listed", [False, True], ids=["carried", "listed"])
@pytest.mark.parametrize("replaced", REPLACEMENTS, ids=lambda change: change.__name__.strip("_"))
def test_unit_files_when_one_unit_is_replaced(
    tmp_path: Path, replaced: Callable[[Cohort], Cohort], listed: bool
) -> None:
    before = make_cohort(listed=listed)
    first = ingest_cohort(before, tmp_path)
    plan = StagePlan(mode="unit", chambers=60, variants=None, columns=COLUMNS)
    one = stage(first, plan, tmp_path / "one")
    two = stage(ingest_cohort(replaced(before), tmp_path, previous=first), plan, tmp_path / "two")
    differing = [slot for slot in range(60) if _folder(one[slot]) != _folder(two[slot])]
    assert len(differing) == (0 if replaced is _new_site and listed else 1)
    if replaced is _nothing:
        assert two[differing[0]] is None


@pytest.mark.parametrize("mode", ["block", "unit"])
@pytest.mark.parametrize("replaced", REPLACEMENTS, ids=lambda change: change.__name__.strip("_"))
def test_files_do_not_tell_in_which_format_the_holder_keeps_everybody(
    tmp_path: Path, replaced: Callable[[Cohort], Cohort], mode: str
) -> None:
    """From BCF and Parquet the same bytes are staged as from VCF and TSV, before and after one unit is replaced.

    So all that the tests above say of one format holds for the others.
    """
    plan = StagePlan(mode=mode, chambers=BLOCKS if mode == "block" else 60, variants=None, columns=COLUMNS)
    previous: dict[bool, Path | None] = {False: None, True: None}
    for at, cohort in enumerate((make_cohort(), replaced(make_cohort()))):
        seen = []
        for binary in (False, True):
            snapshot = ingest_cohort(cohort, tmp_path, previous[binary], binary=binary)
            previous[binary] = snapshot
            seen.append([_folder(path) for path in stage(snapshot, plan, tmp_path / f"{at}-{binary}")])
        assert seen[0] == seen[1]


def test_every_staged_format_is_one_that_these_tests_know(tmp_path: Path) -> None:
    """Whoever stages another file brings a replacement that would show in it."""
    plan = StagePlan(mode="block", chambers=BLOCKS, variants=None, columns=COLUMNS)
    folders = stage(ingest_cohort(make_cohort(), tmp_path), plan, tmp_path / "one")
    names = {name for path in folders for name in _folder(path) or {}}
    assert names == {"", SUBJECTS_FILE, VARIANTS_FILE}


def test_replacement_changes_what_a_naive_subset_would_show(tmp_path: Path) -> None:
    """The test above has teeth: the holder's own records change for everybody when one unit is replaced."""
    before, after = make_cohort(), _new_alleles(make_cohort())
    bystander = [s for s in before.people if s not in before.family(TARGET)][:1]
    assert before.rows(bystander) != after.rows(bystander)


def test_staged_files_do_not_depend_on_order_of_holders_files(tmp_path: Path) -> None:
    cohort = make_cohort()
    turned = replace(
        cohort, people=dict(reversed(cohort.people.items())), families=dict(reversed(cohort.families.items()))
    )
    plan = StagePlan(mode="block", chambers=BLOCKS, variants=None, columns=COLUMNS)
    one = stage(ingest_cohort(cohort, tmp_path), plan, tmp_path / "one")
    two = stage(ingest_cohort(turned, tmp_path), plan, tmp_path / "two")
    assert [_folder(path) for path in one] == [_folder(path) for path in two]
