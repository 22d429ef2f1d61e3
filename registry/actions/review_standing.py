"""Suspend, resume and revoke a version, each with a reason that all its readers see.

1. A chair suspends and resumes, at once. It stops no order; readers see it, and the offices concerned are told.
2. An office revokes: the registry prepares its next status, which is the newest one and this version more. It is handed
   to the office's own machine like a decision, and revokes nothing until it is signed and comes back.
3. The reason is kept with the act, in its transaction; the audit holds ids and codes only.
"""

from datetime import datetime

from protocol.crypto.digest import sha256_hex
from protocol.documents.envelope import statement_bytes
from protocol.documents.fields import Text
from protocol.documents.limits import STATUS_LIFETIME
from protocol.documents.status import Revoked, Status
from protocol.documents.strict import build
from registry.actions import message
from registry.actions.code import new_code
from registry.actions.desk import Desk
from registry.actions.review_acts import Scene, acting, comment_of
from registry.domain.caller import Caller
from registry.domain.review_acts import Act, check_reason
from registry.store import accreditation, review_words
from registry.store.base import Transaction
from registry.store.tables_review import PreparedDecision


def suspend(desk: Desk, caller: Caller, algorithm: str, reason: Text, now: datetime) -> None:
    """Pause an approved version here; only a signed revocation reaches nodes."""
    with acting(desk, caller, algorithm, Act.SUSPEND, now) as scene:
        _say_why(scene, caller, Act.SUSPEND, reason, now)
        scene.course.suspended = now
        message.tell_offices(scene.tx, scene.row, scene.offices, now)


def resume(desk: Desk, caller: Caller, algorithm: str, reason: Text, now: datetime) -> None:
    """Lift a suspension."""
    with acting(desk, caller, algorithm, Act.RESUME, now) as scene:
        _say_why(scene, caller, Act.RESUME, reason, now)
        scene.course.suspended = None


def revoke(desk: Desk, caller: Caller, algorithm: str, reason: Text, now: datetime) -> PreparedDecision:
    """Keep the status that an office is to sign, under a code that fetches it."""
    with acting(desk, caller, algorithm, Act.REVOKE, now) as scene:
        _say_why(scene, caller, Act.REVOKE, reason, now)
        payload = statement_bytes(_status(scene.tx, caller.subject, algorithm, now))
        row = PreparedDecision(
            digest=sha256_hex(payload),
            algorithm=algorithm,
            committee=caller.subject,  # it is no committee's: the office signs for itself, and for no project
            project=caller.subject,
            member=caller.subject,
            payload=payload,
            checklist=[],
            handover=new_code(),
            at=now,
        )
        review_words.prepare(scene.tx, row)
        return row


def _say_why(scene: Scene, caller: Caller, act: Act, reason: str, now: datetime) -> None:
    place = next(((box.committee, box.project) for box in scene.tallies if caller.subject in box.chairs), None)
    committee, project = place or (caller.subject, caller.subject)
    scene.tx.add(comment_of(scene, caller.subject, committee, project, act.value, check_reason(act, reason), now))


def _status(tx: Transaction, office: str, algorithm: str, now: datetime) -> Status:
    newest = next((row for row in accreditation.newest_statuses(tx) if row.office == office), None)
    revoked = build(Revoked, newest.revoked if newest else {})
    algorithms = sorted({*revoked.algorithms, algorithm})
    fields = {
        "office": office,
        "version": newest.version + 1 if newest else 1,
        "issued": now,
        "expires": now + STATUS_LIFETIME,
        "revoked": {**revoked.model_dump(mode="json"), "algorithms": algorithms},
    }
    return build(Status, fields)
