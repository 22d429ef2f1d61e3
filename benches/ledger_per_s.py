"""``ledger_per_s``: charge and seal, beside a bare SQLite insert of the same bytes, both with synchronous FULL.

A charge is the debit of five scopes in one transaction and the head's file after it; a seal is a second transaction
with a receipt and a ciphertext of usual size. Both go through the node's own store to a file on this machine's disk.
"""

import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from benches.harness import Figure, beside, judge, side_by_side
from sandbox.domain.ledger import GENESIS, Caps, Scopes
from sandbox.store import job, ledger, tables
from sandbox.store.base import Base, Store
from sandbox.store.job import Claim
from sandbox.store.ledger_head import write_head
from tests.factory import NOW, fake_digest

UNIT = "1/s"
REACH = ">= 500"
ROUNDS, WARM_UP = 400, 20
WIDE = 2**53
CAPS = Caps(pool_nano=WIDE, lineage_nano=WIDE, project_nano=WIDE, algorithm_nano=WIDE, job_nano=WIDE)
HELD = {"fence": 1, "run_fence": 0, "taken_over": False}
RECEIPT, CIPHERTEXT = os.urandom(3_000), os.urandom(12_000)


def measure() -> Figure:
    """The median rate of many charges with their seals, each beside its baseline."""
    with tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as folder:
        ours, bare = side_by_side(_charge_and_seal(Path(folder)), _insert(Path(folder)), rounds=ROUNDS, warm_up=WARM_UP)
    return judge(
        [1 / seconds for seconds in ours],
        unit=UNIT,
        reach=500,
        better="more",
        beside=beside("one bare SQLite insert", [1 / seconds for seconds in bare], UNIT),
    )


def _charge_and_seal(folder: Path) -> Callable[[], None]:
    store, head = Store(f"sqlite:///{folder / 'node.db'}"), folder / "ledger.head"
    Base.metadata.create_all(store.engine)
    write_head(head, GENESIS)
    orders = iter(_receive_orders(store))

    def charge_and_seal() -> None:
        order_id = next(orders)
        scopes = Scopes(pool="people", lineage="cohort", project="t2d", algorithm="a" * 64, job=order_id)
        with store.transaction() as session:
            entry = ledger.charge(
                session, order_id=order_id, nonce=order_id, scopes=scopes, caps=CAPS, rho_nano=1000, now=NOW
            )
        write_head(head, entry.head)
        with store.transaction() as session:
            job.seal(session, Claim(job_id=order_id, **HELD), RECEIPT, CIPHERTEXT, NOW)

    return charge_and_seal


def _receive_orders(store: Store) -> list[str]:
    """Put in the jobs that will be charged, before the clock runs."""
    ids = [fake_digest(f"order {number}") for number in range(ROUNDS + WARM_UP)]
    who = {"researcher": "rita", "project": "t2d", "dataset": "cohort", "algorithm": "a" * 64}
    with store.transaction() as session:
        session.add_all(
            tables.JobRow(id=id_, number=number, state="charged", fence=1, bundle=b"", received_at=NOW, **who)
            for number, id_ in enumerate(ids)
        )
    return ids


def _insert(folder: Path) -> Callable[[], None]:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, receipt BLOB, ciphertext BLOB)")

    def insert() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO entry (receipt, ciphertext) VALUES (?, ?)", (RECEIPT, CIPHERTEXT))
        connection.execute("COMMIT")

    return insert
