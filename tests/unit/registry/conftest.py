"""A registry in one process, without a socket: the real application, database and blobs under a clock of our own."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import Database
from factory import AUTHOR, OFFICE, RESEARCHER, World, digest_of, key_entry, private_key
from fastapi import FastAPI

from protocol.crypto.assertion import make_assertion
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.key import Key
from registry.actions.desk import Desk
from registry.main import make_app, make_desk

IMAGE_BYTES = 1000
LOG = "the log"
URL = "http://registry.test"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def open_desk(directory: Path, database: str) -> Desk:
    """Open the registry in a folder, as a start would."""
    return make_desk(
        directory=directory,
        database=database,
        offices={OFFICE: (Key(**key_entry(OFFICE)).to_public(),)},
        audiences=(URL,),
        image_bytes=IMAGE_BYTES,
        log_key=private_key(LOG),
    )


class Hub:
    """The application, the world whose documents it gets, and requests to it."""

    def __init__(self, directory: Path, database: str, app: FastAPI) -> None:
        self.world = World()
        self.now: datetime = self.world.now
        self.directory, self.database = directory, database
        self.tokens: dict[tuple[str, datetime], str] = {}
        self.desk = open_desk(directory, database)
        self.app = app
        self.app.state.desk, self.app.state.clock = self.desk, lambda: self.now
        self.roster = digest_of(self.world.sign(self.world.roster(), OFFICE))

    def restart(self) -> None:
        """Close everything and open it again, as a new process would."""
        self.desk.store.close()
        self.desk = self.app.state.desk = open_desk(self.directory, self.database)

    def request(self, method: str, path: str, who: str | None = None, **more: Any) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        return asyncio.run(self._request(method, path if path.startswith("/h") else f"/api/v1{path}", headers, more))

    async def _request(self, method: str, path: str, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=URL, verify=False) as client:
            return await client.request(method, path, headers=headers, **more)

    def post(self, path: str, content: bytes, who: str | None = None) -> httpx.Response:
        return self.request("POST", path, who, content=content)

    def publish(self, kind: str, content: bytes) -> str:
        """Publish a document that must be accepted, and return its digest."""
        answer = self.post(f"/{kind}", content)
        assert answer.is_success, answer.text
        return str(answer.json()["digest"])

    def assertion(self, who: str, **changes: Any) -> str:
        fields = {"audience": URL, "now": self.now, "key": private_key(who)} | changes
        return make_assertion(fields["key"], who, fields["audience"], fields["now"])

    def log_in(self, assertion: str, **more: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        return self.request("POST", "/token", data={**form, "client_assertion": assertion, **more})

    def token(self, who: str) -> str:
        """A token of this moment; logging in is tested elsewhere."""
        if (who, self.now) not in self.tokens:
            answer = self.log_in(self.assertion(who))
            assert answer.is_success, answer.text
            self.tokens[who, self.now] = str(answer.json()["access_token"])
        return self.tokens[who, self.now]

    def settle_in(self) -> None:
        """Accredit the researcher, the author, the node; seat the committee; publish a status."""
        for subject in (RESEARCHER, AUTHOR, self.world.node):
            self.publish("accreditations", self.world.sign(self.world.accreditation(subject), OFFICE))
        self.publish("rosters", self.world.sign(self.world.roster(), OFFICE))
        self.publish("statuses", self.world.sign(self.world.status(), OFFICE))

    def submit(self, **changes: Any) -> str:
        return self.publish("algorithms", self.world.sign(self.world.algorithm(**changes), AUTHOR))

    def vote(self, algorithm: str, member: str, **changes: Any) -> httpx.Response:
        approval = self.world.approval(member, algorithm, self.roster, **changes)
        return self.post("/approvals", self.world.sign(approval, member))

    def order(self, algorithm: str, **changes: Any) -> bytes:
        return self.world.sign(self.world.order(algorithm, **changes), RESEARCHER)

    def refusal(self, order_raw: bytes, **changes: Any) -> bytes:
        """The node's signed refusal of an order."""
        order = read_envelope(order_raw).untrusted(JobOrder)
        return self.world.sign(self.world.receipt(order, digest_of(order_raw), **changes), self.world.node)


Built = tuple[tuple[Path, Database], tuple[Path, Database], FastAPI]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, usual_database: Callable[[Path], Database]) -> Built:
    """An empty folder, a settled one and the application: all take longer to make than a test to run."""
    empty, settled = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("settled")
    database = usual_database(empty / "registry.db")
    app = make_app(open_desk(empty, database.url))
    app.state.desk.store.close()
    shutil.copytree(empty, settled, dirs_exist_ok=True)
    copied = database.copy(settled)
    hub = Hub(settled, copied.url, app)
    hub.settle_in()
    hub.desk.store.close()
    return (empty, database), (settled, copied), app


@pytest.fixture
def hub(tmp_path: Path, built: Built) -> Iterator[Hub]:
    """A registry that knows its office and nobody else."""
    yield from _copy(*built[0], tmp_path, built[2])


@pytest.fixture
def settled(tmp_path: Path, built: Built) -> Iterator[Hub]:
    """A registry with a researcher, an author, a node, a committee and a live status."""
    yield from _copy(*built[1], tmp_path, built[2])


def _copy(folder: Path, database: Database, directory: Path, app: FastAPI) -> Iterator[Hub]:
    shutil.copytree(folder, directory, dirs_exist_ok=True)
    made = Hub(directory, database.copy(directory).url, app)
    yield made
    made.desk.store.close()
