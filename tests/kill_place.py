"""A node whose workers are killed at random instants, and what may be said about it afterwards.

Every other order is of blocks, the others are of a statistic.

Workers are processes that tick jobs through the node's own actions: examine, charge, stage, gate, seal, report. Only
the chambers and the registry are pretended: the registry is a folder that keeps the first bytes that it is sent for
each order (the witness), and any later ones that differ. Workers are forked, as the node's are, from a process that has
met a job already, so that a kill meets work and not the start of a program; they die by SIGKILL, and are buried as the
node's supervisor buries them.
"""

import datetime as dt
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import node_place
import structlog
import tiny_image
from databases import Database, Sqlite
from factory import World, key_entry, private_key
from node_place import settings_of
from statistic_specs import statistic

from protocol.documents.image import ImageLimits, read_identity
from sandbox.actions.clock import wall_clock
from sandbox.actions.intake import take_in
from sandbox.actions.node import Node
from sandbox.actions.restore import apply_restore, prepare
from sandbox.actions.sign_restore import sign_restore
from sandbox.actions.sweep import bury_worker
from sandbox.actions.tick import tick
from sandbox.chambers.fake import Ending, FakeRuntime
from sandbox.cli.restore import _site
from sandbox.domain.job import BEFORE_CHARGE, ENDED
from sandbox.domain.ledger import Kind, LedgerEntry, Scope
from sandbox.settings import Settings
from sandbox.store import ledger
from sandbox.store.ledger_head import check_head
from sandbox.store.tables import JobRow, Sealed
from sandbox.worker.wiring import open_store

RHO, AT_ONCE = 1_000_000, 4
START_SECONDS = 60
SAID = b'{"share": 0.5}'
IDLE = 0.01
NO_PARAMETERS: Final = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a node has said about one order so far: its receipt, and its encrypted release or none."""

    receipt: bytes
    ciphertext: bytes | None


class KillPlace:
    """One node in a folder, its orders, and the processes that work on them."""

    def __init__(self, folder: Path, orders: int, affordable: int, seed: int, database: Database | None = None) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.database = database or Sqlite(folder / "node" / "node.db")
        self.world = World(now=dt.datetime.now(dt.UTC).replace(microsecond=0))
        self._make(affordable)
        self.bundles = [self._bundle(number) for number in range(orders)]
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        node = open_place(folder)
        self.orders = [str(take_in(node, raw)[1]) for raw in self.bundles]
        while node_is_busy(node, self.orders[0]):
            tick(node, self.orders[0], "warm-up")
        node.store.close()
        self._context = multiprocessing.get_context("fork")
        self.kills = self.met = 0

    def _make(self, affordable: int) -> None:
        caps = {f"{name}_cap_nano": 10**9 for name in ("project", "dataset", "algorithm")}
        policy = {"pool_cap_nano": affordable * RHO, "job_cap_nano": RHO, **caps}
        custodians = [{"person": name, "keys": [key_entry(name)]} for name in ("cleo", "carl")]
        node_place.make_place(
            self.folder,
            self.world,
            root={"custodians": custodians},
            policy=policy,
            clock=wall_clock,
            database_url=self.database.url,
        )
        self.world.image = tiny_image.write_image(self.folder / "image.tar", SAID)
        node_place.stock(self.folder, self.world.dataset)

    def _bundle(self, number: int) -> bytes:
        algorithm, output, blocks = (_statistic(), "women", 0) if number % 2 else (self._blocks(), "share", 2)
        order = {
            "blocks": blocks,
            "parameters": {},
            "nonce": f"{number:032x}",
            "rho": [{"output": output, "nano": RHO}],
        }
        conditions = self.world.conditions(runs_per_node=10**6, rho_total_per_node_nano=10**12)
        terms = {member: {"conditions": conditions} for member in self.world.members[:2]}
        return self.world.bundle(algorithm=algorithm, order=order, approvals=terms).to_json()

    def _blocks(self) -> dict[str, Any]:
        return {
            "image": self.world.image.model_dump(),
            "entrypoint": [tiny_image.PROGRAM],
            "parameters": NO_PARAMETERS,
            "outputs": [{"name": "share", "kind": "number", "range": ["0", "1"], "default": "0", "aggregator": "mean"}],
            "inputs": {"variants": False, "columns": ["age"]},
            "model_parameters": 1,
        }

    def close(self) -> None:
        """Forget what the node kept in memory."""
        node_place.forget_place(self.folder)

    # Processes

    def kill_workers(self, kills: int, longest_seconds: float) -> None:
        """Start workers and kill each at a random instant, until so many are dead; count the charged jobs they held."""
        until = self.kills + kills
        while self.kills < until:
            workers = [self._start() for _ in range(AT_ONCE)]
            for worker in workers:
                time.sleep(self.chance.uniform(0, longest_seconds))
                worker.kill()
                worker.join()
                self.kills += 1
            self.met += self._interrupted(workers)
            self._bury(workers)

    def finish(self) -> None:
        """Let workers run until every job is over."""
        workers = [self._start() for _ in range(2)]
        for worker in workers:
            worker.join(10 * START_SECONDS)
        assert [worker.exitcode for worker in workers] == [0] * len(workers)

    def _start(self) -> BaseProcess:
        ours, theirs = self._context.Pipe(duplex=False)
        given = (str(self.folder), self.orders, self.chance.randrange(10**9), theirs)
        process = self._context.Process(target=work, args=given)
        process.start()
        theirs.close()
        assert ours.poll(START_SECONDS)
        return process

    def kill_at(self, order: str, instant: Callable[[Callable[[], None]], None]) -> None:
        """Kill a worker that has one job at an instant: `instant` is given what to call then, and arranges for it."""
        ours, theirs = self._context.Pipe(duplex=False)
        worker = self._context.Process(target=_work_until, args=(str(self.folder), order, instant, theirs))
        worker.start()
        theirs.close()
        assert ours.poll(START_SECONDS)
        assert ours.recv_bytes() == b"now"
        worker.kill()
        worker.join()
        self._bury([worker])

    def _bury(self, workers: Sequence[BaseProcess]) -> None:
        node = open_place(self.folder)
        for worker in workers:
            bury_worker(node, _owner(worker.pid))
        node.store.close()

    def _interrupted(self, workers: Sequence[BaseProcess]) -> int:
        """How many of the dead held a job that was charged and not over."""
        owners = {_owner(worker.pid) for worker in workers}
        store = open_store(settings_of(self.folder))
        with store.reading() as session:
            held = session.query(JobRow).where(JobRow.lease_owner.in_(owners)).all()
        store.close()
        return len([row for row in held if row.state not in ENDED | BEFORE_CHARGE])

    # What may be said

    def entries(self) -> list[LedgerEntry]:
        """Every entry of a ledger that agrees with itself, with its head, and with the jobs."""
        node = open_place(self.folder)
        with node.store.reading() as session:
            assert ledger.check_ledger(session) == check_head(node.places.ledger_head, session)
            entries = list(ledger.entries(session))
            charged = {row.id for row in session.query(JobRow) if row.charged_at is not None}
            pool = ledger.spent(session, Scope.POOL, "people")
        node.store.close()
        own = [entry.order_id for entry in entries if entry.kind is Kind.CHARGE]
        assert len(set(own)) == len(own)
        assert set(own) == charged  # none lost, none without its job
        assert pool == sum(entry.rho_nano for entry in entries if entry.scopes.pool)
        return entries

    def answers(self) -> dict[str, Answered]:
        """What is sealed, by its order."""
        store = open_store(settings_of(self.folder))
        with store.reading() as session:
            rows = session.query(Sealed).all()
        store.close()
        return {row.job_id: Answered(receipt=row.receipt, ciphertext=row.ciphertext) for row in rows}

    def witnessed(self) -> dict[str, bytes]:
        """The receipts that left the node, by their order."""
        files = (self.folder / "witness").glob("*.receipt")
        return {path.stem: path.read_bytes() for path in files}

    def released(self) -> dict[str, bytes]:
        """The encrypted releases that left the node, by their order."""
        files = (self.folder / "witness").glob("*.release")
        return {path.stem: path.read_bytes() for path in files}

    def second_answers(self) -> list[str]:
        """Orders for which another release left than the first one."""
        return [path.name for path in (self.folder / "witness").glob("*.release.other")]

    # A backup

    def save(self) -> None:
        """Back the database up, and nothing else."""
        self.database.save()

    def turn_back(self) -> None:
        """Put the backup in the database's place."""
        self.database.turn_back()

    def restore(self, receipts: Sequence[bytes]) -> None:
        """Import receipts by two custodians' word."""
        site, now = _site(self.folder / "node"), dt.datetime.now(dt.UTC)
        statement, _ = prepare(site, receipts, None, "the disk died", now)
        raw = self.world.sign(statement, "cleo")
        raw, _, _ = sign_restore(raw, private_key("carl"))
        apply_restore(site, raw, receipts, now)
        site.store.close()

    def order_again(self) -> None:
        """Every order once more, as a forgetful or malicious registry hands them over."""
        node = open_place(self.folder)
        for raw in self.bundles:
            take_in(node, raw)
        node.store.close()


def _statistic() -> dict[str, Any]:
    women = {"name": "women", "kind": "count", "where": [{"column": "sex", "values": ["female"]}]}
    inputs = {"variants": False, "columns": ["sex"]}
    return statistic(statistics=[women], inputs=inputs, parameters=NO_PARAMETERS).model_dump(mode="json")


def work(folder: str, orders: Sequence[str], seed: int, ready: Connection) -> None:
    """Tick jobs in a sequence of its own until all are over; killed at any instant."""
    node, order = open_place(Path(folder)), random.Random(seed)
    mine, owner = list(orders), _owner(os.getpid())
    ready.send_bytes(b"ready")
    while mine:
        order.shuffle(mine)
        for job in mine:
            tick(node, job, owner)
        with node.store.reading() as session:
            over = {row.id for row in session.query(JobRow) if row.due_at is None and row.state in ENDED}
        mine = [job for job in mine if job not in over]
        time.sleep(IDLE)
    node.store.close()


def _work_until(folder: str, order: str, instant: Callable[[Callable[[], None]], None], ready: Connection) -> None:
    def stop() -> None:
        ready.send_bytes(b"now")
        time.sleep(START_SECONDS)

    instant(stop)
    node = open_place(Path(folder))
    while node_is_busy(node, order):
        tick(node, order, _owner(os.getpid()))


def node_is_busy(node: Node, order: str) -> bool:
    """Whether a job is not over yet."""
    with node.store.reading() as session:
        return session.get_one(JobRow, order).state not in ENDED


def open_place(folder: Path) -> Node:
    """The node as one process opens it; its chambers say what they say at once."""

    def pretended(_settings: Settings) -> FakeRuntime:
        runtime = FakeRuntime({(tiny_image.PROGRAM,): lambda _input, _block: Ending(wrote=SAID)})
        archive = folder / "image.tar"
        with archive.open("rb") as stream:
            runtime.load_image(archive, read_identity(stream, ImageLimits()))
        return runtime

    opened = node_place.open_place(folder, pretended)
    return replace(opened, limits=replace(opened.limits, at_once=1000, per_project=1000))  # nobody sweeps here


def _owner(process: int | None) -> str:
    return f"killed:{process}:"
