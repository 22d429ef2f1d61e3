"""The record of who did what on this node; written in the transaction of the deed."""

import datetime as dt

from sqlalchemy.orm import Session

from sandbox.store.tables import AuditRow


def record(session: Session, at: dt.datetime, who: str, action: str, subject: str, code: str | None = None) -> None:
    """Add one line: ids and codes only."""
    session.add(AuditRow(at=at, who=who, action=action, subject=subject, code=code))
