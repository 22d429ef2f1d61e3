"""Named moments that outlive a restart and only ever rise."""

import datetime as dt

from sqlalchemy.orm import Session

from sandbox.store.tables import Mark


def read_mark(session: Session, name: str) -> dt.datetime | None:
    """Read a mark, None if it was never set."""
    row = session.get(Mark, name)
    return None if row is None else row.at


def raise_mark(session: Session, name: str, at: dt.datetime) -> dt.datetime:
    """Raise a mark to a moment and return it; a mark that is already higher stays."""
    row = session.get(Mark, name, with_for_update=True)
    if row is None:
        row = Mark(name=name, at=at)
        session.add(row)
    row.at = max(row.at, at)
    return row.at
