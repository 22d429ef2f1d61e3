"""What a node sends about a padded job is the same whatever its chambers did, apart from noise, ids and signatures.

The actions, the gate, the seal and the documents are real; the chambers are pretended, so that they can do exactly what
is wanted, and every request to the registry is kept.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from factory import recipient_key

from protocol.chain import open_release
from protocol.documents.envelope import read_envelope
from protocol.documents.receipt import Receipt
from sandbox.chambers.fake import Ending

OF_ITS_OWN = {"order", "release_digest", "ledger_head", "rho_left_nano", "issued", "checkpoint", "proofs"}
OF_THE_NOISE = {"value", "noise_interval", "total_interval"}
TELL_TALE = re.compile(
    r"fail|crash|kill|oom|second|duration|elapsed|memory|cpu|exit|late_|missing|count", re.IGNORECASE
)
MISBEHAVIOUR: dict[str, Ending] = {
    "crashes": Ending(exit_code=3),
    "dies": Ending(wrote=b'{"share": 0.5}', exit_code=137, out_of_memory=True),
    "sleeps": Ending(wrote=b'{"share": 0.5}', seconds=3600),
    "floods": Ending(wrote=b"x" * 100_000),
    "shouts": Ending(wrote=b'{"share": 1e300}'),
}


def honest(_input: bytes, _block: Path) -> Ending:
    return Ending(wrote=b'{"share": 0.5}')


def sent(kit: Any, chamber: Callable[[bytes, Path], Ending]) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Run one padded job; return its requests, and all that its documents say but what must differ between jobs."""
    kit.chamber = chamber
    before = len(kit.registry.calls)
    order = kit.take()
    row = kit.finish(order, rings=30)
    calls = [call for call in kit.registry.calls[before:] if not call[1].startswith("/images/")]
    receipt = read_envelope(kit.sealed(order).receipt).untrusted(Receipt)
    release = open_release(kit.sealed(order).ciphertext, receipt, recipient_key()).model_dump(mode="json")
    outputs = [{k: v for k, v in output.items() if k not in OF_THE_NOISE} for output in release.pop("outputs")]
    said = {
        "receipt": {k: v for k, v in receipt.model_dump(mode="json").items() if k not in OF_ITS_OWN},
        "release": {k: v for k, v in release.items() if k not in OF_ITS_OWN},
        "outputs": outputs,
        "issued after": (receipt.issued - row.charged_at).total_seconds() // 60,
        "lengths": [len(body) for _, path, body in calls if "releases" in path],
    }
    return [(method, path.replace(order, "ORDER")) for method, path, _ in calls], said


def names(said: object) -> set[str]:
    """Every name of a field, at any depth."""
    if isinstance(said, dict):
        return set(said) | {name for value in said.values() for name in names(value)}
    return {name for item in said for name in names(item)} if isinstance(said, list) else set()


@pytest.mark.parametrize("how", MISBEHAVIOUR)
def test_what_leaves_is_the_same_whatever_a_chamber_did(kit: Any, how: str) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    calls = iter(range(100))

    first = sent(kit, honest)
    second = sent(kit, lambda *given: MISBEHAVIOUR[how] if next(calls) == 0 else honest(*given))

    assert next(calls) == 4
    assert second == first


def test_no_field_that_leaves_is_named_for_what_a_run_did(kit: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)

    _, said = sent(kit, honest)
    fields = names(said["receipt"]) | names(said["release"]) | names(said["outputs"])

    assert {"timing", "profile", "assumptions"} <= fields
    assert [name for name in fields if TELL_TALE.search(name)] == []
