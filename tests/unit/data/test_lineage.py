"""From snapshot to snapshot: what a lineage keeps, what a snapshot is."""

import json
import stat
from pathlib import Path

import pytest
from cohorts import ingest_cohort, make_cohort

from sandbox.data.snapshot import facts_of, read_info, read_lineage
from sandbox.errors import BadInput

FACTS = {"dataset": "d", "lineage": "l", "people": 100, "duo": ("DUO:0000042",), "country": "FI", "assembly": "GRCh38"}


def test_snapshot_is_read_only_and_says_what_it_was_made_of(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in snapshot.iterdir()} == {0o400}
    assert stat.S_IMODE(snapshot.stat().st_mode) == 0o700
    assert set(read_info(snapshot).sources) == {"vcf", "samples", "pedigree"}


def test_facts_hold_no_number_that_was_counted(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path)
    info = read_info(snapshot)
    fewer = read_info(ingest_cohort(make_cohort().without("S003a"), tmp_path, previous=snapshot))
    one, two = facts_of(info, **FACTS), facts_of(fewer, **FACTS)  # type: ignore[arg-type]
    assert info.people_exact != fewer.people_exact
    assert {
        name: (getattr(one, name), getattr(two, name))
        for name in one.__slots__
        if getattr(one, name) != getattr(two, name)
    } == {"snapshot": (info.snapshot_id, fewer.snapshot_id)}


def test_withdrawn_family_keeps_its_slot_empty(tmp_path: Path) -> None:
    cohort = make_cohort()
    first = ingest_cohort(cohort, tmp_path)
    second = ingest_cohort(cohort.without(*cohort.family("F005")), tmp_path, previous=first)
    third = ingest_cohort(cohort, tmp_path, previous=second)
    assert dict(read_lineage(first).slots) == dict(read_lineage(second).slots) == dict(read_lineage(third).slots)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("lineage-unit-changed", {"maximum_family_size": 3}),
        ("lineage-slots-changed", {"slots": 61}),
    ],
)
def test_public_choices_of_a_lineage_never_change(tmp_path: Path, code: str, changes: dict[str, int]) -> None:
    first = ingest_cohort(make_cohort(), tmp_path)
    with pytest.raises(BadInput) as refused:
        ingest_cohort(make_cohort(), tmp_path, previous=first, **changes)
    assert refused.value.code == code


def test_snapshot_of_another_version(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path)
    manifest = snapshot / "snapshot.json"
    fields = json.loads(manifest.read_text())
    manifest.chmod(0o600)
    manifest.write_text(json.dumps({**fields, "format": 0}))
    with pytest.raises(BadInput) as refused:
        read_info(snapshot)
    assert refused.value.code == "snapshot-format"
