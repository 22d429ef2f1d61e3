"""Trust roots, policies and statuses beyond what the vectors say."""

from datetime import timedelta

import pytest
from factory import HOLDER, NODE, NOW, OFFICE, World, digest_of, key_entry

from protocol.errors import Refused
from protocol.trust import Memory, check_live, live_standing, open_next_trust_root, open_policy

WORLD = World()


def _code(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


def test_next_trust_root_is_believed() -> None:
    raw = WORLD.sign(WORLD.trust_root(version=2), HOLDER)

    assert open_next_trust_root(raw, WORLD.open_root()).version == 2


def test_next_trust_root_may_change_its_keys_if_old_and_new_ones_sign() -> None:
    following = WORLD.trust_root(version=2, root_keys=[key_entry("holder-new")])
    current = WORLD.open_root()

    assert open_next_trust_root(WORLD.sign(following, HOLDER, "holder-new"), current).version == 2
    for signers in ([HOLDER], ["holder-new"]):
        with pytest.raises(Refused) as refusal:
            open_next_trust_root(WORLD.sign(following, *signers), current)
        assert _code(refusal) == "key-unknown"


@pytest.mark.parametrize("version", [1, 2, 4])
def test_next_trust_root_of_another_version_is_refused(version: int) -> None:
    """Roll-back, fork and gap."""
    with pytest.raises(Refused) as refusal:
        open_next_trust_root(WORLD.sign(WORLD.trust_root(version=version), HOLDER), WORLD.open_root(version=2))

    assert _code(refusal) == "trust-root-version"


def test_next_trust_root_of_another_holder_is_refused() -> None:
    raw = WORLD.sign(WORLD.trust_root(version=2, holder="holder-es"), HOLDER)

    with pytest.raises(Refused) as refusal:
        open_next_trust_root(raw, WORLD.open_root())

    assert _code(refusal) == "trust-root-holder"


def test_policy_of_this_node_is_believed() -> None:
    raw = WORLD.sign(WORLD.policy(), HOLDER)

    policy, digest = open_policy(raw, WORLD.open_root(), NODE)

    assert (policy.node, digest) == (NODE, digest_of(raw))


@pytest.mark.parametrize(
    ("signer", "changes", "code"),
    [
        ("mallory", {}, "key-unknown"),
        (OFFICE, {}, "key-unknown"),
        (HOLDER, {"node": "node-es"}, "policy-other-node"),
        (HOLDER, {"holder": "holder-es"}, "policy-other-node"),
    ],
)
def test_policy_of_another_is_refused(signer: str, changes: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        open_policy(WORLD.sign(WORLD.policy(**changes), signer), WORLD.open_root(), NODE)

    assert _code(refusal) == code


def test_clock_may_differ_by_the_skew_and_no_more() -> None:
    memory = Memory(clock=NOW)

    check_live(WORLD.open_root(), NOW - timedelta(seconds=60), memory)
    with pytest.raises(Refused) as refusal:
        check_live(WORLD.open_root(), NOW - timedelta(seconds=61), memory)
    assert _code(refusal) == "clock-behind"


def test_standing_needs_every_office_asked_for() -> None:
    with pytest.raises(Refused) as refusal:
        live_standing([], WORLD.open_root(), [OFFICE], NOW, Memory())
    assert _code(refusal) == "status-missing"

    assert live_standing([], WORLD.open_root(), [], NOW, Memory()).digests == ()
