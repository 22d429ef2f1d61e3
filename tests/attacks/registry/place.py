"""Where the cases play: a taken-over registry, real nodes before it, and two researchers with real clients.

The node's actions, store, connection and poll loop are the real ones; only its chambers are pretended (a refused order
never sees one) and its clock stands still until it is moved.
"""

import datetime as dt
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import tiny_image
from attacks.registry.taken import LOG, TakenRegistry
from authenticator import PAGE
from databases import Sqlite
from factory import AUTHOR, HOLDER, NODE, OFFICE, RESEARCHER, World, digest_of, private_key, recipient_key
from node_place import stock
from structlog.testing import capture_logs
from unit.node.conftest import PEOPLE, Kit, LossyRuntime, PretendedClock, PretendedRegistry

from client.api import RegistryClient
from client.client import Client
from client.home import Profile, write_profile
from client.keys import write_private
from protocol.chain import OrderBundle
from protocol.documents.envelope import read_envelope
from protocol.documents.key import Key
from protocol.documents.receipt import Receipt
from sandbox.actions.clock import GuardedClock
from sandbox.actions.init import NewNode, init_node
from sandbox.actions.node import Node, Times
from sandbox.actions.progress import acknowledge
from sandbox.actions.rosters import add_roster, decide_roster
from sandbox.chambers.fake import Ending
from sandbox.data.synthesise import synthesise
from sandbox.hub.registry import Courier, Registry
from sandbox.settings import load_settings
from sandbox.store import ledger
from sandbox.store.job import recent_jobs
from sandbox.store.tables import AuditRow, JobRow
from sandbox.worker.names import ALIVE
from sandbox.worker.service import Service
from sandbox.worker.wiring import POLICY_FOLDER, open_node

OTHER_NODE, OLGA = "node-es", "olga"
DELAY_HOURS = 48
SAID = json.dumps({"share": 0.5}).encode()
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


class Once(threading.Event):
    """A stop that lets a loop go round once."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    def is_set(self) -> bool:
        self._asked += 1
        return self._asked > 1

    def wait(self, timeout: float | None = None) -> bool:
        return True


@dataclass(kw_only=True)
class Place:
    """What all cases share. Made once."""

    folder: Path
    world: World
    image: Path
    root: bytes
    hub: TakenRegistry
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**6)))

    def settle(self, hub: TakenRegistry) -> None:
        """Let everybody in, seat the committee, upload the image: the honest part of a registry's life."""
        for name in (RESEARCHER, OLGA, AUTHOR, NODE, OTHER_NODE):
            publish(hub, "accreditations", self.world.sign(self.world.accreditation(name), OFFICE))
        publish(hub, "rosters", self.world.sign(self.world.roster(), OFFICE))
        publish(hub, "statuses", self.world.sign(self.world.status(), OFFICE))
        with RegistryClient(hub.url, person=AUTHOR, key=private_key(AUTHOR)) as author:
            author.upload_image(self.image, self.world.image.archive_digest)

    @contextmanager
    def stage(self, hub: TakenRegistry | None = None, name: str = NODE) -> "Iterator[Stage]":
        """A fresh node before the registry, in whose memory the honest roster is accepted."""
        folder = Path(tempfile.mkdtemp(prefix="safeconduct-test-", dir="/dev/shm"))
        stage = Stage(place=self, hub=hub or self.hub, folder=folder, name=name)
        try:
            yield stage
        finally:
            stage.close()
            shutil.rmtree(folder)


class Stage:
    """One node and the researchers' clients."""

    def __init__(self, *, place: Place, hub: TakenRegistry, folder: Path, name: str) -> None:
        self.place, self.hub, self.world, self.folder, self.name = place, hub, place.world, folder, name
        shutil.copytree(place.folder / "node", folder / "node")
        self.settings = load_settings(folder / "node", {}).model_copy(
            update={"run_directory": folder / "run", "poll_seconds": 0.5, "sites_per_catalogue": 0}
        )
        self.clock = PretendedClock()
        self.clock.at = NOW
        self._connections: list[Registry] = []
        self.kit = self._kit(self._open())
        self.seat(self.world.sign(self.world.roster(), OFFICE))

    def _open(self) -> Node:
        opened = open_node(self.settings)
        return replace(
            opened,
            name=self.name,
            clock=GuardedClock(opened.store, self.clock),
            signer=private_key(self.name),
            times=Times(lease=dt.timedelta(seconds=20), slice=dt.timedelta(seconds=15)),
            connect=self._connect,
            start_runtime=lambda: self._runtime,
        )

    def _kit(self, node: Node) -> Kit:
        def program(_input: bytes, _block: Path) -> Ending:
            return Ending(wrote=SAID)

        self._runtime = LossyRuntime({(tiny_image.PROGRAM,): program}, clock=self.clock, sleep=self.clock.advance)
        self._runtime.removed = []
        return Kit(
            folder=self.folder,
            world=self.world,
            clock=self.clock,
            registry=PretendedRegistry(),  # not asked: the node's connection is a real one
            runtime=self._runtime,
            node=node,
            chamber=program,
            numbers=self.place.numbers,
            database=Sqlite(self.folder / "node" / "node.db"),
        )

    def _connect(self) -> Registry:
        """The node's own connection; it logs in with the time that it is, whatever a case does to the clock."""
        courier = Courier(url=self.hub.url, node=self.name, key=private_key(self.name))
        made = Registry(courier, now=lambda: dt.datetime.now(dt.UTC))
        self._connections.append(made)
        return made

    def close(self) -> None:
        with self.kit.node.store.reading() as session:
            here = [row.id for row in recent_jobs(session, 100)]
        for order in here:  # what is still queued at the registry is taken from the queue
            acknowledge(self.kit.node, self.kit.node.registry, order)
        for connection in self._connections:
            connection.close()
        self.kit.node.store.close()

    # What people do

    def seat(self, roster: bytes) -> None:
        """Have the node's admin add and accept a roster."""
        root, store = self.kit.node.trust.root, self.kit.node.store
        digest = add_roster(store, root, roster, self.clock())
        decide_roster(store, root, digest, "told by telephone", self.clock(), accept=True)

    def order(self, bundle: OrderBundle | None = None) -> OrderBundle:
        """Publish an order, with its algorithm and approvals, as its people do."""
        bundle = bundle or self.kit.bundle()
        publish(self.hub, "algorithms", bundle.algorithm)
        for raw in bundle.approvals:
            publish(self.hub, "approvals", raw)
        publish(self.hub, "orders", bundle.order)
        return bundle

    @contextmanager
    def client(self, who: str = RESEARCHER) -> Iterator[Client]:
        """A researcher's client, with its files."""
        home = self.folder / who
        if not home.exists():
            (home / "keys").mkdir(parents=True)
            write_private(home / "keys" / "me.pem", private_key(who).to_pem(None))
            write_private(home / "keys" / "me.recipient", recipient_key(who).to_pem(None))
            (home / "root.json").write_bytes(self.place.root)
            pinned = {"trust_root": str(home / "root.json"), "fingerprint": digest_of(self.place.root)}
            write_profile(Profile(home=home), registry=self.hub.url, person=who, **pinned)
        with Client(home, now=self.clock) as client:
            yield client

    # What the node does

    def poll(self) -> list[str]:
        """One round of the node's poll loop; what it had to say against the registry."""
        with capture_logs() as said:
            Service(node=self.kit.node, settings=self.settings, stop=Once())._agent()
        return [line["code"] for line in said if line["event"] in ("loop-failed", "log-not-believed")]

    def handed(self, bundle: OrderBundle, *, statuses: bool = True) -> list[str]:
        """One poll at which the registry hands over this bundle, under the id of the order that it holds."""
        return self.handed_as(bundle, self.place_id(bundle), statuses=statuses)

    def handed_as(self, bundle: OrderBundle, called: str, *, statuses: bool = True) -> list[str]:
        """The same, under an id that the registry chooses."""

        def hand(honest: bytes) -> bytes:
            answer = json.loads(honest)
            kept = answer["statuses"] if statuses else []
            return json.dumps(
                {"orders": [json.loads(bundle.to_json())], "ids": [called], "statuses": kept}, ensure_ascii=False
            ).encode()

        with self.hub.lying(f"/nodes/{self.name}/orders$", hand):
            return self.poll()

    def place_id(self, bundle: OrderBundle) -> str:
        return digest_of(bundle.order)

    def row(self, order: str) -> JobRow | None:
        with self.kit.node.store.reading() as session:
            return session.get(JobRow, order)

    def receipt(self, order: str) -> Receipt:
        return read_envelope(self.kit.sealed(order).receipt).untrusted(Receipt)

    def unsigned(self) -> list[str | None]:
        """The codes of what came and was counted only."""
        with self.kit.node.store.reading() as session:
            rows = session.query(AuditRow).filter(AuditRow.action == "order-unsigned").all()
            return [row.code for row in rows]

    def ledger_entries(self) -> int:
        with self.kit.node.store.reading() as session:
            return ledger.head(session).sequence

    def check_untouched(self) -> None:
        """Nothing was charged, no block staged, no chamber started."""
        assert self.ledger_entries() == 0
        assert {path.name for path in self.settings.run_directory.glob("*")} <= {ALIVE}


def publish(hub: TakenRegistry, kind: str, raw: bytes) -> str:
    with RegistryClient(hub.url) as anybody:
        return anybody.publish(kind, raw)


def make_place(folder: Path) -> Place:
    (folder / "data").mkdir()
    synthesise("FI", PEOPLE, 1, folder / "data")
    image = folder / "image.tar"
    world = World(now=NOW, image=tiny_image.write_image(image, SAID))
    pins = {"log_key": Key.of(LOG.public).model_dump(), "passkey_origins": [PAGE.model_dump()]}
    root = world.sign(world.trust_root(roster_delay_hours=DELAY_HOURS, **pins), HOLDER)
    hub = TakenRegistry(folder / "registry")
    _make_node(folder, world, root)
    place = Place(folder=folder, world=world, image=image, root=root, hub=hub)
    place.settle(hub)
    return place


def _make_node(folder: Path, world: World, root: bytes) -> None:
    policy = world.policy(blocks_minimum=2, block_people_minimum=20).model_dump(mode="json")
    says = {"node": NODE, "country": "FI", "registry": "http://registry.test", "fingerprint": digest_of(root)}
    new = NewNode(
        directory=folder / "node",
        name=NODE,
        country="FI",
        trust_root=root,
        fingerprint=digest_of(root),
        policy=json.dumps(policy).encode(),
        policies=POLICY_FOLDER,
        holder_keys=[private_key(HOLDER)],
        settings=says,
    )
    init_node(new, NOW)
    stock(folder, world.dataset, lambda: NOW)
