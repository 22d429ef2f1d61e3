"""Messages to people: the inbox, mail that waits to be sent, where to send it, days that had their digest."""

from datetime import datetime

from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, Moment
from registry.store.tables import _SEQUENCE, _SLUG

_ADDRESS = String(254)


class Message(Base):
    """One message to one person; `key` names what it is about, so that nothing is told twice."""

    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("person", "key"),)
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    person: Mapped[str] = mapped_column(_SLUG)
    key: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(Moment)


class Mail(Base):
    """One message on its way by mail: when it is due next, how often it was tried, when it was taken.

    `address`: where it goes, if not to wherever its person wants mail at that time.
    """

    __tablename__ = "mail"
    __table_args__ = (Index(None, "sent", "due"),)
    message: Mapped[int] = mapped_column(ForeignKey("message.sequence"), primary_key=True)
    due: Mapped[datetime] = mapped_column(Moment)
    tries: Mapped[int] = mapped_column(Integer)
    sent: Mapped[datetime | None] = mapped_column(Moment)
    address: Mapped[str | None] = mapped_column(_ADDRESS)


class MailAddress(Base):
    """Where a person wants mail. Without one there is the inbox alone."""

    __tablename__ = "mail_address"
    person: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    address: Mapped[str] = mapped_column(_ADDRESS)


class AddressRequest(Base):
    """An address that a person asked for. `message`: whose letter carries the code; `hash`: of the code that left."""

    __tablename__ = "address_request"
    person: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    address: Mapped[str] = mapped_column(_ADDRESS)
    message: Mapped[int] = mapped_column(ForeignKey("message.sequence"), index=True)
    hash: Mapped[str | None] = mapped_column(String(64))
    expires: Mapped[datetime | None] = mapped_column(Moment)


class DigestDay(Base):
    """A day whose digest was made."""

    __tablename__ = "digest_day"
    day: Mapped[datetime] = mapped_column(Date, primary_key=True)
