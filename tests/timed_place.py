"""Two jobs of one node, the second behind the first, in real cells: when the first leaves and when the second starts.

Each node has people of its own, and the target is among them or not. The first job's program (algorithms/hostile/
clocks.py) misbehaves where it meets the target; the second comes while the first one's time still runs, when a program
that met nobody has ended long ago. Workers are threads that ring for what is due, each with a database connection and a
runtime of its own, as a node's processes have them.
"""

import datetime as dt
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chamber_help as help_
import node_place
import pyarrow.parquet as pq
from coin_pairs import NEVER
from factory import World

from sandbox.actions.clock import wall_clock
from sandbox.actions.intake import take_in
from sandbox.actions.node import Node
from sandbox.actions.tick import tick
from sandbox.chambers.cell import CellRuntime
from sandbox.domain.chamber import ChamberPlan
from sandbox.settings import Settings
from sandbox.store.tables import JobRow

TARGETS_AGE = 119  # an age that nobody else has
RHO = 1_000_000
IDLE, LONGEST = 0.05, 0.2
PATIENCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What shows of a first job: when its release came, and when the next job's first chamber started, in seconds.

    Both are counted from a time that was fixed by the first job's charge: its release's epoch, and its first slot.
    """

    released: float
    next_started: float


class Watched(CellRuntime):
    """Cells whose outcomes are kept when a job's last chamber ended."""

    outcomes: dict[str, list[bytes | None]]

    def run_slice(self, plan: ChamberPlan, first: int, outputs_dir: Path, until: dt.datetime) -> int:
        following = super().run_slice(plan, first, outputs_dir, until)
        if following == plan.chambers:
            self.outcomes[plan.job] = self.collect(outputs_dir, plan.chambers)
        return following


def make_nodes(folder: Path, world: World, **policy: Any) -> None:
    """Make the two nodes that all others are copies of: `with` and `without` the target."""
    for name, there in (("with", True), ("without", False)):
        node_place.make_place(folder / name, world, root={}, policy=policy, clock=wall_clock)
        if there:
            _add_target(folder / name / "data" / "subjects.parquet")
        node_place.stock(folder / name, world.dataset)


def _add_target(subjects: Path) -> None:
    table = pq.read_table(subjects)
    place = table.column_names.index("age")
    ages = [TARGETS_AGE, *table.column("age").to_pylist()[1:]]
    pq.write_table(table.set_column(place, "age", [ages]), subjects)


def order(world: World, image: help_.Image, number: int, *, act: str, seconds: int, slot_seconds: int) -> bytes:
    """An order of the program that reads the clock; its slot and what it does are public."""
    algorithm = {
        "image": image.identity.model_dump(),
        "entrypoint": ["/usr/bin/python3", "-I", "-S", "/clocks.py"],
        "parameters": {
            "type": "object",
            "properties": {"act": {"type": "string", "maxLength": 10}, "seconds": {"type": "integer"}},
            "required": ["act", "seconds"],
            "additionalProperties": False,
        },
        "outputs": [
            {"name": "at", "kind": "number", "range": ["0", "4000000000"], "default": "0", "aggregator": "mean"}
        ],
        "inputs": {"variants": False, "columns": ["age"]},
        "model_parameters": 1,
        "slot_milliseconds": 1000 * slot_seconds,
        "memory_bytes": 64 << 20,
    }
    asked = {"blocks": 2, "parameters": {"act": act, "seconds": seconds}, "nonce": f"{number:032x}"}
    return world.bundle(algorithm=algorithm, order=asked | {"rho": [{"output": "at", "nano": RHO}]}).to_json()


class Course:
    """One node's two jobs; `wait_seconds` after the first one's first slot the second order comes."""

    def __init__(self, made: Path, folder: Path, *, workers: int, wait_seconds: float) -> None:
        shutil.copytree(made, folder)
        self._folder, self._wait = folder, wait_seconds
        self._outcomes: dict[str, list[bytes | None]] = {}
        self._over = threading.Event()
        self._workers = [threading.Thread(target=self._work, args=(f"timed:{n}",)) for n in range(workers)]

    def run(self, first: bytes, second: bytes) -> Seen:
        """Let the node answer both orders; give what shows."""
        with self._working() as node:
            one = _take(node, first)
            fixed = self._wait_for(lambda: _charged(node, one))
            time.sleep(max(0.0, (fixed.start_at - node.clock.now()).total_seconds() + self._wait))
            other = _take(node, second)
            started = self._wait_for(lambda: self._outcomes.get(other))
            receipt = self._folder / "witness" / f"{one}.receipt"
            released = self._wait_for(lambda: receipt.stat().st_mtime if receipt.exists() else None)
        begun = [json.loads(said)["at"] if said else NEVER for said in started]
        return Seen(
            released=released - fixed.release_at.timestamp(), next_started=min(begun) - fixed.start_at.timestamp()
        )

    @contextmanager
    def _working(self) -> Iterator[Node]:
        node = node_place.open_place(self._folder, self._cells)
        for worker in self._workers:
            worker.start()
        try:
            yield node
        finally:
            self._over.set()
            for worker in self._workers:
                worker.join()
            node.runtime.reap(())
            node.store.close()
            node_place.forget_place(self._folder)

    def _work(self, owner: str) -> None:
        node = node_place.open_place(self._folder, self._cells)
        while not self._over.is_set():
            with node.store.reading() as session:
                free = session.query(JobRow.id, JobRow.due_at).where(
                    JobRow.lease_until.is_(None), JobRow.due_at.is_not(None)
                )
                job, due_at = free.order_by(JobRow.due_at).first() or (None, None)
            wait = (due_at - node.clock.now()).total_seconds() if due_at else LONGEST
            if job and wait <= 0:
                tick(node, job, owner)
            else:
                self._over.wait(min(wait, LONGEST))
        node.store.close()

    def _cells(self, settings: Settings) -> CellRuntime:
        cells = Watched(help_.engine_url(), settings.run_directory.name, help_.supervisor())
        cells.outcomes = self._outcomes
        return cells

    def _wait_for(self, look: Any) -> Any:
        until = time.monotonic() + PATIENCE
        while (found := look()) is None:
            assert time.monotonic() < until, "the node did not come to an end in time"
            time.sleep(IDLE)
        return found


def _take(node: Node, raw: bytes) -> str:
    _, order_id = take_in(node, raw)
    assert order_id is not None
    return order_id


def _charged(node: Node, job: str) -> JobRow | None:
    with node.store.reading() as session:
        row = session.get_one(JobRow, job)
    assert row.state != "refused", row.code
    return row if row.charged_at else None
