"""Everything that an admin is shown of one job: why it is where it is, what was signed and decided, what it costs.

Of a padded job nothing but its schedule shows between its charge and its release (`sandbox.domain.job.is_hidden`), and
progress is slots elapsed of those reserved, by the clock alone, whatever the chambers did.
"""

import datetime as dt
import json
from collections.abc import Container
from typing import Any

from protocol.chain import OrderBundle
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import Envelope, read_claim, read_envelope
from protocol.documents.passkey import ON_REGISTRY_PAGE
from protocol.documents.roster import Roster
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.quorum import check_signed_by_member
from sandbox.actions.cancel import check_cancel, check_retry
from sandbox.actions.status import describe_job, sealed_receipt
from sandbox.actions.why import explain, explain_job
from sandbox.domain.job import BEFORE_CHARGE, JobState
from sandbox.errors import BadInput, SafeconductError
from sandbox.store import job
from sandbox.store.base import Store
from sandbox.store.tables import JobRow

_DOCUMENTS = ("approvals", "accreditations", "rosters", "statuses")


def show_job(store: Store, order: str, now: dt.datetime, root: TrustRoot) -> dict[str, Any]:
    """One job: course, documents with their signers, decision, price, progress, receipt, and what may be done to it."""
    explained = explain_job(store, order, now)
    with store.reading() as session:
        row = session.get_one(JobRow, order)
    bundle = OrderBundle.from_json(row.bundle)
    told = describe_job(row, now)
    return {
        **explained,
        **told,
        "algorithm_name": _name(bundle),
        "documents": _documents(bundle, root),
        "decision": _decision(row, explained),
        "slots": slots(row, now),
        "slots_end_at": row.slots_end_at,
        "cancel_requested": row.cancel_requested,
        "receipt": _receipt(store, order, now),
        "cancel_refused": _refused(lambda: check_cancel(row, now)),
        "retry_refused": _refused(lambda: check_retry(row, now)),
    }


def list_waiting(store: Store, now: dt.datetime, limit: int) -> list[dict[str, Any]]:
    """The oldest jobs that are not over, each with the plain reason why it waits."""
    with store.reading() as session:
        rows = job.open_jobs(session, now, limit)
    return [_waiting(row, now) for row in rows]


def _waiting(row: JobRow, now: dt.datetime) -> dict[str, Any]:
    said = explain(row, now)
    because = said["because"] or said["next"]
    return {**describe_job(row, now), "slots": slots(row, now), "because": because, "next": said["next"]}


def slots(row: JobRow, now: dt.datetime) -> dict[str, int] | None:
    """Slots elapsed of those reserved, by the clock alone; None before the charge."""
    if row.terms is None or row.start_at is None or row.slots_end_at is None:
        return None
    reserved = int(row.terms["chambers"])
    whole = max(row.slots_end_at - row.start_at, dt.timedelta(seconds=1))
    share = min(max((now - row.start_at) / whole, 0.0), 1.0)
    return {"reserved": reserved, "elapsed": int(reserved * share)}


def _name(bundle: OrderBundle) -> str:
    algorithm = read_claim(bundle.algorithm, Algorithm).untrusted
    return f"{algorithm.name} {algorithm.version}"


def _documents(bundle: OrderBundle, root: TrustRoot) -> list[dict[str, Any]]:
    """Every document that came with the order, with who signed it by key id, and approvals with where."""
    one = [("order", bundle.order), ("algorithm", bundle.algorithm)]
    many = [(name.removesuffix("s"), raw) for name in _DOCUMENTS for raw in getattr(bundle, name)]
    here = {read_envelope(raw).digest for raw in bundle.approvals if _on_registry_page(raw, bundle, root)}
    return [_document(kind, read_envelope(raw), here) for kind, raw in one + many]


def _document(kind: str, envelope: Envelope, here: Container[str]) -> dict[str, Any]:
    """One document; `here` are the digests of approvals that were signed on the registry's page."""
    keys = [signature.keyid for signature in envelope.signatures]
    label = ON_REGISTRY_PAGE if envelope.digest in here else ""
    return {"kind": kind, "digest": envelope.digest, "keys": keys, "label": label}


def _on_registry_page(approval: bytes, bundle: OrderBundle, root: TrustRoot) -> bool:
    """Say whether a page that the registry serves is where a member's passkey signed this, by roster and trust root."""
    try:
        claim = read_claim(approval, Approval)
        rosters = [read_claim(raw, Roster) for raw in bundle.rosters]
        sitting = next((one.untrusted for one in rosters if one.digest == claim.untrusted.roster), None)
        member = sitting.member(claim.untrusted.member) if sitting else None
        page = check_signed_by_member(claim, member, root) if member else None
    except Refused:  # what does not hold is the decision's matter, not the label's
        return False
    return page is not None and page.registry_page


def _decision(row: JobRow, explained: dict[str, Any]) -> dict[str, Any]:
    """What the node's checks and policies decided, and why; nothing is decided of what was not examined yet."""
    if row.state == JobState.REFUSED:
        return {"decided": "refused", "code": explained["code"], "because": explained["because"], "policy": None}
    if JobState(row.state) in BEFORE_CHARGE - {JobState.VERIFIED}:
        return {"decided": "not yet", "code": explained["code"], "because": explained["because"], "policy": None}
    said = "Every signature holds, and the EU's, the country's, the node's and the dataset's policies permit it."
    policy = row.terms["evidence"]["policy"] if row.terms else None
    return {"decided": "permitted", "code": None, "because": said, "policy": policy}


def _receipt(store: Store, order: str, now: dt.datetime) -> str | None:
    """The signed statement of the receipt, once it may be shown."""
    try:
        raw = sealed_receipt(store, order, now)
    except BadInput:
        return None
    return json.dumps(json.loads(read_envelope(raw).payload), indent=2, ensure_ascii=False)


def _refused(check: Any) -> str | None:
    """The sentence of the check that refuses a deed; None where it may be done."""
    try:
        check()
    except SafeconductError as refused:
        return refused.sentence
    return None
