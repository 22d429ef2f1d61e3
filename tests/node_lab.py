"""A registry and a node as an operator would run them, on this machine, for tests: real processes, nothing replaced.

lab = Lab(tmp_path, free_name)
lab.start_registry(); lab.make_node(timing="immediate"); lab.start_node()
order = lab.order(algorithm)                    # signed by the world's researcher
receipt = lab.receipt(order)                    # waited for, verified
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import docker
import docker.errors
import httpx
import tiny_image
from factory import AUTHOR, HOLDER, OFFICE, RESEARCHER, World, digest_of, key_entry, private_key, recipient_key

from client.api import RegistryClient
from client.errors import ClientError
from protocol.chain import OrderBundle, open_release, verify_receipt
from protocol.documents.receipt import Receipt
from protocol.documents.release import Release
from sandbox.actions.show_ledger import show_ledger, verify_ledger
from sandbox.actions.status import read_status
from sandbox.store.base import Store

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
CUSTODIANS = ("cleo", "carl")
T = TypeVar("T")


def wait_for(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Wait until `look` gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Lab:
    """One registry, one node, and the people of `factory.World`."""

    def __init__(
        self, folder: Path, redis: str, *, node_database: str = "", registry_database: str = "", at: Self | None = None
    ) -> None:
        """The databases are files in the folder unless addresses are given; `at` is a lab whose registry is this one's.

        The node is `factory.NODE` unless `world.node` is changed before the node is made.
        """
        self.folder = folder
        self.database = node_database or f"sqlite:///{folder / 'node' / 'node.db'}"
        self.registry_database = registry_database or f"sqlite:///{folder / 'registry' / 'registry.db'}"
        self.world = World(now=datetime.now(UTC).replace(microsecond=0))
        self.node = folder / "node"
        self.url = at.url if at else f"http://127.0.0.1:{_free_port()}"
        self.registry: Path = at.registry if at else folder / "registry"
        self.environment = os.environ | {
            "SAFECONDUCT_REDIS_URL": redis,
            "DOCKER_HOST": ENGINE,
            "SAFECONDUCT_DATABASE_URL": self.database,
        }
        self.accreditation = b""
        self.last_bundle: OrderBundle
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._clients: dict[str | None, RegistryClient] = {}
        self.images: list[str] = []

    # Programs

    def command(self, *words: str, succeeds: bool = True) -> Any:
        """Run a `safeconduct` command and return its JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "client.cli", *words], env=self.environment, capture_output=True, check=False
        )
        if succeeds and done.returncode:
            raise AssertionError(f"{words[:3]} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return json.loads(done.stdout) if succeeds else (done.returncode, done.stderr.decode())

    def start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a `safeconduct` command that goes on until it is stopped."""
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "client.cli", *words], env=self.environment, stdout=log, stderr=log
        )
        log.close()
        self.processes[name] = process
        return process

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop a program and return its exit code."""
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(60)

    def close(self) -> None:
        """Stop everything that runs, the node before the registry."""
        for client in self._clients.values():
            client.close()
        self.store.close()
        for name in reversed(list(self.processes)):
            self.stop(name)
        self._clean_machine()

    def _clean_machine(self) -> None:
        """Leave nothing on the engine and in memory."""
        with closing(docker.DockerClient(base_url=ENGINE)) as engine:
            for image in self.images:
                with suppress(docker.errors.ImageNotFound):
                    engine.images.remove(image, force=True)
        shutil.rmtree(_run_directory(self.node), ignore_errors=True)

    # The registry

    def start_registry(self) -> None:
        office = self.folder / "office.json"
        office.write_text(json.dumps({"office": OFFICE, "keys": [key_entry(OFFICE)]}))
        folder = str(self.registry)
        where = ["--url", self.url, "--database", self.registry_database]
        self.command("registry", "init", "--dir", folder, "--office", f"{OFFICE}={office}", *where, "--json")
        self.run_registry()
        people = [self.world.sign(self.world.accreditation(name), OFFICE) for name in (RESEARCHER, AUTHOR)]
        members = [
            self.world.sign(self.world.accreditation(name, roles=["committee"]), OFFICE) for name in self.world.members
        ]
        for raw in (*people, *members):
            self.client().publish("accreditations", raw)
        self.client().publish("rosters", self.world.sign(self.world.roster(), OFFICE))
        self.client().publish("statuses", self.world.sign(self.world.status(), OFFICE))

    def run_registry(self) -> None:
        """Run the registry that was made."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        self.start("registry", "registry", "run", "--dir", str(self.registry), "--host", host, "--port", port)
        wait_for(self._registry_answers, 30, "the registry's start")

    def client(self, who: str | None = None) -> RegistryClient:
        """The registry as somebody sees it."""
        if who not in self._clients:
            self._clients[who] = RegistryClient(self.url, person=who, key=private_key(who) if who else None)
        return self._clients[who]

    def _registry_answers(self) -> bool | None:
        try:
            return httpx.get(f"{self.url}/healthz").is_success or None
        except httpx.HTTPError:
            return None

    # The node

    def make_node(self, data: Path, *, policy_file: Path | None = None, **policy: Any) -> dict[str, Any]:
        """Make, accredit and stock the node, under the policy's numbers in a file or those given."""
        numbers = self.world.policy(**policy).model_dump(mode="json", exclude={"policy_set_digest"})
        numbers = json.loads(policy_file.read_bytes()) if policy_file else numbers
        pinned = json.loads((self.registry / "log.public.json").read_bytes())
        custodians = [{"person": name, "keys": [key_entry(name)]} for name in CUSTODIANS]
        believed = self.world.trust_root(holder=numbers["holder"], log_key=pinned, custodians=custodians)
        root = self.world.sign(believed, HOLDER)
        files = {"root.json": root, "policy.json": json.dumps(numbers).encode()}
        files["holder.pem"] = private_key(HOLDER).to_pem(None)
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        request = self.command(
            *("node", "init", "--dir", str(self.node), "--name", self.world.node, "--country", "FI"),
            *("--registry", self.url, "--trust-root", str(self.folder / "root.json"), "--fingerprint", digest_of(root)),
            *("--policy", str(self.folder / "policy.json"), "--holder-key", str(self.folder / "holder.pem"), "--json"),
        )
        proved = {"keys": request["keys"], "proofs": request["proofs"]}
        self.accreditation = self.world.sign(self.world.accreditation(self.world.node, **proved), OFFICE)
        self.client().publish("accreditations", self.accreditation)
        self.add_dataset(data)
        return request

    def add_dataset(self, data: Path, *, succeeds: bool = True) -> Any:
        """Offer the synthetic cohort in a folder."""
        files = {"--vcf": "cohort.vcf.gz", "--samples": "subjects.parquet", "--sites": "sites.tsv"}
        files |= {"--diagnoses": "diagnoses.parquet", "--pedigree": "pedigree.ped"}
        words = [word for option, name in files.items() for word in (option, str(data / name))]
        numbers = ["--people-rounded", "400", "--slots", "400", "--duo", "DUO:0000042"]
        where = ["--dir", str(self.node), "--id", self.world.dataset]
        return self.command("node", "dataset", "add", *where, *words, *numbers, "--json", succeeds=succeeds)

    def start_node(self) -> None:
        """Start the node and wait until it says that it is ready."""
        log = self.folder / "node.log"
        said = log.stat().st_size if log.exists() else 0
        self.start("node", "node", "run", "--dir", str(self.node))
        wait_for(lambda: b"is ready" in log.read_bytes()[said:] or None, 60, "the node's start")

    def move_node(self, folder: Path, database: str) -> None:
        """Let the node be the one in another folder, with another database."""
        self.store.close()
        del self.store
        shutil.rmtree(_run_directory(self.node), ignore_errors=True)
        self.node, self.database = folder, database
        self.environment["SAFECONDUCT_DATABASE_URL"] = database

    def status(self) -> dict[str, Any]:
        """What `node status` says; asked in this process, because a command takes longer than some jobs."""
        return read_status(self.store, self.world.policy(), datetime.now(UTC))

    def ledger(self) -> dict[str, Any]:
        """What `ledger show` says, after what `ledger verify` does."""
        verify_ledger(self.store, self.node / "ledger.head")
        return show_ledger(self.store, self.world.policy())

    @cached_property
    def store(self) -> Store:
        """The node's database."""
        return Store(self.database)

    def job(self, order: str) -> dict[str, Any] | None:
        """What `node status` says about one job."""
        return next((job for job in self.status()["jobs"] if job["order"] == order), None)

    def workers(self) -> list[int]:
        """The process ids of the node's worker, its main process first."""
        main = int((_run_directory(self.node) / "worker.ready").read_text())
        return [main, *_children(main)]

    # Algorithms and orders

    def algorithm(self, result: Mapping[str, Any], seconds: int = 0, **changes: Any) -> dict[str, Any]:
        """What an algorithm's specification changes, so that each chamber says `result` after so many seconds."""
        archive = self.folder / f"image-{secrets.token_hex(4)}.tar"
        identity = tiny_image.write_image(archive, json.dumps(result).encode(), seconds)
        self.images.append(identity.config_digest)
        self.client(AUTHOR).upload_image(archive, identity.archive_digest)
        return tiny_image.specification(identity) | changes

    def order(self, algorithm: Mapping[str, Any], *, approvals: Any = None, to: str | None = None, **order: Any) -> str:
        """Have an algorithm approved and order it; return the order's id."""
        terms = {"conditions": self.world.conditions(runs_per_node=1000)}
        approvals = approvals or dict.fromkeys(self.world.members[:2], terms)
        changes = {"blocks": 4, "parameters": {}, "nonce": secrets.token_hex(16)} | order
        changes.setdefault("rho", [{"output": "share", "nano": 2_000_000}])
        bundle = self.last_bundle = self.world.bundle(algorithm=algorithm, approvals=approvals, order=changes)
        self.client(AUTHOR).publish("algorithms", bundle.algorithm)
        for raw in bundle.approvals:
            self.client().publish("approvals", raw)
        if to is None:
            return self.client(RESEARCHER).publish("orders", bundle.order)
        return self.client(RESEARCHER).hand_order_to(to, bundle.order)

    def later(self) -> datetime:
        """A moment at which the next order may end, so that it is another order than one that is the same else."""
        return self.world.now + timedelta(hours=20)

    def receipt(self, order: str, seconds: float = 60) -> Receipt:
        """Wait for an order's receipt and verify it."""
        raw = wait_for(lambda: self._fetch(order, "receipt"), seconds, f"the receipt of {order[:8]}")
        root = self.world.open_root()
        proved = {"accreditations": [self.accreditation], "statuses": self.client().statuses()}
        return verify_receipt(raw, **proved, trust_root=root, order_id=order)

    def release(self, order: str, receipt: Receipt, seconds: float = 30) -> Release:
        """Wait for an order's release and open it."""
        raw = wait_for(lambda: self._fetch(order, "release"), seconds, f"the release of {order[:8]}")
        return open_release(raw, receipt, recipient_key())

    def _fetch(self, order: str, what: str) -> bytes | None:
        try:
            return getattr(self.client(RESEARCHER), what)(order)
        except ClientError:
            return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run_directory(node: Path) -> Path:
    from sandbox.settings import default_run_directory

    return default_run_directory(node)


def _children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in text.split()]
