"""Access tokens and used login assertions, both as hashes."""

from datetime import datetime

from sqlalchemy import delete

from registry.store.base import Transaction
from registry.store.tables import AccessToken, AssertionSeen


def remember_assertion(tx: Transaction, assertion_hash: str, forget: datetime) -> bool:
    """Note a used assertion; False if it had been used before."""
    if tx.get(AssertionSeen, assertion_hash) is not None:
        return False
    tx.add(AssertionSeen(hash=assertion_hash, forget=forget))
    tx.flush()
    return True


def add(tx: Transaction, token_hash: str, subject: str, kind: str, keyid: str, expires: datetime) -> None:
    """Keep the hash of a token that is about to be handed out."""
    tx.add(AccessToken(hash=token_hash, subject=subject, kind=kind, keyid=keyid, expires=expires))


def get(tx: Transaction, token_hash: str) -> AccessToken | None:
    """Return the token with this hash."""
    return tx.get(AccessToken, token_hash)


def forget_old(tx: Transaction, now: datetime) -> None:
    """Drop what has expired."""
    tx.execute(delete(AccessToken).where(AccessToken.expires <= now))
    tx.execute(delete(AssertionSeen).where(AssertionSeen.forget <= now))
