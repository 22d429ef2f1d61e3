"""The node's clock, which never runs below a persisted high-water mark.

A clock that was set back would let expired approvals, revoked statuses and old windows live again. So every moment
used in a decision is at least the latest one that this node ever saved; and while the machine's clock is far behind
that mark, nothing new is decided at all.
"""

import datetime as dt
from collections.abc import Callable

from sandbox.errors import Held
from sandbox.store.base import Store
from sandbox.store.mark import raise_mark, read_mark

MARK = "clock"
TOLERATED_LAG = dt.timedelta(minutes=5)

WallClock = Callable[[], dt.datetime]


def wall_clock() -> dt.datetime:
    """The machine's own clock, in UTC."""
    return dt.datetime.now(dt.UTC)


class GuardedClock:
    """Moments that never go back, across restarts of the process and of the machine."""

    def __init__(self, store: Store, wall: WallClock) -> None:
        self._store = store
        self._wall = wall
        with store.reading() as session:
            self._mark = read_mark(session, MARK)

    def now(self) -> dt.datetime:
        """The present moment, or the latest one known if the machine's clock says less."""
        moment = self._wall()
        if self._mark is None or moment > self._mark:
            self._mark = moment
        return self._mark

    def check_not_behind(self) -> None:
        """Raise Held while the machine's clock is too far behind to decide anything."""
        lag = self.now() - self._wall()
        if lag > TOLERATED_LAG:
            raise Held("clock-behind", f"This machine's clock is {lag} behind; set it right before jobs go on.")

    def save(self) -> None:
        """Keep the mark in the database, and learn of a higher one."""
        with self._store.transaction() as session:
            self._mark = raise_mark(session, MARK, self.now())
