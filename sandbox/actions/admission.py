"""Pause a node, drain it before a reboot or an upgrade, and let it go on; each with a reason that the audit keeps."""

import datetime as dt
from typing import Any

from sandbox.domain.admission import Admission
from sandbox.domain.job import CHARGED_AND_OPEN
from sandbox.domain.reason import REASON_CHARACTERS, check_reason
from sandbox.store import job
from sandbox.store.admission import read_admission, reason_of, write_admission
from sandbox.store.base import Session, Store


def admit(store: Store, admission: Admission, reason: str, now: dt.datetime, who: str = "operator") -> dict[str, Any]:
    """Say what the node lets begin from now on; return how that stands."""
    reason = check_reason(reason)
    with store.transaction() as session:
        write_admission(session, admission, who, reason, now)
    with store.reading() as session:
        return describe_admission(session, now)


def prepare_reboot(store: Store, reason: str, now: dt.datetime, who: str = "operator") -> dict[str, Any]:
    """Drain the node and say in the audit what for; it may be switched off once nothing charged is under way."""
    return admit(store, Admission.DRAINING, f"reboot: {check_reason(reason)}"[:REASON_CHARACTERS], now, who)


def describe_admission(session: Session, now: dt.datetime) -> dict[str, Any]:
    """Say whether the node accepts, since when, by whom and why, and what of it is still under way.

    A padded job is under way until its release is due: when it was sealed depends on the data.
    """
    standing = read_admission(session)
    said = reason_of(session, standing.admission)
    states = job.count_by_shown_state(session, now)
    return {
        "admission": standing.admission.value,
        "since": standing.since,
        "by": said.who if said else None,
        "reason": said.code if said else None,
        "charged_and_open": sum(states.get(state, 0) for state in CHARGED_AND_OPEN),
    }
