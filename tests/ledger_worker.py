"""A process that charges orders and may be killed at any instant; imported by a fork server, so it stands alone."""

import random
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path

from sandbox.domain.ledger import Caps, Scopes
from sandbox.errors import InfrastructureLost, Refused
from sandbox.store import ledger
from sandbox.store.base import Store
from sandbox.store.ledger_head import write_head

RHO_NANO = 100
WIDE = 10**9
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def charge_all(url: str, head: str, orders: int, pool_nano: int, seed: int, ready: Connection) -> None:
    """Charge every order once, in a sequence of its own, and witness each charge outside the database."""
    store = Store(url)
    names = [sha256(f"order {i}".encode()).hexdigest() for i in range(orders)]
    random.Random(seed).shuffle(names)
    ready.send_bytes(b"ready")
    for name in names:
        _charge(store, Path(head), name, pool_nano)
    store.close()


def _charge(store: Store, head: Path, order_id: str, pool_nano: int) -> None:
    caps = Caps(pool_nano=pool_nano, lineage_nano=WIDE, project_nano=WIDE, algorithm_nano=WIDE, job_nano=WIDE)
    scopes = Scopes(pool="pool", lineage="lineage", project="project", algorithm="algorithm", job=order_id)
    while True:
        try:
            with store.transaction() as session:
                entry = ledger.charge(
                    session, order_id=order_id, nonce=order_id, scopes=scopes, caps=caps, rho_nano=RHO_NANO, now=NOW
                )
        except Refused:
            return
        except InfrastructureLost:  # two serial writers in conflict: PostgreSQL asks the loser to try again
            continue
        write_head(head, entry.head)
        return
