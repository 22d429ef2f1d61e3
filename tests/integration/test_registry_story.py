"""One order's whole way over a real registry, and what strangers see of it: nothing."""

from collections.abc import Iterator
from pathlib import Path

import played_node
import pytest
from databases import Database
from factory import AUTHOR, NODE, OFFICE, RESEARCHER, recipient_key
from registry_process import Registry, running

from protocol.chain import open_release, verify_receipt

OTHER_NODE, OTHER = "node-es", "eve"


@pytest.fixture
def registry(tmp_path: Path, database: Database) -> Iterator[Registry]:
    yield from running(tmp_path, database.url)


def test_from_submission_to_release(registry: Registry) -> None:
    world = registry.world
    for subject in (OTHER_NODE, OTHER):
        registry.publish("accreditations", world.sign(world.accreditation(subject), OFFICE))

    algorithm = registry.publish("algorithms", world.sign(world.algorithm(), AUTHOR))
    approvals = [
        registry.publish("approvals", world.sign(world.approval(member, algorithm, registry.roster), member))
        for member in ("meri", "mikko")
    ]
    (review,) = registry.request("GET", "/reviews").json()["reviews"]
    assert review["state"] == "approved"

    order_id = registry.publish("orders", registry.order(approvals=approvals))
    root = world.open_root()
    verified = played_node.take(registry, root, world.now)
    assert verified.order_id == order_id
    played_node.answer(registry, verified)

    mine = f"/orders/{order_id}"
    assert registry.request("GET", mine, RESEARCHER).json()["state"] == "released"
    receipt = verify_receipt(
        registry.request("GET", f"{mine}/receipt", RESEARCHER).content,
        accreditations=[registry.request("GET", f"/accreditations/{NODE}", RESEARCHER).content],
        statuses=[text.encode() for text in registry.request("GET", "/statuses").json()["statuses"]],
        trust_root=root,
    )
    release = open_release(registry.request("GET", f"{mine}/release", RESEARCHER).content, receipt, recipient_key())
    assert str(release.outputs[0].value) == "0.31"

    for who in (OTHER, OTHER_NODE, AUTHOR, "meri", OFFICE):
        for path in (mine, f"{mine}/receipt", f"{mine}/release", f"/documents/{order_id}"):
            assert registry.request("GET", path, who).status_code == 404, (who, path)
    assert registry.request("GET", f"{mine}/release", NODE).status_code == 404
