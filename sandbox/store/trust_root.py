"""Every trust root that was ever in effect at this node: an older one, or another of a known version, is an attack."""

import datetime as dt

from sqlalchemy import BigInteger, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.store.base import Base, Moment
from sandbox.store.tables import DIGEST


class TrustRootSeen(Base):
    """A version of the trust root, and since when it counts here."""

    __tablename__ = "trust_root_seen"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(DIGEST)
    accepted_at: Mapped[dt.datetime] = mapped_column(Moment)


def root_digest(session: Session, version: int) -> str | None:
    """Read which root of a version was in effect, None if none was."""
    row = session.get(TrustRootSeen, version)
    return None if row is None else row.digest


def last_root(session: Session) -> int:
    """Read the highest version that was in effect; 0 for a new node."""
    return session.scalar(select(func.max(TrustRootSeen.version))) or 0


def remember_root(session: Session, version: int, digest: str, now: dt.datetime) -> None:
    """Keep a version that is in effect, with the moment of the first time."""
    if session.get(TrustRootSeen, version) is None:
        session.add(TrustRootSeen(version=version, digest=digest, accepted_at=now))
