"""Look whether the registry can work."""

from registry.actions.desk import Desk
from registry.store import accreditation


def check_database(desk: Desk) -> None:
    """Raise Busy unless the database answers."""
    with desk.store.reading() as tx:
        accreditation.newest_statuses(tx)
