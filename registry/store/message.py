"""Messages, and the mail that carries them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CursorResult, func, select, update

from registry.store.base import Transaction
from registry.store.tables_message import DigestDay, Mail, MailAddress, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message that was claimed to be sent."""

    message: Message
    address: str
    tries: int


def add(tx: Transaction, row: Message, *, to: str | None = None) -> None:
    """Put a message in its person's inbox, and on its way to `to` or the person's address if any; once for each key."""
    mine = select(Message.sequence).where(Message.person == row.person, Message.key == row.key)
    if tx.scalars(mine).first() is not None:
        return
    tx.add(row)
    tx.flush()
    if to is not None or address(tx, row.person) is not None:
        tx.add(Mail(message=row.sequence, due=row.at, tries=0, address=to))
        tx.flush()


def inbox(tx: Transaction, person: str, *, before: int, limit: int) -> Sequence[Message]:
    """Return one page of a person's messages, newest first."""
    mine = select(Message).where(Message.person == person, Message.sequence < before)
    return tx.scalars(mine.order_by(Message.sequence.desc()).limit(limit)).all()


def count(tx: Transaction, person: str, keys: str, since: datetime) -> int:
    """Return how many messages, whose keys begin so, a person got since a moment."""
    mine = select(func.count()).where(Message.person == person, Message.key.startswith(keys), Message.at > since)
    return tx.scalars(mine).one()


def address(tx: Transaction, person: str) -> str | None:
    """Return where a person wants mail."""
    found = tx.get(MailAddress, person)
    return found.address if found else None


def set_address(tx: Transaction, person: str, chosen: str | None) -> None:
    """Keep where a person wants mail, or forget it."""
    found = tx.get(MailAddress, person)
    if chosen is not None:
        tx.merge(MailAddress(person=person, address=chosen))
    elif found is not None:
        tx.delete(found)


def claim(tx: Transaction, now: datetime, until: datetime, limit: int) -> tuple[Outgoing, ...]:
    """Take what is due, so that no other process sends it before `until`.

    Mail whose person has no address any more is no longer due.
    """
    due = select(Mail).where(Mail.sent.is_(None), Mail.due <= now).order_by(Mail.due).limit(limit)
    return tuple(found for row in tx.scalars(due).all() if (found := _claim(tx, row, until)) is not None)


def _claim(tx: Transaction, row: Mail, until: datetime) -> Outgoing | None:
    message = tx.get_one(Message, row.message)
    place = row.address or address(tx, message.person)
    if place is None:
        tx.delete(row)
        return None
    mine = update(Mail).where(Mail.message == row.message, Mail.due == row.due, Mail.sent.is_(None))
    done = tx.execute(mine.values(due=until, tries=row.tries + 1).execution_options(synchronize_session=False))
    taken = isinstance(done, CursorResult) and done.rowcount == 1
    return Outgoing(message=message, address=place, tries=row.tries + 1) if taken else None


def sent(tx: Transaction, sequence: int, now: datetime) -> None:
    """Note that the mail server has taken a message."""
    tx.execute(update(Mail).where(Mail.message == sequence).values(sent=now))


def try_again(tx: Transaction, sequence: int, due: datetime) -> None:
    """Note when a message is due again."""
    tx.execute(update(Mail).where(Mail.message == sequence).values(due=due))


def begin_day(tx: Transaction, now: datetime) -> bool:
    """Say whether this day's digest is still to be made, and take it on."""
    if tx.get(DigestDay, now.date()) is not None:
        return False
    tx.add(DigestDay(day=now.date()))
    tx.flush()
    return True
