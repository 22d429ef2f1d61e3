"""Read the audit for people."""

from typing import Any

from sandbox.store.audit import newest
from sandbox.store.base import Store


def show_audit(store: Store, last: int) -> list[dict[str, Any]]:
    """The newest lines, oldest of them first."""
    with store.reading() as session:
        rows = newest(session, last)
    return [
        {"at": row.at, "who": row.who, "action": row.action, "subject": row.subject, "reason": row.code} for row in rows
    ]
