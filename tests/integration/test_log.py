"""The log from registry to node to verifier: the real application, the node's real connection, no socket.

A registry that was taken over runs two databases under one log key and shows each node another one.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from factory import AUTHOR, NODE, NOW, OFFICE, RESEARCHER, World, digest_of, fake_digest, key_entry, private_key

from protocol.chain import explain
from protocol.documents.checkpoint import open_checkpoint
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.key import Key
from registry.main import make_app, make_desk
from sandbox.actions.clock import GuardedClock
from sandbox.actions.node import Node, Places, Times, Trust
from sandbox.actions.watch_log import evidence, prove, read_log, watch
from sandbox.domain.turns import Limits
from sandbox.errors import Held, RegistryDeclined
from sandbox.hub.registry import Courier, Registry
from sandbox.store import job, schema
from sandbox.store.base import Store

URL = "http://registry.test"
LOG = private_key("the log")
OTHER_NODE = "node-es"
WORLD = World()
BUNDLE = WORLD.bundle()
APPROVALS = tuple(digest_of(raw) for raw in BUNDLE.approvals)
PEOPLE = [WORLD.sign(WORLD.accreditation(name), OFFICE) for name in (RESEARCHER, AUTHOR, NODE, OTHER_NODE)]


class App(httpx.BaseTransport):
    """A registry's application as the other end of an ordinary connection."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.desk = make_desk(
            directory=directory,
            database=f"sqlite:///{directory / 'registry.db'}",
            offices={OFFICE: (Key(**key_entry(OFFICE)).to_public(),)},
            audiences=(URL,),
            image_bytes=1000,
            log_key=LOG,
        )
        self.app = make_app(self.desk, lambda: NOW)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            plain = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
            found = await transport.handle_async_request(plain)
            return httpx.Response(found.status_code, headers=found.headers, content=await found.aread())

        return asyncio.run(answer())

    def publish(self, kind: str, *documents: bytes) -> None:
        with httpx.Client(transport=self, base_url=f"{URL}/api/v1") as client:
            for raw in documents:
                assert client.post(f"/{kind}", content=raw).status_code == 201

    def settle(self, *first: bytes) -> None:
        """Publish what the order rests on, after something else if asked."""
        self.publish("accreditations", *PEOPLE, *first)
        self.publish("rosters", *BUNDLE.rosters)
        self.publish("statuses", *BUNDLE.statuses)
        self.publish("algorithms", BUNDLE.algorithm)
        self.publish("approvals", *BUNDLE.approvals)


@pytest.fixture
def hub(tmp_path: Path) -> App:
    app = App(tmp_path / "registry")
    app.settle()
    return app


def make_node(folder: Path, name: str, app: App) -> Node:
    folder.mkdir(exist_ok=True)
    store = Store(f"sqlite:///{folder / 'node.db'}")
    schema.prepare(store)
    nothing: Any = None
    clock = GuardedClock(store, lambda: NOW)
    root = WORLD.open_root(log_key=Key.of(LOG.public).model_dump())
    courier = Courier(url=URL, node=name, key=private_key(name))
    node = Node(
        name=name,
        machine="here",
        country="FI",
        software="safeconduct test",
        store=store,
        clock=clock,
        signer=private_key(name),
        trust=Trust(root=root, root_digest="0" * 64, policy=WORLD.policy(), policy_digest="0" * 64, book=nothing),
        places=Places(images=folder, run=folder, datasets=folder, ledger_head=folder / "ledger.head"),
        times=Times(lease=nothing, slice=nothing),
        limits=Limits(at_once=8, per_project=4, memory=1 << 30, staging=1 << 30),
        seccomp="{}",
        oci_runtime="runc",
        connect=lambda: Registry(courier, now=clock.now, transport=app),
        start_runtime=nothing,
    )
    with store.transaction() as session:
        values = {"id": digest_of(BUNDLE.order), "bundle": BUNDLE.to_json(), "researcher": RESEARCHER}
        about = {"project": "t2d", "dataset": "cohort-fi", "algorithm": digest_of(BUNDLE.algorithm)}
        job.insert_job(session, values | about, NOW)
    return node


def receipt(node: Node) -> bytes:
    """The node's receipt of a release, with what it saw of the log."""
    order_id = digest_of(BUNDLE.order)
    prove(node, order_id, BUNDLE, APPROVALS)
    seen = evidence(node, order_id, charged=True)
    released = {"decision": "released", "code": "released", "release_digest": fake_digest("ciphertext")}
    log = {"checkpoint": seen.checkpoint, "proofs": list(seen.proofs), "node": node.name}
    order = read_envelope(BUNDLE.order).untrusted(JobOrder)
    return WORLD.sign(WORLD.receipt(order, order_id, **released | log), node.name)


def codes(node: Node, receipts: list[bytes], export: bytes | None = None) -> set[str | None]:
    """What an offline verifier finds wrong."""
    papers = [*PEOPLE, *BUNDLE.rosters, *BUNDLE.statuses, *BUNDLE.approvals]
    files = {str(number): raw for number, raw in enumerate([*receipts, *papers])}
    lines = export.splitlines() if export is not None else None
    steps = explain(files, node.trust.root, NOW, log_export=lines)
    return {step.code for step in steps if step.ok is not True}


def test_a_node_proves_approvals_and_a_stranger_checks_them(tmp_path: Path, hub: App) -> None:
    nodes = [make_node(tmp_path / name, name, hub) for name in (NODE, OTHER_NODE)]
    receipts = [receipt(nodes[0])]
    hub.publish("algorithms", WORLD.sign(WORLD.algorithm(version="9.0.0"), AUTHOR))
    receipts.append(receipt(nodes[1]))
    with httpx.Client(transport=hub, base_url=f"{URL}/api/v1") as client:
        export = client.get("/log/export").content

    assert codes(nodes[0], receipts, export) == set()


def test_a_log_that_grows_between_polls_is_followed(tmp_path: Path, hub: App) -> None:
    node = make_node(tmp_path / NODE, NODE, hub)
    before = watch(node, node.registry)
    hub.publish("algorithms", *(WORLD.sign(WORLD.algorithm(version=f"9.{n}.0"), AUTHOR) for n in range(5)))
    after = watch(node, node.registry)

    assert before is not None
    assert after is not None
    assert after.size == before.size + 5
    assert open_checkpoint(after.raw, LOG.public) == after


def test_two_logs_shown_to_two_nodes_are_found_by_verify(tmp_path: Path, hub: App) -> None:
    fork = App(tmp_path / "fork")
    fork.settle()  # the same documents, committed to under other salts: another history of the same length
    nodes = [make_node(tmp_path / NODE, NODE, hub), make_node(tmp_path / OTHER_NODE, OTHER_NODE, fork)]

    receipts = [receipt(node) for node in nodes]

    assert codes(nodes[0], receipts[:1]) == set()
    assert codes(nodes[1], receipts[1:]) == set()
    assert codes(nodes[0], receipts) == {"log-fork"}


def test_a_node_that_is_shown_the_other_log_stops(tmp_path: Path, hub: App) -> None:
    node = make_node(tmp_path / NODE, NODE, hub)
    watch(node, node.registry)
    fork = App(tmp_path / "fork")
    fork.settle()
    fork.publish("algorithms", WORLD.sign(WORLD.algorithm(version="9.0.0"), AUTHOR))
    courier = Courier(url=URL, node=NODE, key=private_key(NODE))

    with pytest.raises(Held, match="different histories"):
        watch(node, Registry(courier, now=node.clock.now, transport=fork))

    assert read_log(node.store, node.trust.root)["alarm"] == "log-fork"


def test_a_registry_restored_from_a_backup_is_noticed(tmp_path: Path, hub: App) -> None:
    backup = tmp_path / "backup"
    hub.desk.store.scrub()
    shutil.copytree(tmp_path / "registry", backup)
    node = make_node(tmp_path / NODE, NODE, hub)
    hub.publish("algorithms", WORLD.sign(WORLD.algorithm(version="9.0.0"), AUTHOR))
    watch(node, node.registry)
    courier = Courier(url=URL, node=NODE, key=private_key(NODE))

    with pytest.raises(Held) as held:
        watch(node, Registry(courier, now=node.clock.now, transport=App(backup)))

    assert held.value.code == "log-rollback"


def test_an_approval_that_the_registry_never_logged_is_not_proved(tmp_path: Path) -> None:
    bare = App(tmp_path / "bare")
    bare.publish("accreditations", *PEOPLE)
    node = make_node(tmp_path / NODE, NODE, bare)

    with pytest.raises(RegistryDeclined, match="404"):
        node.registry.log_inclusion(APPROVALS[0], 1)
