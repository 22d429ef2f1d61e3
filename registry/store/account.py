"""Accounts of the pages: login passkeys, invitations, open ceremonies, sessions. Secrets as their hashes only."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Integer, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from faces.passkeys import Ceremony
from faces.sessions import Session
from registry.store.base import Base, Moment, Transaction

_DIGEST = String(64)
_SLUG = String(100)
_BIG = BigInteger().with_variant(Integer, "sqlite")


class Passkey(Base):
    """A credential that signs somebody in, and never signs a vote; `id` is the SHA-256 of its own."""

    __tablename__ = "passkey"
    id: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    subject: Mapped[str] = mapped_column(_SLUG, index=True)
    count: Mapped[int] = mapped_column(_BIG)
    made: Mapped[datetime] = mapped_column(Moment)
    used: Mapped[datetime] = mapped_column(Moment)


class Invitation(Base):
    """The right to register one login passkey for `subject`."""

    __tablename__ = "invitation"
    hash: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    subject: Mapped[str] = mapped_column(_SLUG)
    issuer: Mapped[str] = mapped_column(_SLUG)
    expires: Mapped[datetime] = mapped_column(Moment, index=True)


class OpenCeremony(Base):
    """A challenge that was put to one browser."""

    __tablename__ = "open_ceremony"
    browser: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    expires: Mapped[datetime] = mapped_column(Moment, index=True)


class WebSession(Base):
    """One person on one browser."""

    __tablename__ = "web_session"
    hash: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    subject: Mapped[str] = mapped_column(_SLUG, index=True)
    began: Mapped[datetime] = mapped_column(Moment)
    seen: Mapped[datetime] = mapped_column(Moment, index=True)


class Sessions:
    """`faces.sessions.SessionStore` in one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Work in `tx`."""
        self._tx = tx

    def add(self, session: Session) -> None:
        """Keep a new one."""
        row = WebSession(hash=session.hash, subject=session.subject, began=session.began, seen=session.seen)
        self._tx.add(row)
        self._tx.flush()

    def get(self, hash_: str) -> Session | None:
        """Return the one with this hash."""
        row = self._tx.get(WebSession, hash_)
        return _session(row) if row else None

    def touch(self, hash_: str, now: datetime) -> None:
        """Note that it was used."""
        row = self._tx.get(WebSession, hash_)
        if row is not None:
            row.seen = now

    def end(self, hash_: str) -> None:
        """Forget it."""
        self._tx.execute(delete(WebSession).where(WebSession.hash == hash_))

    def end_all(self, subject: str) -> int:
        """Forget all of a person's; return how many those were."""
        mine = self.of(subject)
        self._tx.execute(delete(WebSession).where(WebSession.subject == subject))
        return len(mine)

    def of(self, subject: str) -> tuple[Session, ...]:
        """Return a person's, the oldest first."""
        rows = self._tx.scalars(select(WebSession).where(WebSession.subject == subject).order_by(WebSession.began))
        return tuple(_session(row) for row in rows)

    def forget_before(self, seen: datetime) -> None:
        """Drop those that nobody used since."""
        self._tx.execute(delete(WebSession).where(WebSession.seen < seen))


class Ceremonies:
    """`faces.passkeys.CeremonyStore` in one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Work in `tx`."""
        self._tx = tx

    def put(self, ceremony: Ceremony) -> None:
        """Keep it in place of the browser's former one for that purpose."""
        self._tx.merge(
            OpenCeremony(
                browser=ceremony.browser,
                purpose=ceremony.purpose,
                challenge=ceremony.challenge,
                expires=ceremony.expires,
            )
        )

    def take(self, browser: str, purpose: str) -> Ceremony | None:
        """Return and forget it."""
        row = self._tx.get(OpenCeremony, (browser, purpose))
        if row is None:
            return None
        self._tx.delete(row)
        return Ceremony(browser=row.browser, purpose=row.purpose, challenge=row.challenge, expires=row.expires)

    def forget_old(self, now: datetime) -> None:
        """Drop what has expired, invitations included."""
        self._tx.execute(delete(OpenCeremony).where(OpenCeremony.expires <= now))
        self._tx.execute(delete(Invitation).where(Invitation.expires <= now))


def invite(tx: Transaction, hash_: str, subject: str, issuer: str, expires: datetime) -> None:
    """Keep an invitation."""
    tx.add(Invitation(hash=hash_, subject=subject, issuer=issuer, expires=expires))


def invitation(tx: Transaction, hash_: str) -> Invitation | None:
    """Return an invitation."""
    return tx.get(Invitation, hash_)


def use_invitation(tx: Transaction, hash_: str) -> None:
    """Forget an invitation: it is good for one passkey."""
    tx.execute(delete(Invitation).where(Invitation.hash == hash_))


def passkey(tx: Transaction, id_: str) -> Passkey | None:
    """Return a passkey by the hash of its id."""
    return tx.get(Passkey, id_)


def passkeys_of(tx: Transaction, subject: str) -> Sequence[Passkey]:
    """Return a person's passkeys, the oldest first."""
    return tx.scalars(select(Passkey).where(Passkey.subject == subject).order_by(Passkey.made)).all()


def _session(row: WebSession) -> Session:
    return Session(hash=row.hash, subject=row.subject, began=row.began, seen=row.seen)
