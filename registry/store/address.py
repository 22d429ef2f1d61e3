"""Addresses that somebody asked for and nobody has confirmed yet."""

from sqlalchemy import delete, select

from registry.store.base import Transaction
from registry.store.tables_message import AddressRequest, Mail

__all__ = ["AddressRequest", "ask", "forget_request", "request", "request_by_message"]


def ask(tx: Transaction, person: str, address: str, message: int) -> None:
    """Keep what a person asked for; `message` is the one whose letter will carry the code."""
    tx.add(AddressRequest(person=person, address=address, message=message))
    tx.flush()


def request(tx: Transaction, person: str) -> AddressRequest | None:
    """Return what a person asked for and has not confirmed."""
    return tx.get(AddressRequest, person)


def request_by_message(tx: Transaction, sequence: int) -> AddressRequest | None:
    """Return the request whose letter carries this message."""
    return tx.scalars(select(AddressRequest).where(AddressRequest.message == sequence)).first()


def forget_request(tx: Transaction, person: str) -> None:
    """Forget what a person asked for, and its letter if that has not left."""
    row = request(tx, person)
    if row is not None:
        tx.execute(delete(Mail).where(Mail.message == row.message, Mail.sent.is_(None)))
        tx.delete(row)
        tx.flush()
