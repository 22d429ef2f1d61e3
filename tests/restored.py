"""A node's kit whose database can be turned back to a backup, and the ways to make that good."""

from dataclasses import replace
from typing import Any

from factory import World, key_entry, private_key

from protocol.documents.envelope import sign_statement
from protocol.errors import SafeconductError
from sandbox.actions.clock import GuardedClock
from sandbox.actions.restore import Site, apply_restore, prepare
from sandbox.actions.sign_restore import sign_restore
from sandbox.domain.ledger import Scope
from sandbox.store import ledger
from sandbox.store.base import Store
from sandbox.store.ledger_head import check_head

CUSTODIANS = [{"person": name, "keys": [key_entry(name), key_entry(f"{name}-2")]} for name in ("cleo", "carl")]
RHO = 2_000_000


class Restored:
    """A node's kit, and the ways to turn its database back and to make that good."""

    def __init__(self, kit: Any) -> None:
        self.kit, self.world, self.database = kit, kit.world, kit.database

    def save(self) -> None:
        self.database.save()

    def turn_back(self) -> None:
        self.kit.node.store.close()
        self.database.turn_back()
        store = Store(self.database.url)
        self.kit.node = replace(self.kit.node, store=store, clock=GuardedClock(store, self.kit.clock))

    @property
    def site(self) -> Site:
        node = self.kit.node
        return Site(
            node=node.name,
            store=node.store,
            head_file=node.places.ledger_head,
            root=World().open_root(custodians=CUSTODIANS),
            policy=node.trust.policy,
            policy_raw=(self.kit.folder / "node" / "policy.json").read_bytes(),
            key=node.signer.public,
        )

    def sealed(self, *orders: str) -> list[bytes]:
        return [self.kit.sealed(order).receipt for order in orders]

    def document(self, receipts: list[bytes], *signers: str, reserve: int | None = None, changes: Any = ()) -> bytes:
        restore, _ = prepare(self.site, receipts, reserve, "the disk died", self.kit.clock())
        raw = sign_statement(restore.model_copy(update=dict(changes)), [private_key(signers[0] if signers else "cleo")])
        for name in signers[1:] if signers else ("carl",):
            raw, _, _ = sign_restore(raw, private_key(name))
        return raw

    def apply(self, receipts: list[bytes], raw: bytes | None = None) -> Any:
        return apply_restore(self.site, raw or self.document(receipts), receipts, self.kit.clock())

    def opens(self) -> str:
        """What opening the node says of its ledger: nothing, or a code."""
        try:
            with self.kit.node.store.reading() as session:
                check_head(self.kit.node.places.ledger_head, session)
                ledger.check_ledger(session)
        except SafeconductError as error:
            return error.code
        return "opens"

    def spent(self, scope: Scope, name: str) -> int:
        with self.kit.node.store.reading() as session:
            return ledger.spent(session, scope, name)

    def charges(self, order: str) -> int:
        with self.kit.node.store.reading() as session:
            return len([entry for entry in ledger.entries(session) if entry.scopes.job == order])
