"""The people of the admin page: who they are, their sessions, and which policies they confirmed.

A code and a session are kept as digests only: whoever reads the database can neither enrol nor act as anybody.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.store.base import Base, Moment
from sandbox.store.tables import DIGEST, SLUG


class AdminRow(Base):
    """One admin; without a passkey, invited and not enrolled yet."""

    __tablename__ = "admin"

    name: Mapped[str] = mapped_column(SLUG, primary_key=True)
    invited_at: Mapped[dt.datetime] = mapped_column(Moment)
    code_digest: Mapped[str | None] = mapped_column(DIGEST, unique=True)
    code_until: Mapped[dt.datetime | None] = mapped_column(Moment)
    credential: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)  # its id
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    enrolled_at: Mapped[dt.datetime | None] = mapped_column(Moment)


class AdminSession(Base):
    """One browser that is logged in."""

    __tablename__ = "admin_session"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    name: Mapped[str] = mapped_column(ForeignKey("admin.name"), index=True)
    began_at: Mapped[dt.datetime] = mapped_column(Moment)
    seen_at: Mapped[dt.datetime] = mapped_column(Moment)


class UsedChallenge(Base):
    """A challenge that was answered; it is good for nothing more."""

    __tablename__ = "admin_challenge"

    challenge: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    until: Mapped[dt.datetime] = mapped_column(Moment)


class PolicyProposal(Base):
    """A policy that the holder signed and an admin put before the others."""

    __tablename__ = "policy_proposal"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    proposed_by: Mapped[str] = mapped_column(SLUG)
    proposed_at: Mapped[dt.datetime] = mapped_column(Moment)


class PolicyConsent(Base):
    """One admin's confirmation of one policy, given with a passkey."""

    __tablename__ = "policy_consent"

    digest: Mapped[str] = mapped_column(ForeignKey("policy_proposal.digest"), primary_key=True)
    name: Mapped[str] = mapped_column(ForeignKey("admin.name"), primary_key=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[dt.datetime] = mapped_column(Moment)


def by_code(session: Session, digest: str, now: dt.datetime) -> AdminRow | None:
    """The admin whose one-time code has this digest, as long as it is valid."""
    return session.scalar(select(AdminRow).where(AdminRow.code_digest == digest, AdminRow.code_until > now))


def by_credential(session: Session, credential: bytes) -> AdminRow | None:
    """The admin who owns a passkey."""
    return session.scalar(select(AdminRow).where(AdminRow.credential == credential))


def admins(session: Session) -> Sequence[AdminRow]:
    """Everybody who was ever invited, by name."""
    return session.scalars(select(AdminRow).order_by(AdminRow.name)).all()


def count_enrolled(session: Session) -> int:
    """Count who has a passkey."""
    return session.scalar(select(func.count()).select_from(AdminRow).where(AdminRow.credential.is_not(None))) or 0


def end_sessions(session: Session, name: str) -> None:
    """Log an admin out everywhere."""
    session.execute(delete(AdminSession).where(AdminSession.name == name))


def forget_old(session: Session, now: dt.datetime, longest: dt.timedelta) -> None:
    """Drop used challenges, and sessions that began longest ago, whose time is over anyway."""
    session.execute(delete(AdminSession).where(AdminSession.began_at <= now - longest))
    session.execute(delete(UsedChallenge).where(UsedChallenge.until <= now))


def proposals(session: Session, above: int) -> Sequence[PolicyProposal]:
    """Proposals of later versions than the one in effect, the newest first."""
    query = select(PolicyProposal).where(PolicyProposal.version > above)
    return session.scalars(query.order_by(PolicyProposal.proposed_at.desc())).all()


def consents(session: Session, digest: str) -> Sequence[PolicyConsent]:
    """Who confirmed a policy with the passkey that is still theirs, the first of them first."""
    query = (
        select(PolicyConsent)
        .join(AdminRow, AdminRow.name == PolicyConsent.name)
        .where(PolicyConsent.digest == digest, PolicyConsent.credential == AdminRow.credential)
    )
    return session.scalars(query.order_by(PolicyConsent.at)).all()
