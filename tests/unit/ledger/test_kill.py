"""Processes that charge at once and are killed at random instants: no charge is lost, doubled or beyond the cap."""

import multiprocessing
import random
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from databases import Database
from ledger_worker import RHO_NANO, charge_all

from sandbox.domain.ledger import GENESIS, LedgerEntry, Scope
from sandbox.store import ledger
from sandbox.store.base import Base, Store
from sandbox.store.ledger_head import check_head, write_head

ORDERS = 300
AFFORDABLE = 250
AT_ONCE = 4
KILLS = 40
LONGEST_SECONDS = 0.03  # between one kill and the next; a charge takes a few milliseconds
START_SECONDS = 60


class Crowd:
    """Starts workers from a fork server that has loaded the ledger, so that starting one takes milliseconds."""

    def __init__(self, url: str, head: Path) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["sandbox.store.ledger_head"])
        self._arguments = url, str(head), ORDERS, AFFORDABLE * RHO_NANO

    def start(self, seed: int) -> BaseProcess:
        """Start a worker and wait until it is about to charge."""
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=charge_all, args=(*self._arguments, seed, theirs))
        process.start()
        theirs.close()
        assert ours.poll(START_SECONDS)
        return process

    def finish(self) -> None:
        """Let some workers run to their end, all at once."""
        workers = [self.start(seed) for seed in range(AT_ONCE)]
        for worker in workers:
            worker.join(START_SECONDS)
        assert [worker.exitcode for worker in workers] == [0] * AT_ONCE


def charged(store: Store, head: Path) -> list[LedgerEntry]:
    """Give all charges of a ledger that agrees with itself and with its head."""
    with store.reading() as session:
        assert ledger.check_ledger(session) == check_head(head, session)
        entries = list(ledger.entries(session))
        assert ledger.spent(session, Scope.POOL, "pool") == sum(entry.rho_nano for entry in entries)
    assert len({entry.order_id for entry in entries}) == len(entries) <= AFFORDABLE
    return entries


@pytest.fixture
def head(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.head"
    write_head(path, GENESIS)
    return path


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    opened = Store(database.url)
    Base.metadata.create_all(opened.engine)
    yield opened
    opened.close()


def test_charges_survive_kills_at_random_instants(store: Store, head: Path) -> None:
    crowd, chance = Crowd(store.engine.url.render_as_string(hide_password=False), head), random.Random(7)
    earlier: list[LedgerEntry] = []

    for round_ in range(KILLS // AT_ONCE):
        workers = [crowd.start(10 * round_ + i) for i in range(AT_ONCE)]
        for worker in workers:
            time.sleep(chance.uniform(0, LONGEST_SECONDS))
            worker.kill()
            worker.join()
        now = charged(store, head)
        assert now[: len(earlier)] == earlier
        earlier = now

    assert earlier  # the kills met work, not only start-up
    crowd.finish()
    assert len(charged(store, head)) == AFFORDABLE
