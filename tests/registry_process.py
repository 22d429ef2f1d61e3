"""A registry as a process of its own, for tests that want the real thing: uvicorn, a socket, signals."""

import copy
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from factory import AUTHOR, OFFICE, RESEARCHER, World, digest_of, key_entry, private_key

from protocol.crypto.assertion import make_assertion
from registry import folder

START_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
COMMAND = [sys.executable, "-m", "client.cli", "registry"]


class Registry:
    """One registry's folder and, between `start` and `stop`, its process."""

    def __init__(self, directory: Path, database: str | None = None, **environment: str) -> None:
        self.directory = directory
        self.environment = environment
        self.world = World(now=datetime.now(UTC).replace(microsecond=0))
        self.roster = digest_of(self.world.sign(self.world.roster(), OFFICE))
        self.port = 0
        self.client = httpx.Client()
        office = directory / "office.json"
        office.write_text(json.dumps({"office": OFFICE, "keys": [key_entry(OFFICE)]}))
        folder.create(directory / "registry", {OFFICE: office}, (), database)

    def twin(self) -> "Registry":
        """A second process on the same folder, not yet started."""
        other = copy.copy(self)
        other.port, other.client = 0, httpx.Client()
        return other

    def command(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        line = [*COMMAND, verb, "--dir", str(self.directory / "registry"), *arguments]
        return subprocess.run(line, capture_output=True, text=True, timeout=START_SECONDS, check=False)

    def start(self, *arguments: str) -> None:
        line = [*COMMAND, "run", "--dir", str(self.directory / "registry"), "--port", str(self.port), "--json"]
        self.log = (self.directory / "log").open("ab")
        self.process = subprocess.Popen(
            [*line, *arguments], stdout=subprocess.PIPE, stderr=self.log, env=_environment() | self.environment
        )
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        watchdog.cancel()
        if not ready:
            self.stop()
            raise AssertionError((self.directory / "log").read_text()[-2000:])
        self.url = str(json.loads(ready)["url"])
        self.port = int(self.url.rpartition(":")[2]) if self.url.startswith("http") else 0
        self.tokens: dict[str, str] = {}
        self.client.close()
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
        return code

    def request(self, method: str, path: str, who: str | None = None, **more: Any) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        return self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def token(self, who: str) -> str:
        if who not in self.tokens:
            assertion = make_assertion(private_key(who), who, self.url, datetime.now(UTC))
            form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
            answer = self.client.post("/api/v1/token", data={**form, "client_assertion": assertion})
            assert answer.is_success, answer.text
            self.tokens[who] = str(answer.json()["access_token"])
        return self.tokens[who]

    def publish(self, kind: str, content: bytes) -> str:
        answer = self.request("POST", f"/{kind}", content=content)
        assert answer.is_success, answer.text
        return str(answer.json()["digest"])

    def settle_in(self) -> None:
        """Accredit a researcher, an author and a node, seat the committee, publish a status."""
        for subject in (RESEARCHER, AUTHOR, self.world.node):
            self.publish("accreditations", self.world.sign(self.world.accreditation(subject), OFFICE))
        self.publish("rosters", self.world.sign(self.world.roster(), OFFICE))
        self.publish("statuses", self.world.sign(self.world.status(), OFFICE))

    def order(self, **changes: Any) -> bytes:
        """A fresh signed order for an algorithm that is submitted along with it."""
        algorithm = self.publish("algorithms", self.world.sign(self.world.algorithm(), AUTHOR))
        changes = {"nonce": secrets.token_hex(16)} | changes
        return self.world.sign(self.world.order(algorithm, **changes), RESEARCHER)


def _environment() -> dict[str, str]:
    """Ours, but compiled modules may be kept: the tests start the same program again and again."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def running(directory: Path, database: str | None = None, port: int = 0, **environment: str) -> Iterator[Registry]:
    """A settled registry that is stopped at the end whatever happened; its database is a file unless one is named."""
    registry = Registry(directory, database, **environment)
    registry.port = port
    registry.start()
    try:
        registry.settle_in()
        yield registry
    finally:
        registry.stop()


def signing_here(directory: Path, *pages: str, **environment: str) -> Iterator[Registry]:
    """Such a registry, on whose own page members may sign, as on `pages`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    origins = " ".join([*pages, f"http://localhost:{port}"])
    yield from running(directory, port=port, SAFECONDUCT_REGISTRY_PASSKEY_ORIGINS=origins, **environment)
