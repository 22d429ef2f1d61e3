"""Everybody's homes in one folder and the commands that fill them, for tests of the client; the test plays the node."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from factory import World

from client import cli
from client.api import RegistryClient
from client.errors import OK
from client.keys import KeyFiles, read_signing
from protocol.chain import seal_release
from protocol.crypto.digest import sha256_hex
from protocol.documents.envelope import read_envelope, sign_statement
from protocol.documents.job_order import JobOrder

PEOPLE = ("office", "holder", "ada", "aino", "diego", "node-fi")
TERMS = """
project = "t2d"
persons = ["ada"]
[conditions]
nodes = ["node-fi"]
datasets = ["cohort-fi"]
purposes = ["DUO:0000006"]
rho_per_job_nano = 31_250_000
rho_total_per_node_nano = 125_000_000
runs_per_node = 4
days = 30
"""
ROSTER = """
committee = "ethics"
office = "office"
version = 1
minimum_approvals = 2
minimum_institutions = 2
seats = []
[[members]]
person = "aino"
institution = "hus"
seats = []
key = "aino/keys/me.request.json"
[[members]]
person = "diego"
institution = "sas"
seats = []
key = "diego/keys/me.request.json"
"""
ROOT = """
holder = "holder"
root_keys = ["holder/keys/me.public.json"]
root_threshold = 1
roster_delay_hours = 0
[[offices]]
office = "office"
keys = ["office/keys/me.public.json"]
[[datasets]]
dataset = "cohort-fi"
[[datasets.committees]]
committee = "ethics"
office = "office"
minimum_approvals = 2
minimum_institutions = 2
seats = []
"""


@dataclass(slots=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> str:
        return str(json.loads(self.err.splitlines()[-1])["code"])


def call(*words: object) -> Answer:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.run([str(word) for word in words] + ["--json"])
    return Answer(code, out.getvalue(), err.getvalue())


def done(*words: object) -> Any:
    answer = call(*words)
    assert answer.code == OK, answer.err
    return answer.data


class Place:
    """One folder with everybody's homes, a registry that runs, and what was made so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for person in PEOPLE:
            done("key", "new", "me", "--no-passphrase", "--home", folder / person)
        (folder / "root.toml").write_text(ROOT)
        (folder / "roster.toml").write_text(ROSTER)
        (folder / "terms.toml").write_text(TERMS)
        root = done("trust-root", "new", folder / "root.toml", "--key", self.key("holder"), "-o", folder / "root.json")
        self.fingerprint = root["fingerprint"]

    def key(self, person: str) -> Path:
        return self.folder / person / "keys" / "me.pem"

    def public(self, person: str) -> Path:
        return self.folder / person / "keys" / "me.public.json"

    def request(self, person: str) -> Path:
        """The person's request to the office, made on first use."""
        path = self.folder / person / "keys" / "me.request.json"
        if not path.exists():
            done("key", "prove", "me", "--subject", person, "--office", "office", "--home", self.folder / person)
        return path

    def settle(self, url: str) -> None:
        self.url = url
        for person in ("ada", "aino", "diego"):
            done(
                *(
                    "profile",
                    "set",
                    "--registry",
                    url,
                    "--person",
                    person,
                    "--key",
                    "me",
                    "--home",
                    self.folder / person,
                ),
                *("--trust-root", self.folder / "root.json", "--fingerprint", self.fingerprint),
            )
        self.issue("ada", "--role", "researcher")
        self.issue("aino", "--role", "committee")
        self.issue("diego", "--role", "committee")
        self.issue("node-fi", "--kind", "node", "--role", "node")
        office = ("--key", self.key("office"), "--publish", "--registry", url, "--home", self.folder / "office")
        self.roster = done("roster", "issue", self.folder / "roster.toml", "-o", self.folder / "roster.json", *office)
        done("status", "issue", "office", "--version", 1, "-o", self.folder / "status.json", *office)

    def issue(self, subject: str, *more: object) -> None:
        done(
            *("accreditation", "issue", subject, "--name", subject.title(), "--institution", f"of-{subject}"),
            *("--country", "FI", "--office", "office", "--request", self.request(subject)),
            *("--key", self.key("office"), "-o", self.folder / f"{subject}.json", "--publish", "--registry", self.url),
            *("--home", self.folder / "office"),
            *more,
        )

    def as_(self, person: str) -> tuple[object, ...]:
        return ("--home", self.folder / person)

    def node(self) -> RegistryClient:
        files = KeyFiles(folder=self.folder / "node-fi" / "keys", name="me")
        return RegistryClient(self.url, person="node-fi", key=read_signing(files.signing, lambda: None))

    def answer(self, order_id: str, **changes: Any) -> None:
        """Play the node: sign a receipt for an order, and hand in the release that it binds, if there is one."""
        order = self.read_order(order_id)
        key = read_signing(self.key("node-fi"), lambda: None)
        sealed = None
        if changes.get("decision") == "released":
            fields = {"rho_nano": order.rho_nano, **changes.pop("release", {})}
            sealed = seal_release(World(now=now()).release(order, order_id, **fields), order.recipient_bytes)
            changes |= {"release_digest": sha256_hex(sealed), "rho_charged_nano": order.rho_nano, "code": "released"}
        receipt = sign_statement(World(now=now()).receipt(order, order_id, **changes), [key])
        with self.node() as node:
            node._send("POST", "/nodes/node-fi/receipts", content=receipt)
            if sealed is not None:
                node._send("PUT", f"/nodes/node-fi/releases/{order_id}", content=sealed)

    def read_order(self, order_id: str) -> JobOrder:
        with self.node() as node:
            return read_envelope(node.document(order_id)).untrusted(JobOrder)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
