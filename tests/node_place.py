"""A node in a folder, driven by tests through its own actions: real database, ledger, data, gate and seals.

The registry is pretended: a folder that keeps the first bytes that it is sent for each order (the witness), and any
later ones that differ. What runs the chambers is the test's to say.
"""

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from factory import HOLDER, World, digest_of, private_key

from protocol.documents.envelope import read_envelope
from protocol.documents.receipt import Receipt
from sandbox.actions.add_dataset import NewDataset, Shelf, add_dataset
from sandbox.actions.clock import GuardedClock, wall_clock
from sandbox.actions.init import NewNode, init_node
from sandbox.actions.node import Node, Times
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.data.synthesise import synthesise
from sandbox.domain.dataset import Unit
from sandbox.hub.registry import Courier, Registry
from sandbox.settings import Settings, load_settings
from sandbox.worker.wiring import POLICY_FOLDER, open_node, open_store

PEOPLE = 400
REGISTRY = "http://registry.test"
TIMES = Times(lease=dt.timedelta(seconds=20), slice=dt.timedelta(seconds=10))


def make_place(
    folder: Path,
    world: World,
    *,
    root: dict[str, Any],
    policy: dict[str, Any],
    clock: Callable[[], dt.datetime],
    database_url: str | None = None,
) -> None:
    """Make a node with 400 synthetic people in its data folder; `root` and `policy` are changes to the world's."""
    (folder / "data").mkdir(parents=True)
    (folder / "witness").mkdir()
    synthesise("FI", PEOPLE, 1, folder / "data")
    chosen = {"database_url": database_url} if database_url else {}
    init_node(_new_node(folder, world, root, policy, chosen), clock())


def _new_node(
    folder: Path, world: World, root: dict[str, Any], policy: dict[str, Any], chosen: dict[str, str]
) -> NewNode:
    signed = world.sign(world.trust_root(**root), HOLDER)
    numbers = world.policy(blocks_minimum=2, block_people_minimum=20, **policy).model_dump(mode="json")
    pinned = {"node": world.node, "country": "FI", "registry": REGISTRY, "fingerprint": digest_of(signed)}
    return NewNode(
        directory=folder / "node",
        name=world.node,
        country="FI",
        trust_root=signed,
        fingerprint=digest_of(signed),
        policy=json.dumps(numbers).encode(),
        policies=POLICY_FOLDER,
        holder_keys=[private_key(HOLDER)],
        settings=pinned | chosen,
    )


def stock(folder: Path, dataset: str, clock: Callable[[], dt.datetime] = wall_clock) -> None:
    """Offer the people in the node's data folder."""
    settings = settings_of(folder)
    store = open_store(settings)
    shelf = Shelf(
        store=store, clock=GuardedClock(store, clock), datasets=settings.directory / "datasets", keys=settings.keys
    )
    add_dataset(shelf, new_dataset(folder / "data", dataset))
    store.close()


def new_dataset(data: Path, dataset: str) -> NewDataset:
    """The synthetic cohort as a holder offers it."""
    return NewDataset(
        dataset=dataset,
        vcf=data / "cohort.vcf.gz",
        samples=data / "subjects.parquet",
        diagnoses=data / "diagnoses.parquet",
        pedigree=data / "pedigree.ped",
        sites=data / "sites.tsv",
        people=PEOPLE,
        slots=PEOPLE,
        unit=Unit.FAMILY,
        maximum_family_size=4,
        columns=(),
        diagnosis_codes=None,
        duo=("DUO:0000042",),
        country="FI",
        assembly="GRCh38",
    )


def settings_of(folder: Path) -> Settings:
    """The settings of the node in a folder."""
    return load_settings(folder / "node", {})


def open_place(folder: Path, start_runtime: Callable[[Settings], ChamberRuntime]) -> Node:
    """The node as one process opens it, with these chambers."""
    settings = settings_of(folder)
    opened = open_node(settings)
    courier = Courier(url=REGISTRY, node=opened.name, key=private_key("node-fi"))
    transport = httpx.MockTransport(lambda request: _registry(folder / "witness", request))
    return replace(
        opened,
        times=TIMES,
        connect=lambda: Registry(courier, now=opened.clock.now, transport=transport),
        start_runtime=lambda: start_runtime(settings),
    )


def forget_place(folder: Path) -> None:
    """Forget what the node kept in memory."""
    shutil.rmtree(settings_of(folder).run_directory, ignore_errors=True)


def decision(raw: bytes) -> Receipt:
    """What a receipt says."""
    return read_envelope(raw).untrusted(Receipt)


def _registry(folder: Path, request: httpx.Request) -> httpx.Response:
    path = request.url.path
    if path.endswith("/token"):
        return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
    if path.endswith("/receipts"):
        _keep(folder / f"{decision(request.content).order}.receipt", request.content)
    if "/releases/" in path:
        _keep(folder / f"{path.rpartition('/')[2]}.release", request.content)
    return httpx.Response(200, json={})


def _keep(path: Path, content: bytes) -> None:
    """Keep the first bytes whole or not at all, and remember others that came later."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        if path.read_bytes() != content:
            shutil.copy(draft, f"{path}.other")
    finally:
        draft.unlink()
