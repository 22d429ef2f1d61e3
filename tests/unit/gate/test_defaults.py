"""The defaults that are proposed to data holders are a policy that can be signed, and their document says the truth."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from factory import World

from sandbox.gate import epsilon

POLICIES = Path(__file__).parents[3] / "policies"
DEFAULTS = json.loads((POLICIES / "gate.json").read_text("utf-8"))
TEXT = (POLICIES / "gate.md").read_text("utf-8")


def test_defaults_and_the_holders_own_fields_are_a_whole_policy() -> None:
    policy = World().policy(**DEFAULTS)

    holders_own = {"holder", "node", "version", "policy_set_digest"}
    assert set(type(policy).model_fields) == set(DEFAULTS) | holders_own


def test_each_field_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)`", TEXT, re.MULTILINE) == list(DEFAULTS)


@pytest.mark.parametrize("field", ["job_cap_nano", "project_cap_nano", "dataset_cap_nano"])
def test_epsilon_of_a_cap_is_the_one_that_is_written(field: str) -> None:
    written = re.search(rf"^\| `{field}` \|.*ε = ([0-9.]+)", TEXT, re.MULTILINE)

    assert written is not None
    assert epsilon(DEFAULTS[field], Decimal(DEFAULTS["delta"])) == pytest.approx(
        Decimal(written[1]), abs=Decimal("0.006")
    )
