"""A node of files and database, opened in this process, with pretended chambers, clock and registry."""

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import tiny_image
from databases import Database
from factory import World, private_key
from node_place import make_place, stock

from protocol.chain import OrderBundle
from sandbox.actions.clock import GuardedClock
from sandbox.actions.intake import take_in
from sandbox.actions.node import Node, Times
from sandbox.actions.tick import tick
from sandbox.chambers.fake import Ending, FakeRuntime
from sandbox.errors import InfrastructureLost
from sandbox.hub.registry import Courier, Registry
from sandbox.settings import load_settings
from sandbox.store.job import live_jobs
from sandbox.store.tables import JobRow, OutboxRow, Sealed
from sandbox.worker.wiring import open_node

START = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
PEOPLE = 400


@dataclass
class PretendedRegistry:
    """Answers as the registry's HTTP surface does, and remembers what it was told."""

    documents: dict[str, bytes] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    calls: list[tuple[str, str, bytes]] = field(default_factory=list)
    status: int = 200
    status_of: dict[str, int] = field(default_factory=dict)  # for addresses that hold this word
    handed: dict[str, Any] = field(default_factory=lambda: {"orders": [], "ids": [], "statuses": []})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
        self.calls.append((request.method, path, request.content))
        status = next((status for word, status in self.status_of.items() if word in path), self.status)
        if status != 200:
            return httpx.Response(status, json={"code": "told-so"})
        if path.startswith("/images/"):
            return self._image(path.rpartition("/")[2], request.headers.get("Range"))
        return httpx.Response(200, json=self.handed if path.endswith("/orders") else {})

    def _image(self, digest: str, wanted: str | None) -> httpx.Response:
        if digest not in self.images:
            return httpx.Response(404, json={"code": "image-missing"})
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if first >= len(self.images[digest]):
            return httpx.Response(416)
        return httpx.Response(206 if first else 200, stream=httpx.ByteStream(self.images[digest][first:]))

    def sent(self, what: str) -> list[bytes]:
        """The bodies of what was sent to addresses that hold this word."""
        return [body for _, path, body in self.calls if what in path]


class PretendedClock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> dt.datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


@dataclass(kw_only=True)
class Kit:
    """A node and everything around it that a test may turn."""

    folder: Path
    world: World
    clock: PretendedClock
    registry: PretendedRegistry
    runtime: FakeRuntime
    node: Node
    chamber: Callable[[bytes, Path], Ending]
    numbers: Iterator[int]
    database: Database

    def bundle(self, **changes: Any) -> OrderBundle:
        """An order of the tiny algorithm, approved by two, with changes to its documents."""
        algorithm = {
            "image": self.world.image.model_dump(),
            "entrypoint": [tiny_image.PROGRAM],
            "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
            "outputs": [{"name": "share", "kind": "number", "range": ["0", "1"], "default": "0", "aggregator": "mean"}],
            "inputs": {"variants": False, "columns": ["age"]},
            "model_parameters": 1,
            **changes.pop("algorithm", {}),
        }
        order = {
            "blocks": 4,
            "parameters": {},
            "nonce": f"{next(self.numbers):032x}",
            "rho": [{"output": "share", "nano": 2_000_000}],
            **changes.pop("order", {}),
        }
        return self.world.bundle(algorithm=algorithm, order=order, **changes)

    def take(self, **changes: Any) -> str:
        """Hand an order to the node and return its id."""
        _, order_id = take_in(self.node, self.bundle(**changes).to_json())
        assert order_id is not None
        return order_id

    def tick(self, job_id: str, owner: str = "here:1:1") -> JobRow:
        """Ring once for a job and return its row."""
        tick(self.node, job_id, owner)
        return self.row(job_id)

    def finish(self, job_id: str, rings: int = 10) -> JobRow:
        """Ring until nothing is due any more, letting time pass in between."""
        for _ in range(rings):
            row = self.tick(job_id)
            if row.due_at is None:
                return row
            self.clock.at = max(self.clock.at, row.due_at)
        raise AssertionError(f"the job is still {row.state} ({row.code})")

    def run_until(self, job_id: str, state: str) -> JobRow:
        """Ring until the job has come to a state, letting time pass in between."""
        row = self.row(job_id)
        while row.state != state:
            self.clock.at = max(self.clock.at, row.due_at)
            row = self.tick(job_id)
        return row

    def row(self, job_id: str) -> JobRow:
        with self.node.store.reading() as session:
            return session.get_one(JobRow, job_id)

    def sealed(self, job_id: str) -> Sealed | None:
        with self.node.store.reading() as session:
            return session.get(Sealed, job_id)

    def rings(self) -> list[str]:
        with self.node.store.reading() as session:
            return [row.job_id for row in session.query(OutboxRow).order_by(OutboxRow.id)]

    def live(self) -> frozenset[str]:
        with self.node.store.reading() as session:
            return frozenset(live_jobs(session))

    def with_policy(self, **changes: Any) -> None:
        """Let the node go on under other numbers of its holder."""
        policy = self.node.trust.policy.model_copy(update=changes)
        self.node = replace(self.node, trust=replace(self.node.trust, policy=policy))

    def lose(self, *, times: int) -> None:
        """Let the machine fail in the next so many slices."""
        self.runtime.failures = times


class LossyRuntime(FakeRuntime):
    """A pretended runtime whose machine can fail."""

    failures = 0
    removed: list[tuple[str, int]]

    def run_slice(self, *arguments: Any) -> int:
        if self.failures:
            self.failures -= 1
            raise InfrastructureLost("engine-failed", "The engine is gone.")
        return super().run_slice(*arguments)

    def remove_below(self, job: str, fence: int) -> int:
        self.removed.append((job, fence))
        return 0


@pytest.fixture(scope="session")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the node is made; another one for each module outside this folder that has these fixtures as well."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="session")
def made_database(made_folder: Path, usual_database: Callable[[Path], Database]) -> Database:
    """The database of the node that is made once."""
    return usual_database(made_folder / "node" / "node.db")


@pytest.fixture(scope="session")
def made(made_folder: Path, made_database: Database) -> Path:
    """A node's directory with one dataset, made once; `node` copies it."""
    folder = made_folder
    identity = tiny_image.write_image(folder / "image.tar", json.dumps({"share": 0.5}).encode())
    world = World(image=identity)
    make_place(folder, world, root={}, policy={}, clock=PretendedClock(), database_url=made_database.url)
    stock(folder, world.dataset, PretendedClock())
    return folder


@pytest.fixture
def kit(made: Path, made_database: Database, tmp_path: Path) -> Iterator[Kit]:
    """The node, opened; its chambers say 0.5 at once unless a test says otherwise."""
    with open_kit(made, made_database, tmp_path) as opened:
        yield opened


@pytest.fixture
def twin(made: Path, made_database: Database, tmp_path: Path) -> Iterator[Kit]:
    """A second node, made as `kit` is and knowing nothing of it."""
    with open_kit(made, made_database, tmp_path / "twin") as opened:
        yield opened


@contextmanager
def open_kit(made: Path, made_database: Database, tmp_path: Path) -> Iterator[Kit]:
    """A copy of the node that was made once, in a folder of its own."""
    shutil.copytree(made / "node", tmp_path / "node")
    database, file = made_database.copy(tmp_path / "node"), tmp_path / "node" / "node.toml"
    file.write_text(file.read_text().replace(made_database.url, database.url))
    memory = Path(tempfile.mkdtemp(prefix="safeconduct-test-", dir="/dev/shm"))
    settings = load_settings(tmp_path / "node", {}).model_copy(update={"run_directory": memory})
    clock, registry = PretendedClock(), PretendedRegistry()
    kit: Kit
    runtime = LossyRuntime(
        {(tiny_image.PROGRAM,): lambda *given: kit.chamber(*given)}, clock=clock, sleep=clock.advance
    )
    runtime.removed = []
    opened = open_node(settings)
    guarded = GuardedClock(opened.store, clock)
    courier = Courier(url="http://registry.test", node=opened.name, key=private_key("node-fi"))
    node = replace(
        opened,
        clock=guarded,
        times=Times(lease=dt.timedelta(seconds=20), slice=dt.timedelta(seconds=15)),
        connect=lambda: Registry(courier, now=clock, transport=httpx.MockTransport(registry)),
        start_runtime=lambda: runtime,
    )
    image = (made / "image.tar").read_bytes()
    world = World(image=tiny_image.write_image(tmp_path / "image.tar", json.dumps({"share": 0.5}).encode()))
    registry.images[world.image.archive_digest] = image
    kit = Kit(
        folder=tmp_path,
        world=world,
        clock=clock,
        registry=registry,
        runtime=runtime,
        node=node,
        chamber=lambda _input, _block: Ending(wrote=b'{"share": 0.5}'),
        numbers=iter(range(1, 1000)),
        database=database,
    )
    yield kit
    if "registry" in kit.node.__dict__:
        kit.node.registry.close()
    kit.node.store.close()
    shutil.rmtree(memory)
