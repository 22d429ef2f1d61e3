"""A ledger of its own for every test, and short ways to charge it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from databases import Database

from sandbox.domain.ledger import Caps, LedgerEntry, Scopes
from sandbox.store import ledger
from sandbox.store.base import Base, Store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CAPS = Caps(pool_nano=1000, lineage_nano=800, project_nano=600, algorithm_nano=400, job_nano=300)
SCOPES = Scopes(pool="pool-1", lineage="lineage-1", project="t2d", algorithm="a" * 64, job="")


@dataclass(frozen=True, slots=True)
class Book:
    """A store and the way this test charges it."""

    store: Store

    def charge(
        self, name: str, rho_nano: int = 100, *, nonce: str = "", caps: Caps = CAPS, **scopes: str
    ) -> LedgerEntry:
        order_id = sha256(name.encode()).hexdigest()
        with self.store.transaction() as session:
            return ledger.charge(
                session,
                order_id=order_id,
                nonce=nonce or f"nonce of {name}",
                scopes=replace(SCOPES, **{"job": order_id} | scopes),
                caps=caps,
                rho_nano=rho_nano,
                now=NOW,
            )

    def entries(self) -> list[LedgerEntry]:
        with self.store.reading() as session:
            return list(ledger.entries(session))


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    opened = Store(database.url)
    Base.metadata.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def book(store: Store) -> Book:
    return Book(store)
