"""A registry, a node and a Redis of their own, what may happen to them, and what must hold when all is over.

The programs are the real ones, started as an operator starts them. Only the node's clock is not the machine's: a file
says how far off it is (`skew/sitecustomize.py`, first in the node's path), so that a test may turn it.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from factory import RESEARCHER
from node_lab import ENGINE, Lab, _run_directory, wait_for
from requests.exceptions import RequestException

from client.errors import ClientError
from sandbox.data.synthesise import synthesise
from sandbox.domain.job import JobState, check_transition
from sandbox.settings import load_settings
from sandbox.store import ledger
from sandbox.store.ledger_head import check_head
from sandbox.store.tables import JobEvent, JobRow, Sealed
from sandbox.worker.app import TASK, make_app
from sandbox.worker.names import ALIVE

LEASE_SECONDS, SLICE_SECONDS = 4, 3
RHO = 1_000_000
WIDE = 10**9
SETTINGS = f"lease_seconds = {LEASE_SECONDS}\nslice_seconds = {SLICE_SECONDS}\npoll_seconds = 2\nsweep_seconds = 0.5\n"
SKEW = '''"""Turn the node's clock by as many seconds as a file says."""
import datetime, os, sys
if os.environ.get("SAFECONDUCT_TEST_SKEW") and ("sandbox.worker" in " ".join(sys.orig_argv) or "node" in sys.orig_argv):
    import sandbox.actions.clock as clock
    wall, file = clock.wall_clock, os.environ["SAFECONDUCT_TEST_SKEW"]
    clock.wall_clock = lambda: wall() + datetime.timedelta(seconds=float(open(file).read() or 0))
'''


class Redis:
    """A broker without memory: killed, it has forgotten everything."""

    def __init__(self, folder: Path, *where: str) -> None:
        self.socket = folder / "redis.sock"
        self.where = where or ("--port", "0")
        self.url = f"redis+socket://{self.socket}"
        self.run()

    def run(self) -> None:
        self.socket.unlink(missing_ok=True)
        words = [*self.where, "--unixsocket", str(self.socket), "--dir", str(self.socket.parent), "--save", ""]
        self.process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        wait_for(lambda: self.socket.exists() or None, 20, "the start of Redis")

    def tell(self, *words: str) -> None:
        subprocess.run(["redis-cli", "-s", str(self.socket), *words], capture_output=True, check=True)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Chaos:
    """One course: orders, faults at random instants, and the end."""

    def __init__(self, folder: Path, *, database: str = "", engine: str = ENGINE, redis: str = "", seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.redis = Redis(folder)
        self.lab = Lab(folder, redis or self.redis.url, node_database=database)
        self.engine = self.lab.environment["DOCKER_HOST"] = engine
        self._prepare_skew()
        self.orders: list[str] = []
        self.frozen: list[int] = []
        self.seen: set[str] = set()

    def start(self, **settings: Any) -> None:
        """Make the registry and the node, and run both."""
        (self.folder / "data").mkdir()
        synthesise("FI", 400, 1, self.folder / "data")
        self.lab.start_registry()
        caps = {f"{name}_cap_nano": WIDE for name in ("project", "dataset", "algorithm", "pool")}
        self.lab.make_node(self.folder / "data", blocks_minimum=2, block_people_minimum=20, **caps)
        file = self.lab.node / "node.toml"
        more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        file.write_text(file.read_text() + SETTINGS + more)
        self.lab.start_node()

    def close(self) -> None:
        """End everything, and leave nothing."""
        self.thaw()
        self.turn_clock(0)
        self.lab.close()
        self.redis.kill()

    def order(self, count: int, seconds: int = 0, **changes: Any) -> None:
        """Order so many jobs of one algorithm, whose chambers take so long; `changes` are to its specification."""
        own = 0.5 + random.SystemRandom().random() / 10**6  # an image that no other test removes from a shared engine
        algorithm = self.lab.algorithm({"share": own}, seconds, **changes)
        terms = {"conditions": self.lab.world.conditions(runs_per_node=10**4, rho_total_per_node_nano=10**12)}
        approvals = dict.fromkeys(self.lab.world.members[:2], terms)
        shares = [{"output": "share", "nano": RHO}]
        self.orders += [self.lab.order(algorithm, approvals=approvals, rho=shares, blocks=2) for _ in range(count)]

    # What may happen

    def kill_workers(self) -> None:
        """SIGKILL the whole tree of workers."""
        with suppress(FileNotFoundError, ProcessLookupError):
            for process in self.lab.workers():
                os.kill(process, signal.SIGKILL)

    def kill_node(self) -> None:
        """SIGKILL what runs agent, relay and sweeper; the workers lose it. An operator's service starts it anew."""
        self.lab.stop("node", signal.SIGKILL)
        self.lab.start_node()

    def wait_a_moment(self) -> None:
        """Let a random time pass before the next fault."""
        time.sleep(self.chance.uniform(0, 3))

    def flush(self) -> None:
        """Let the broker forget everything."""
        self.redis.tell("FLUSHALL")

    def lose_redis(self, seconds: float = 3) -> None:
        """Let the broker be gone for a while."""
        self.redis.kill()
        time.sleep(seconds)
        self.redis.run()

    def lose_registry(self, seconds: float = 3) -> None:
        """Let the registry be gone for a while."""
        self.lab.stop("registry", signal.SIGKILL)
        time.sleep(seconds)
        self.lab.run_registry()

    def freeze_worker(self) -> None:
        """Freeze one process of the worker past its lease, then let it wake up."""
        with suppress(FileNotFoundError, ProcessLookupError, IndexError):
            self.frozen.append(self.chance.choice(self.lab.workers()[1:]))
            os.kill(self.frozen[-1], signal.SIGSTOP)
            time.sleep(LEASE_SECONDS + 2)
        self.thaw()

    def thaw(self) -> None:
        """Wake what was frozen."""
        while self.frozen:
            with suppress(ProcessLookupError):
                os.kill(self.frozen.pop(), signal.SIGCONT)

    def ring_twice(self) -> None:
        """Deliver every ring again, several times, and a forged one."""
        app = make_app(load_settings(self.lab.node, self.lab.environment))
        for order in [*self.orders * 2, "f" * 64]:
            app.send_task(TASK, (order,), ignore_result=True)
        app.close()

    def jump(self) -> None:
        """Set the clock back by an hour for a while. An hour ahead is another matter: see `test_clock_jumps`."""
        self.turn_clock(-3600)
        time.sleep(2)
        self.turn_clock(0)

    def turn_clock(self, seconds: float) -> None:
        """Let the node's clock be off by so much."""
        draft = self.skew.with_name("draft")
        draft.write_text(str(seconds))
        draft.replace(self.skew)

    def _prepare_skew(self) -> None:
        folder = self.folder / "skew"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SKEW)
        self.skew = folder / "seconds"
        self.turn_clock(0)
        path = os.pathsep.join([str(folder), self.lab.environment.get("PYTHONPATH", "")])
        self.lab.environment |= {"PYTHONPATH": path, "SAFECONDUCT_TEST_SKEW": str(self.skew)}

    # What must hold

    def finish(self, seconds: float) -> None:
        """Wait until every order is answered and every job is over at the node."""
        try:
            wait_for(self._is_over, seconds, "the end of every job")
        except AssertionError as error:
            rows = {row.id[:8]: (row.state, row.code, row.fence, row.losses, row.due_at) for row in self._rows(JobRow)}
            raise AssertionError(f"{error}: {len(rows)} of {len(self.orders)} taken in: {rows}") from error

    def _is_over(self) -> bool | None:
        return self.count_over() == len(self.orders) or None

    def wait_for_state(self, state: str) -> None:
        """Wait until some job is in this state."""
        wait_for(lambda: [row for row in self._rows(JobRow) if row.state == state] or None, 60, f"a job {state}")

    def attempts(self) -> set[str]:
        """The fences, of whatever job, of which a chamber runs or ran since this was first asked."""
        with suppress(DockerException, RequestException), closing(docker.APIClient(base_url=self.engine)) as engine:
            found = engine.containers(filters={"label": f"eu.safeconduct.node={self.run_directory.name}"})
            self.seen |= {one["Labels"]["eu.safeconduct.fence"] for one in found}
        return self.seen

    def count_over(self) -> int:
        """How many jobs have come to their end, and were reported."""
        ends = (JobState.REPORTED, JobState.FAILED, JobState.REFUSED)
        return len([row for row in self._rows(JobRow) if row.state in ends and row.due_at is None])

    def check(self) -> None:
        """Each order was charged once and released once; no fence was passed; nothing is left behind."""
        rows = {row.id: row for row in self._rows(JobRow)}
        assert {order: rows[order].state for order in self.orders} == dict.fromkeys(self.orders, "reported")
        with self.lab.store.reading() as session:
            end = ledger.check_ledger(session)
            assert end == check_head(self.lab.node / "ledger.head", session)
            charged = [entry.order_id for entry in ledger.entries(session)]
            assert ledger.spent(session, ledger.Scope.POOL, "people") == len(self.orders) * RHO
        assert sorted(charged) == sorted(self.orders)
        sealed = {row.job_id: row for row in self._rows(Sealed)}
        for order in self.orders:
            assert self._held_by_registry(order) == (sealed[order].receipt, sealed[order].ciphertext)
        self.check_fences()
        self.check_nothing_left()

    def check_fences(self) -> None:
        """What was written about each job follows the table, and no lower fence writes after a higher one."""
        course: dict[str, list[JobEvent]] = {order: [] for order in self.orders}
        for event in sorted(self._rows(JobEvent), key=lambda event: event.id):
            course[event.job_id].append(event)
        for events in course.values():
            for before, after in pairwise(events):
                assert before.fence <= after.fence
                check_transition(JobState(before.state), JobState(after.state))
            states = [event.state for event in events]
            assert (states.count("sealed"), states.count("reported")) == (1, 1)

    def check_nothing_left(self) -> None:
        """No container of this node, no volume, no staged block in memory."""
        run = self.run_directory
        with closing(docker.APIClient(base_url=self.engine)) as engine:
            labels = {"label": f"eu.safeconduct.node={run.name}"}
            wait_for(lambda: not engine.containers(all=True, filters=labels) or None, 20, "the last container's end")
        assert {path.name for path in run.iterdir() if path.is_dir()} <= {".roots", ALIVE}

    @property
    def run_directory(self) -> Path:
        """Where the node stages."""
        return _run_directory(self.lab.node)

    def _held_by_registry(self, order: str) -> tuple[bytes, bytes]:
        def look() -> tuple[bytes, bytes] | None:
            with suppress(ClientError):
                client = self.lab.client(RESEARCHER)
                return client.receipt(order), client.release(order)
            return None

        return wait_for(look, 30, "what the registry holds")

    def _rows(self, table: Any) -> list[Any]:
        with self.lab.store.reading() as session:
            return list(session.query(table).all())


class FullDisk:
    """A small disk in memory that may be filled."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)], check=True)

    def fill(self) -> None:
        """Leave no byte."""
        with suppress(OSError), (self.path / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def empty(self) -> None:
        """Give the room back."""
        (self.path / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Take the disk away."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
        shutil.rmtree(self.path, ignore_errors=True)
