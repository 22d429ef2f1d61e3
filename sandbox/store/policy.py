"""Every policy that was ever in effect at this node: the versions go up one by one, and none has two contents."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import BigInteger, LargeBinary, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.store.base import Base, Moment
from sandbox.store.tables import DIGEST


class PolicySeen(Base):
    """A version of the holder's policy, and since when it counts here."""

    __tablename__ = "policy_seen"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(DIGEST)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    accepted_at: Mapped[dt.datetime] = mapped_column(Moment)


def last_policy(session: Session) -> PolicySeen | None:
    """Read the newest version that was in effect; None for a new node."""
    return session.scalar(select(PolicySeen).order_by(PolicySeen.version.desc()).limit(1))


def policies(session: Session) -> Sequence[PolicySeen]:
    """Read every version that was in effect, the oldest first."""
    return session.scalars(select(PolicySeen).order_by(PolicySeen.version)).all()


def remember_policy(session: Session, version: int, digest: str, envelope: bytes, now: dt.datetime) -> None:
    """Keep a version that takes effect."""
    session.add(PolicySeen(version=version, digest=digest, envelope=envelope, accepted_at=now))
