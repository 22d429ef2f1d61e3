"""The chamber plan: what it refuses, and when its slots are."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from chamber_plans import START, plan

from sandbox.domain.chamber import FIRST_UID, LAST_UID, MAXIMUM_CHAMBERS, Profile, check_profile, uid_base
from sandbox.errors import InfrastructureLost, Refused


def test_slots_follow_each_other_in_each_lane() -> None:
    starts = [plan().slot(chamber)[0] - START for chamber in range(3)]

    assert starts == [timedelta(0), timedelta(0), timedelta(seconds=10)]
    assert plan().end_at == START + timedelta(seconds=20)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("chamber-plan-job", {"job": "a/b"}),
        ("chamber-plan-job", {"job": ""}),
        ("chamber-plan-job", {"job": "x" * 129}),
        ("chamber-plan-job", {"fence": -1}),
        ("chamber-plan-image", {"image_id": "approved:latest"}),
        ("chamber-plan-image", {"image_id": "a" * 64}),
        ("chamber-plan-entrypoint", {"entrypoint": ()}),
        ("chamber-plan-entrypoint", {"entrypoint": ("python3", "/program.py")}),
        ("chamber-plan-entrypoint", {"entrypoint": ("/program", "a\0b")}),
        ("chamber-plan-runtime", {"oci_runtime": "../runc"}),
        ("chamber-plan-start", {"start_at": datetime(2026, 11, 23)}),  # noqa: DTZ001  the fault
        ("chamber-plan-limit", {"block_dirs": ()}),
        ("chamber-plan-limit", {"lanes": 0}),
        ("chamber-plan-limit", {"lanes": 65}),
        ("chamber-plan-limit", {"slot_seconds": 0}),
        ("chamber-plan-limit", {"memory_bytes": 1 << 20}),
        ("chamber-plan-limit", {"output_bytes": 0}),
        ("chamber-plan-limit", {"output_bytes": 1 << 30}),
        ("chamber-plan-limit", {"input_json": b""}),
        ("chamber-plan-limit", {"uid_base": 1000}),
        ("chamber-plan-limit", {"uid_base": LAST_UID}),
    ],
)
def test_plan_is_refused_for_its_fault(code: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        plan(**changes)

    assert refusal.value.code == code


def test_jobs_have_uids_of_their_own_that_exist() -> None:
    bases = sorted(uid_base(f"order-{number}") for number in range(200))

    assert bases[0] >= FIRST_UID
    assert bases[-1] + MAXIMUM_CHAMBERS <= LAST_UID
    assert min(later - earlier for earlier, later in itertools.pairwise(bases)) > 128
    assert uid_base("job-1") == uid_base("job-1")


def test_profile_that_an_engine_does_not_offer_is_refused() -> None:
    check_profile(Profile.STANDARD, Profile.STANDARD, Profile.STRICT)

    with pytest.raises(InfrastructureLost, match="profile-unavailable"):
        check_profile(Profile.STRICT, Profile.STANDARD)
