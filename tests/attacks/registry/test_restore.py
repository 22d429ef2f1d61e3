"""A node that was restored before a real registry: it gets its own receipts back, and no replayed order runs again."""

import shutil
from dataclasses import replace
from typing import Any

from attacks.registry.place import Stage
from factory import digest_of, key_entry, private_key

from protocol.documents.envelope import sign_statement
from sandbox.actions.clock import GuardedClock
from sandbox.actions.restore import Site, apply_restore, prepare
from sandbox.actions.sign_restore import sign_restore
from sandbox.domain.ledger import Scope
from sandbox.store import ledger
from sandbox.store.ledger_head import check_head
from sandbox.worker.wiring import open_store

CUSTODIANS = [{"person": name, "keys": [key_entry(name)]} for name in ("cleo", "carl")]


def site_of(stage: Stage, store: Any) -> Site:
    node = stage.kit.node
    return Site(
        node=node.name,
        store=store,
        head_file=node.places.ledger_head,
        root=stage.world.open_root(custodians=CUSTODIANS),
        policy=node.trust.policy,
        policy_raw=(stage.folder / "node" / "policy.json").read_bytes(),
        key=node.signer.public,
    )


def turn_back(stage: Stage) -> Site:
    """Put the database of before in place, as an operator does who has only that."""
    stage.kit.node.store.close()
    for part in (stage.folder / "node").glob("node.db*"):
        part.unlink()
    shutil.copy(stage.folder / "backup.db", stage.folder / "node" / "node.db")
    store = open_store(stage.settings)
    stage.kit.node = replace(stage.kit.node, store=store, clock=GuardedClock(store, stage.clock))
    return site_of(stage, store)


def test_receipts_that_the_registry_keeps_restore_a_node_and_replays_get_them_again(stage: Stage) -> None:
    stage.kit.node.store.engine.dispose()
    shutil.copy(stage.folder / "node" / "node.db", stage.folder / "backup.db")
    bundle = stage.order()
    order = digest_of(bundle.order)
    stage.poll()
    assert stage.kit.finish(order).state == "reported"
    answered = stage.kit.sealed(order)

    site = turn_back(stage)
    kept = list(stage.kit.node.registry.kept_receipts())
    assert answered.receipt in kept
    ours = [raw for raw in kept if digest_of(raw) == digest_of(answered.receipt)]
    statement, _ = prepare(site, ours, None, "the disk died", stage.clock())
    raw, _, _ = sign_restore(sign_statement(statement, [private_key("cleo")]), private_key("carl"))
    apply_restore(site, raw, ours, stage.clock())
    stage.handed(bundle)
    row = stage.kit.finish(order)

    assert row.state == "cancelled"
    assert stage.kit.sealed(order).receipt == answered.receipt
    with site.store.reading() as session:
        assert check_head(site.head_file, session) == ledger.check_ledger(session)
        assert ledger.spent(session, Scope.POOL, "people") == 2_000_000
