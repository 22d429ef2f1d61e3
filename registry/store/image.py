"""Who possesses which image archive."""

from datetime import datetime

from sqlalchemy import select

from registry.store.base import Transaction
from registry.store.tables import Image


def possesses(tx: Transaction, digest: str, person: str) -> Image | None:
    """Return this person's completed upload of an archive."""
    return tx.get(Image, (digest, person))


def exists(tx: Transaction, digest: str) -> bool:
    """Say whether anybody completed this archive."""
    return tx.scalars(select(Image.digest).where(Image.digest == digest).limit(1)).first() is not None


def add(tx: Transaction, digest: str, person: str, size: int, now: datetime) -> None:
    """Note a completed upload; repeating it changes nothing."""
    if tx.get(Image, (digest, person)) is None:
        tx.add(Image(digest=digest, person=person, bytes=size, received=now))
