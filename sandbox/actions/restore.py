"""`ledger restore`: make good for a ledger that is older than what was witnessed of it. Two persons sign, one applies.

`prepare` looks at the gap and writes what is to be signed; `apply_restore` checks everything again and writes it in one
transaction. A database that had moved on, another head file, or other receipts than the signed ones are refused, so a
document is good once. The rules are in `sandbox.domain.restore`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.crypto.keys import PublicKey
from protocol.documents.envelope import Claim, read_claim
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.limits import CLOCK_SKEW
from protocol.documents.policy import Policy
from protocol.documents.receipt import Receipt
from protocol.documents.strict import build
from protocol.documents.trust_root import TrustRoot
from protocol.trust.custodians import open_ledger_restore
from sandbox.actions.charge import POOL
from sandbox.actions.policy import adopt_policy, caps_in
from sandbox.domain.ledger import Head
from sandbox.domain.restore import Gap, Witnessed, check_reserve, least_reserve, restore_entries
from sandbox.errors import BadInput, Refused
from sandbox.store import ledger
from sandbox.store.audit import record
from sandbox.store.base import Session, Store
from sandbox.store.dataset import lineage_of, lineages
from sandbox.store.ledger_head import holds, read_head, replace_head
from sandbox.store.policy import policies
from sandbox.store.restore import RestoreRow, WitnessRow, was_restored

Receipts = Sequence[Claim[Receipt]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A node that does not run: where its ledger is, and whom it believes."""

    node: str
    store: Store
    head_file: Path
    root: TrustRoot
    policy: Policy
    policy_raw: bytes
    key: PublicKey


def prepare(
    site: Site, untrusted: Sequence[bytes], reserve_nano: int | None, reason: str, now: dt.datetime
) -> tuple[LedgerRestore, dict[str, Any]]:
    """Say what is to be signed, and what it makes good; without a number, the reserve is the least allowed."""
    receipts = read_own(site, untrusted)
    with site.store.reading() as session:
        gap = _gap(session, site, receipts)
        job_cap = _job_cap(session, site)
    least = least_reserve(gap, job_cap)
    fields = {
        "holder": site.root.holder,
        "node": site.node,
        "ledger_sequence": gap.ledger.sequence,
        "ledger_head": gap.ledger.digest,
        "witnessed_sequence": gap.witnessed.sequence,
        "witnessed_head": gap.witnessed.digest,
        "receipts": [claim.digest for claim in receipts],
        "reserve_nano": least if reserve_nano is None else reserve_nano,
        "prepared": now,
        "reason": reason,
    }
    restore = build(LedgerRestore, fields)
    check_reserve(gap, restore.reserve_nano, job_cap)
    return restore, {
        "lost_entries": gap.witnessed.sequence - gap.ledger.sequence,
        "proved_by_receipts": len(gap.proved),
        "proved_nano": sum(one.rho_nano for one in gap.proved),
        "unproved": gap.unproved,
        "reserve_nano": restore.reserve_nano,
    }


def apply_restore(site: Site, untrusted: bytes, untrusted_receipts: Sequence[bytes], now: dt.datetime) -> Head:
    """Write the restore that two custodians signed, and move the head outside the database; return the new head."""
    restore, digest, persons = open_ledger_restore(untrusted, site.root, site.node)
    receipts = read_own(site, untrusted_receipts)
    if {claim.digest for claim in receipts} != set(restore.receipts):
        raise BadInput("restore-receipts", "The receipts given are not exactly those that the document lists.")
    with site.store.transaction() as session:
        ledger.take_head(session)
        gap = _gap(session, site, receipts)
        _check_situation(restore, gap)
        check_reserve(gap, restore.reserve_nano, _job_cap(session, site))
        entries = restore_entries(
            gap,
            document=digest,
            pool=POOL,
            lineages=lineages(session) | {one.lineage for one in gap.proved},
            reserve_nano=restore.reserve_nano,
            now=now,
        )
        written = [_append(session, entry) for entry in entries]
        _remember(session, untrusted, digest, restore, gap, receipts, now)
        adopt_policy(session, site.policy_raw, now)
        record(session, now, "+".join(persons)[:100], "ledger-restored", digest)
    replace_head(site.head_file, written[-1])
    return written[-1]


def read_own(site: Site, untrusted: Sequence[bytes]) -> Receipts:
    """Read receipts that this node signed itself, one for each order; refuses every other (receipt-signature)."""
    found: dict[str, Claim[Receipt]] = {}
    for raw in untrusted:
        claim = read_claim(raw, Receipt)
        try:
            receipt = claim.checked([site.key])
        except Refused as error:
            sentence = f"This node did not sign the receipt of order {claim.untrusted.order[:16]}; leave it out."
            raise Refused("receipt-signature", sentence) from error
        known = found.get(receipt.order)
        if known is None or receipt.rho_charged_nano > known.untrusted.rho_charged_nano:
            found[receipt.order] = claim
    return list(found.values())


def _job_cap(session: Session, site: Site) -> int:
    """The highest cap of a job that this node is known to have had."""
    before = [caps_in(row.envelope)["job_cap_nano"] for row in policies(session)]
    return max([site.policy.job_cap_nano, *before])


def _gap(session: Session, site: Site, receipts: Receipts) -> Gap:
    end, lost = ledger.head(session), not site.head_file.exists()
    witnessed = end if lost else read_head(site.head_file)
    charged = [claim for claim in receipts if claim.untrusted.rho_charged_nano]
    proved = tuple(_witnessed(session, claim) for claim in charged if not _is_held(session, claim))
    if holds(session, witnessed) or was_restored(session, witnessed):
        witnessed = end
        if not (proved or lost):
            sentence = "The ledger holds what was witnessed of it and every charge of these receipts: do nothing."
            raise BadInput("restore-needless", sentence)
    return Gap(ledger=end, witnessed=witnessed, proved=proved, head_file_lost=lost)


def _is_held(session: Session, claim: Claim[Receipt]) -> bool:
    """Whether the charge behind a receipt is on the chain: as that charge, or by an earlier restore."""
    entry = ledger.find(session, claim.untrusted.order)
    again = ledger.find(session, claim.digest)
    known = (entry.digest, entry.evidence) if entry else ()
    return again is not None or claim.untrusted.ledger_head in known or claim.digest in known


def _witnessed(session: Session, claim: Claim[Receipt]) -> Witnessed:
    """The charge that a receipt proves; if the chain has another one of its order, both were made and both count."""
    receipt = claim.untrusted
    taken = ledger.find(session, receipt.order) is not None
    return Witnessed(
        receipt=claim.digest,
        order_id=claim.digest if taken else receipt.order,
        lineage=lineage_of(session, receipt.dataset),
        project=receipt.project,
        algorithm=receipt.algorithm,
        rho_nano=receipt.rho_charged_nano,
    )


def _check_situation(restore: LedgerRestore, gap: Gap) -> None:
    if (restore.ledger_sequence, restore.ledger_head) != (gap.ledger.sequence, gap.ledger.digest):
        raise BadInput("restore-other-ledger", "The document is about another state of this ledger; prepare a new one.")
    if (restore.witnessed_sequence, restore.witnessed_head) != (gap.witnessed.sequence, gap.witnessed.digest):
        raise BadInput("restore-other-head", "The document names another head than the one outside; prepare a new one.")


def _remember(
    session: Session,
    envelope: bytes,
    digest: str,
    restore: LedgerRestore,
    gap: Gap,
    receipts: Receipts,
    now: dt.datetime,
) -> None:
    latest = max([now, restore.prepared, *(claim.untrusted.issued for claim in receipts)])
    row = RestoreRow(
        digest=digest,
        envelope=envelope,
        sequence=max(gap.witnessed.sequence, gap.ledger.sequence) + 1,
        witnessed_sequence=gap.witnessed.sequence,
        witnessed_head=gap.witnessed.digest,
        until=latest + CLOCK_SKEW,
        restored_at=now,
    )
    session.add(row)
    session.flush()
    rho = {one.receipt: one.rho_nano for one in gap.proved}
    for claim in receipts:
        receipt = claim.untrusted
        if session.get(WitnessRow, receipt.order) is None:
            session.add(
                WitnessRow(
                    order_id=receipt.order,
                    restore=digest,
                    receipt=claim.envelope.raw,
                    project=receipt.project,
                    algorithm=receipt.algorithm,
                    rho_nano=rho.get(claim.digest, 0),
                )
            )


def _append(session: Session, entry: Any) -> Head:
    ledger.append(session, entry)
    head: Head = entry.head
    return head
