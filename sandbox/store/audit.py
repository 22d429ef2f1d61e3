"""The record of who did what on this node; written in the transaction of the deed."""

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.store.tables import AuditRow


def record(session: Session, at: dt.datetime, who: str, action: str, subject: str, code: str | None = None) -> None:
    """Add one line: ids and codes only."""
    session.add(AuditRow(at=at, who=who, action=action, subject=subject, code=code))


def newest(session: Session, count: int) -> Sequence[AuditRow]:
    """Read the newest lines, in their order."""
    return session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(count)).all()[::-1]


def of_actions(session: Session, actions: Collection[str]) -> Sequence[AuditRow]:
    """Read every line about these actions, the oldest first."""
    return session.scalars(select(AuditRow).where(AuditRow.action.in_(actions)).order_by(AuditRow.id)).all()
