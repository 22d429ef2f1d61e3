"""The bench policy allows what no holder would, so no node but the bench's opens with it, whoever signs it."""

import json
from pathlib import Path

import pytest
from factory import HOLDER, World, digest_of, private_key

from protocol.documents.policy import Policy
from protocol.documents.strict import build
from protocol.errors import SafeconductError
from protocol.trust.root import open_policy
from sandbox.actions.init import NewNode, init_node
from sandbox.worker.wiring import POLICY_FOLDER

FILE = Path(__file__).parents[2] / "benches" / "bench_policy.json"
NOW = World().now


def new(folder: Path, node: str, holder: str) -> NewNode:
    root = World().sign(World().trust_root(holder=holder), HOLDER)
    return NewNode(
        directory=folder / "node",
        name=node,
        country="FI",
        trust_root=root,
        fingerprint=digest_of(root),
        policy=FILE.read_bytes(),
        policies=POLICY_FOLDER,
        holder_keys=[private_key(HOLDER)],
        settings={},
    )


@pytest.mark.parametrize(("node", "holder"), [("node-fi", HOLDER), ("node-bench", HOLDER), ("node-fi", "bench")])
def test_node_outside_the_bench_is_not_made_under_it(tmp_path: Path, node: str, holder: str) -> None:
    with pytest.raises(SafeconductError) as refused:
        init_node(new(tmp_path, node, holder), NOW)

    assert refused.value.code == "policy-other-node"
    assert not (tmp_path / "node").exists()


def test_node_that_is_there_does_not_open_with_it(tmp_path: Path) -> None:
    policy = build(Policy, json.loads(FILE.read_bytes()) | {"policy_set_digest": "0" * 64})

    with pytest.raises(SafeconductError) as refused:
        open_policy(World().sign(policy, HOLDER), World().open_root(), World().node)

    assert refused.value.code == "policy-other-node"


def test_bench_itself_is_made_under_it(tmp_path: Path) -> None:
    assert init_node(new(tmp_path, "node-bench", "bench"), NOW)["subject"] == "node-bench"


def test_it_allows_the_burst_and_blocks_of_one_chamber() -> None:
    numbers = json.loads(FILE.read_bytes())

    assert numbers["blocks_minimum"] == 1
    caps = [numbers[f"{name}_cap_nano"] for name in ("project", "dataset", "pool", "algorithm")]
    assert min(caps) >= 4 * 40 * numbers["job_cap_nano"]
