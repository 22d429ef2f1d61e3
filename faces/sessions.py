"""Sessions: who signed in on which browser, and until when. Pure; each program keeps the rows in its own database.

The row's key is the hash of the browser's cookie (`faces.browser`), so a stolen database opens nothing. Whoever has no
live row is nobody. Roles are not kept here: they are looked up anew at each request, so what was revoked is gone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from faces.errors import SignInNeeded

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=12)
TOUCH: Final = timedelta(minutes=1)
"""`seen` is written at most this often: a page is not a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One person on one browser."""

    hash: str
    subject: str
    began: datetime
    seen: datetime

    @property
    def ends(self) -> datetime:
        """When it is over if nothing more happens."""
        return min(self.seen + IDLE, self.began + ABSOLUTE)


class SessionStore(Protocol):
    """Where rows are kept; inside the caller's transaction."""

    def add(self, session: Session) -> None:
        """Keep a new one."""

    def get(self, hash_: str) -> Session | None:
        """Return the one with this hash."""

    def touch(self, hash_: str, now: datetime) -> None:
        """Note that it was used."""

    def end(self, hash_: str) -> None:
        """Forget it."""


def check_live(session: Session | None, now: datetime) -> Session:
    """Return a session that is live; raises SignInNeeded for none, and for one that was idle or open too long."""
    if session is None:
        raise SignInNeeded("sign-in-needed", "Sign in to see this page.")
    if not session.began <= now < session.ends:
        raise SignInNeeded("session-over", "Your session is over, since it was idle or open for long. Sign in again.")
    return session


def is_stale(session: Session, now: datetime) -> bool:
    """Say whether `seen` is due to be written."""
    return now - session.seen >= TOUCH
