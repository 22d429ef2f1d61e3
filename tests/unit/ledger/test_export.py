"""An exported ledger is checked without its node: what is cut off, altered or moved is refused by its code."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from factory import HOLDER, NODE, NOW, World, digest_of, key_entry, private_key

from protocol.documents.envelope import read_claim, sign_statement
from protocol.documents.key import Key
from protocol.documents.ledger_head import LedgerHead
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.receipt import Receipt
from protocol.documents.strict import build
from protocol.errors import SafeconductError
from sandbox.actions.export_ledger import check_file, export_ledger
from sandbox.domain.check_export import check_export, spent
from sandbox.domain.ledger import GENESIS, Head, Kind, LedgerEntry, Scope, Scopes, entry_digest, next_entry
from sandbox.domain.ledger_export import Header, head_line, read_export, to_line, to_public_line, write_lines
from sandbox.domain.restore import Gap, Witnessed, restore_entries
from sandbox.store import ledger
from sandbox.store.base import Store
from sandbox.store.policy import remember_policy

from .conftest import Book

WORLD = World()
KEY = private_key(NODE)
CAP = 1_000
NO_ACCOUNT = Scopes(pool="", lineage="", project="", algorithm="", job="")


def policy(version: int = 1, cap: int = CAP) -> bytes:
    caps = {f"{name}_cap_nano": cap for name in ("pool", "dataset", "project", "algorithm", "job")}
    return WORLD.sign(WORLD.policy(version=version, **caps), HOLDER)


class Chain:
    """Entries one after the other, and the documents behind them."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.policies, self.restores = [policy()], list[bytes]()

    @property
    def head(self) -> Head:
        return self.entries[-1].head if self.entries else GENESIS

    def charge(self, name: str, rho_nano: int = 100, **changes: Any) -> "Chain":
        order = sha256(name.encode()).hexdigest()
        scopes = Scopes(pool="people", lineage="cohort", project="secret-project", algorithm="a" * 64, job=order)
        fields = {"order_id": order, "nonce": f"rita:{name}", "scopes": scopes, "rho_nano": rho_nano, "now": NOW}
        self.entries.append(next_entry(self.head, **fields | changes))
        return self

    def change(self, version: int, cap: int, *, evidence: str = "") -> "Chain":
        raw = policy(version, cap)
        self.policies.append(raw)
        name = evidence or digest_of(raw)
        return self.charge(name, 0, order_id=name, nonce=name, scopes=NO_ACCOUNT, kind=Kind.POLICY, evidence=name)

    def restore(self, proved: Sequence[Witnessed] = (), **changes: Any) -> "Chain":
        witnessed = Head(sequence=self.head.sequence + 2, digest="d" * 64)
        fields = {
            "holder": HOLDER,
            "node": NODE,
            "ledger_sequence": self.head.sequence,
            "ledger_head": self.head.digest,
            "witnessed_sequence": witnessed.sequence,
            "witnessed_head": witnessed.digest,
            "receipts": [one.receipt for one in proved],
            "reserve_nano": 10,
            "prepared": NOW,
            "reason": "the disk died",
        }
        raw = WORLD.sign(build(LedgerRestore, fields | changes), "cleo", "carl")
        self.restores.append(raw)
        gap = Gap(ledger=self.head, witnessed=witnessed, proved=tuple(proved))
        made = restore_entries(
            gap, document=digest_of(raw), pool="people", lineages=["cohort"], reserve_nano=10, now=NOW
        )
        self.entries += made
        return self

    def file(self, *, public: bool = False, node: str = NODE, **head: Any) -> bytes:
        header = Header(format="safeconduct-ledger-v1", node=NODE, public=public, key=Key.of(KEY.public))
        lines = [to_public_line(one, b"salt") if public else to_line(one) for one in self.entries]
        body = write_lines(header, self.policies, [] if public else self.restores, lines)
        fields = {"sequence": self.head.sequence, "head": self.head.digest, "export": sha256(body).hexdigest()}
        statement = LedgerHead(node=node, issued=NOW, **fields | head)
        return body + head_line(sign_statement(statement, [KEY]))


def receipt(entry: LedgerEntry | None = None, signer: str = NODE, *, order_id: str = "", **changes: Any) -> bytes:
    order = WORLD.order("a" * 64, ["b" * 64])
    fields: dict[str, Any] = {"ledger_head": GENESIS.digest, "issued": NOW}
    if entry is not None:
        fields |= {"decision": "failed", "rho_charged_nano": entry.rho_nano, "ledger_head": entry.digest}
    return WORLD.sign(
        WORLD.receipt(order, order_id or (entry.order_id if entry else "c" * 64), **fields | changes), signer
    )


def checked(raw: bytes, *receipts: bytes) -> Head:
    return check_export(read_export(raw), [read_claim(one, Receipt) for one in receipts])


def refused(raw: bytes, *receipts: bytes) -> str:
    with pytest.raises(SafeconductError) as caught:
        checked(raw, *receipts)
    return caught.value.code


def three() -> Chain:
    return Chain().charge("one").charge("two").charge("three")


def test_true_export_is_believed_with_its_sums() -> None:
    chain = three()

    assert checked(chain.file(), *map(receipt, chain.entries), receipt()) == chain.head
    assert spent(read_export(chain.file()).entries)[Scope.POOL, "people"] == 300
    assert checked(Chain().file()) == GENESIS


def test_file_that_was_cut_off_is_refused() -> None:
    lines = three().file().splitlines(keepends=True)

    assert refused(b"".join(lines[:-1])) == "export-truncated"
    assert refused(b"".join(lines[:-2])) == "export-truncated"
    assert refused(b"".join([*lines[:-2], lines[-1]])) == "export-altered"
    assert refused(lines[-1]) == "document-malformed"
    assert refused(b"") == "document-malformed"


def test_file_that_was_altered_or_reordered_is_refused() -> None:
    raw = three().file()
    lines = raw.splitlines(keepends=True)

    assert refused(raw.replace(b'"rho_nano":100', b'"rho_nano":1', 1)) == "export-altered"
    assert refused(b"".join([*lines[:2], lines[3], lines[2], *lines[4:]])) == "export-altered"
    assert refused(b"".join([*lines[:3], lines[2], *lines[3:]])) == "export-altered"
    assert refused(three().file(node="node-es")) == "export-altered"


def test_head_that_another_key_signed_is_refused() -> None:
    *body, _ = three().file().splitlines(keepends=True)
    export = sha256(b"".join(body)).hexdigest()
    head = LedgerHead(node=NODE, sequence=3, head=three().head.digest, export=export, issued=NOW)

    assert refused(b"".join(body) + head_line(sign_statement(head, [private_key("mallory")]))) == "export-signature"


def signed(chain: Chain, *lines: bytes) -> bytes:
    """The node itself signs whatever lines."""
    body = b"".join(lines)
    head = LedgerHead(
        node=NODE, sequence=chain.head.sequence, head=chain.head.digest, export=sha256(body).hexdigest(), issued=NOW
    )
    return body + head_line(sign_statement(head, [KEY]))


def test_lines_out_of_their_kinds_order_are_malformed_even_if_signed() -> None:
    chain = three()
    header, first_policy, first, *rest = chain.file().splitlines(keepends=True)[:-1]

    assert refused(signed(chain, header, first, first_policy, *rest)) == "export-malformed"
    assert refused(signed(chain, header, first_policy, b'{"gift":1}\n')) == "export-malformed"
    assert refused(signed(chain, header, first_policy, b'{"entry":1,"policy":2}\n')) == "export-malformed"
    assert refused(signed(chain, header, b"{}\n")) == "export-malformed"


def test_node_that_lies_about_its_chain_is_caught() -> None:
    """The node signs the file, so only the rules themselves stand in its way."""
    cheaper = three()
    cheaper.entries[1] = replace(cheaper.entries[1], rho_nano=1)
    forged = three()
    forged.entries[1] = replace(cheaper.entries[1], digest=entry_digest(cheaper.entries[1]))
    shorter = three()
    del shorter.entries[1]

    assert refused(cheaper.file()) == "ledger-entry"
    assert refused(forged.file()) == "ledger-chain"
    assert refused(shorter.file()) == "ledger-chain"
    assert refused(three().file(sequence=7)) == "export-head"
    assert refused(three().file(head="0" * 64)) == "export-head"


@pytest.mark.parametrize("changes", [{"nonce": "rita:one"}, {"order_id": sha256(b"one").hexdigest()}], ids=str)
def test_order_or_nonce_charged_twice_is_refused(changes: dict[str, str]) -> None:
    assert refused(three().charge("four", **changes).file()) == "export-twice"


def test_charge_beyond_a_cap_of_its_time_is_refused() -> None:
    assert refused(Chain().charge("one", CAP).charge("two", 1).file()) == "export-caps"
    assert checked(Chain().charge("one", CAP).change(2, CAP + 1).charge("two", 1).file())
    assert refused(Chain().charge("one", CAP).change(2, CAP + 1).charge("two", 2).file()) == "export-caps"
    assert refused(Chain().change(2, 50).charge("one", 51).file()) == "export-caps"


def test_policies_follow_each_other_as_the_chain_says() -> None:
    none, unnoted, skipped, other = Chain(), Chain(), Chain().change(3, CAP), Chain().change(2, CAP, evidence="e" * 64)
    none.policies = []
    unnoted.policies.append(policy(2))
    missing = Chain().change(2, CAP)
    missing.policies.pop()

    for chain in (none, unnoted, skipped, other, missing):
        assert refused(chain.file()) == "export-policy"


def test_restore_agrees_with_its_document() -> None:
    entry = Chain().charge("lost").entries[0]
    lost = receipt(entry)
    proved = Witnessed(
        receipt=digest_of(lost), order_id=entry.order_id, lineage="cohort", project="p", algorithm="a", rho_nano=100
    )
    chain = three().restore([proved])

    assert checked(chain.file(), lost) == chain.head
    assert spent(chain.entries)[Scope.POOL, "people"] == 300 + 10 + 100
    for changes in ({"reserve_nano": 11}, {"ledger_head": "0" * 64}, {"witnessed_sequence": 9}, {"receipts": []}):
        assert refused(three().restore([proved], **changes).file()) == "export-restore", changes
    chain.restores = []
    assert refused(chain.file()) == "export-restore"


def test_policy_in_force_at_a_restore_needs_no_entry() -> None:
    chain = Chain().charge("one", CAP).restore()
    chain.policies.append(policy(4, 3 * CAP))
    chain.charge("two", CAP)

    assert checked(chain.file()) == chain.head


def test_receipts_are_held_against_the_chain() -> None:
    chain = three()
    first, other = chain.entries[0], Chain().charge("elsewhere").entries[0]

    assert refused(chain.file(), receipt(first, "mallory")) == "export-receipt"
    assert refused(chain.file(), receipt(other)) == "export-receipt"
    assert refused(chain.file(), receipt(first, rho_charged_nano=99)) == "export-receipt"
    assert refused(chain.file(), receipt(first, order_id="f" * 64)) == "export-receipt"
    assert refused(chain.file(), receipt(ledger_head="f" * 64)) == "export-receipt"


def test_refusal_from_before_a_restore_may_name_a_lost_head() -> None:
    raw = three().restore().file()

    assert checked(raw, receipt(ledger_head="f" * 64))
    assert refused(raw, receipt(ledger_head="f" * 64, issued=NOW + dt.timedelta(days=1))) == "export-receipt"


def test_public_reading_names_nobody_and_still_adds_up() -> None:
    chain = three().change(2, CAP).restore().charge("four")
    raw = chain.file(public=True)

    assert checked(raw, receipt(chain.entries[0])) == chain.head
    for name in (b"rita", b"secret-project", chain.entries[0].order_id.encode(), b"08:00:00.000000", b"disk died"):
        assert name in chain.file() or name == b"disk died"
        assert name not in raw
    assert spent(read_export(raw).entries)[Scope.POOL, "people"] == spent(chain.entries)[Scope.POOL, "people"]
    projects = {one.scopes.project for one in read_export(raw).entries if one.kind is Kind.CHARGE}
    assert len(projects) == 1
    assert refused(Chain().charge("one", CAP).charge("two", 1).file(public=True)) == "export-caps"
    assert refused(chain.file(public=True), receipt(chain.entries[0], rho_charged_nano=99)) == "export-receipt"


def test_two_public_readings_cannot_be_linked(book: Book) -> None:
    store = stocked(book)
    first, second = (export_ledger(store, NODE, KEY, NOW, public=True) for _ in range(2))

    def projects(raw: bytes) -> set[str]:
        return {one.scopes.project for one in read_export(raw).entries}

    assert projects(first).isdisjoint(projects(second))


def stocked(book: Book) -> Store:
    with book.store.transaction() as session:
        raw = policy(cap=10_000)
        remember_policy(session, 1, digest_of(raw), raw, NOW)
    for name in "abc":
        book.charge(name)
    return book.store


def test_node_exports_what_anybody_can_check(book: Book) -> None:
    store = stocked(book)
    raw = export_ledger(store, NODE, KEY, NOW, public=False)
    root = WORLD.open_root(custodians=[{"person": "cleo", "keys": [key_entry("cleo")]}])
    receipts = [receipt(entry) for entry in book.entries()]

    found = check_file(raw, receipts, root=root, key_id=KEY.public.keyid)

    with store.reading() as session:
        assert found["head"] == ledger.head(session).digest
    assert (found["verified"], found["entries"], found["receipts"]) == (True, 3, 3)
    assert found["spent_nano"]["pool pool-1"] == 300


def test_file_of_another_key_than_the_one_named_is_refused(book: Book) -> None:
    raw = export_ledger(stocked(book), NODE, KEY, NOW, public=False)

    with pytest.raises(SafeconductError) as caught:
        check_file(raw, [], root=None, key_id="0" * 64)

    assert caught.value.code == "export-signature"


def test_policy_that_the_holder_never_signed_is_found_with_the_root(book: Book) -> None:
    with book.store.transaction() as session:
        raw = WORLD.sign(WORLD.policy(), "mallory")
        remember_policy(session, 1, digest_of(raw), raw, NOW)
    file = export_ledger(book.store, NODE, KEY, NOW, public=False)

    assert check_file(file, [], root=None, key_id=None)["verified"]
    with pytest.raises(SafeconductError) as caught:
        check_file(file, [], root=WORLD.open_root(), key_id=None)
    assert caught.value.code == "key-unknown"


def test_broken_ledger_is_never_signed(book: Book) -> None:
    from sqlalchemy import text

    store = stocked(book)
    with store.transaction() as session:
        session.execute(text("UPDATE ledger_entry SET rho_nano = 1 WHERE sequence = 2"))

    with pytest.raises(SafeconductError) as caught:
        export_ledger(store, NODE, KEY, NOW, public=False)
    assert caught.value.code == "ledger-entry"
