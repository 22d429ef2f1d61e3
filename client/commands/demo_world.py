"""The demo's world: cohorts, images, a registry and nodes, made or found again, started and stopped.

Every program runs as an operator would run it, by its own command; every person works through the Python client. What
is slow and always comes out the same is kept between performances: cohorts, image archives, and the world as it is
before the first word: everybody's keys and papers, a registry without documents, nodes with data and an empty ledger.
A kept world is a week old at most, since its papers are valid for a month.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from client.api import RegistryClient
from client.commands.algorithm import ARCHIVE, IDENTITY
from client.commands.demo_cache import ROOT, Cache, folder_digest, source_digest
from client.commands.demo_cast import OFFICE, REGISTRY_PAGE, REGISTRY_PORT, SIGNER, Cast, Papers
from client.commands.demo_plan import GENOME_MINIMUM_FREQUENCY, GENOME_VARIANTS, Cohort, NodePlan
from client.commands.demo_programs import POLL_SECONDS, Programs, free_port, wait_until
from client.errors import UsageProblem
from protocol.documents.envelope import read_envelope

START_SECONDS: Final = 90.0
BASE_VARIABLE: Final = "SAFECONDUCT_BASE_IMAGE"
ALGORITHMS: Final = ROOT / "algorithms"
DUO: Final = "DUO:0000042"  # general research use
NOWHERE: Final = "http://127.0.0.1:1"  # a kept world has no registry yet
READY: Final = '"ready": true'
MEMORY: Final = Path("/dev/shm")  # noqa: S108  folders of our own, made by nodes with mode 0700
DATASETS: Final = "datasets"
REQUESTS: Final = "requests.json"
A = TypeVar("A")
B = TypeVar("B")


class World:
    """Everything that exists during one performance, under one folder."""

    def __init__(self, run: Path, cache: Cache, programs: Programs, base: str) -> None:
        self.run, self.cache, self.programs, self.base = run, cache, programs, base
        self.cast = Cast(run / "people")
        self.url = f"http://127.0.0.1:{free_port(REGISTRY_PORT)}"
        self.papers: Papers
        self.requests: dict[str, Any] = {}
        self.memories: list[Path] = []

    # Made once, found again -----------------------------------------------------------------------------------

    def cohorts(self, wanted: Iterable[Cohort]) -> dict[Cohort, Path]:
        """Return the folder of each cohort's files."""
        wanted = list(wanted)
        return dict(zip(wanted, at_once(self._cohort, wanted), strict=True))

    def _cohort(self, cohort: Cohort) -> Path:
        facts = {"cohort": cohort, "by": source_digest("sandbox/data")}
        if cohort.source is not None:
            facts["source"] = [
                (p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(cohort.source.iterdir())
            ]
        return self.cache.get("cohort", facts, lambda folder: self._make_cohort(cohort, folder))

    def _make_cohort(self, cohort: Cohort, folder: Path) -> None:
        if cohort.kind == "genomes":
            chosen = ["--minimum-frequency", str(GENOME_MINIMUM_FREQUENCY), "--limit", str(GENOME_VARIANTS)]
            what = ["genomes", "--source", str(cohort.source), "--population", cohort.population, *chosen]
        else:
            numbers = ["--people", str(cohort.people), "--seed", str(cohort.seed)]
            what = ["synthesise", "--country", cohort.country, *numbers]
        name = f"data-{cohort.population or cohort.country}"
        self.programs.run(name, ["data", *what, "--out", str(folder), "--json"])

    def image(self, folder: Path) -> Path:
        """Return the folder of an algorithm's built archive and its identity."""
        facts = {"folder": folder_digest(folder), "base": engine_id(self.base), "by": source_digest("client")}
        return self.cache.get("image", facts, lambda out: build(folder, self.base, out))

    def furnish(self, plans: Iterable[NodePlan], cohorts: Mapping[Cohort, Path]) -> None:
        """Bring people, papers, a registry and nodes into this performance, from the kept world or made now."""
        plans = list(plans)
        week = "-".join(str(part) for part in self.cast.now.isocalendar()[:2])
        software = source_digest("sandbox", "registry", "protocol", "client"), folder_digest(ROOT / "policies")
        facts = {"plans": plans, "data": [cohorts[plan.cohort] for plan in plans], "week": week, "by": software}
        kept = self.cache.get("world", facts, lambda folder: self._make_world(folder, plans, cohorts))
        for name in ("people", "registry", "nodes"):
            shutil.copytree(kept / name, self.run / name, copy_function=lend, dirs_exist_ok=True)
        for settings in (self.run / "registry" / "registry.toml", *self.run.glob("nodes/*/node.toml")):
            move(settings, self.url)
        self._allow_passkeys()
        for plan in plans:
            self._give_memory(plan)
        self.papers = self.cast.papers()
        self.requests = json.loads((kept / REQUESTS).read_text(encoding="utf-8"))

    @property
    def page(self) -> str:
        """Where a browser opens the registry: a passkey is bound to a name, not to a number."""
        return self.url.replace("127.0.0.1", "localhost")

    @property
    def signs_here(self) -> bool:
        """Whether the registry got the port of the page that the trust roots name, so that members may sign on it."""
        return self.url.endswith(f":{REGISTRY_PORT}")

    def _allow_passkeys(self) -> None:
        """Let the registry take passkeys' signatures from where the trust roots do."""
        pages = [SIGNER.origin, *([REGISTRY_PAGE.origin] if self.signs_here else [])]
        with (self.run / "registry" / "registry.toml").open("a", encoding="utf-8") as settings:
            settings.write(f"passkey_origins = {json.dumps(pages)}\n")

    def _give_memory(self, plan: NodePlan) -> None:
        """Choose where in memory a node stages data, so that the demo can clear it away when the node has ended."""
        folder = self.node_folder(plan)
        place = MEMORY / f"safeconduct-demo-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        shutil.rmtree(place, ignore_errors=True)
        self.memories.append(place)
        with (folder / "node.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'run_directory = "{place}"\n')

    def close(self) -> None:
        """Clear away what nodes that have ended left in memory."""
        for place in self.memories:
            shutil.rmtree(place, ignore_errors=True)

    def _make_world(self, folder: Path, plans: list[NodePlan], cohorts: Mapping[Cohort, Path]) -> None:
        cast = Cast(folder / "people")
        cast.public(OFFICE)
        office = ["--office", f"{OFFICE}={cast.files(OFFICE).public}", "--url", NOWHERE, "--json"]
        made = self.programs.run("registry-init", ["registry", "init", "--dir", str(folder / "registry"), *office])
        log = made["log_key"]
        requests = at_once(lambda plan: self._make_node(folder, cast, plan, cohorts[plan.cohort], log), plans)
        cast.papers()
        named = {plan.node: request for plan, request in zip(plans, requests, strict=True)}
        (folder / REQUESTS).write_text(json.dumps(named), encoding="utf-8")

    def _make_node(self, kept: Path, cast: Cast, plan: NodePlan, data: Path, log_key: Any) -> Any:
        """Make a node and give it its data; return its request for accreditation."""
        folder, papers = kept / "nodes" / plan.node, kept / "papers" / plan.node
        papers.mkdir(parents=True)
        root = cast.trust_root(plan.holder, [plan.dataset], log_key)
        (papers / "trust-root.json").write_bytes(root)
        (papers / "policy.json").write_text(json.dumps(plan.policy(), indent=2), encoding="utf-8")
        request = self.programs.run(
            f"{plan.node}-init",
            [
                *("node", "init", "--dir", str(folder), "--name", plan.node, "--country", plan.country),
                *("--registry", NOWHERE, "--trust-root", str(papers / "trust-root.json")),
                *("--fingerprint", read_envelope(root).digest, "--policy", str(papers / "policy.json")),
                *("--holder-key", str(cast.files(plan.holder).signing), "--json"),
            ],
        )
        self.programs.run(f"{plan.node}-dataset", ["node", "dataset", "add", *dataset_options(plan, folder, data)])
        return request

    # Programs -------------------------------------------------------------------------------------------------

    def start_registry(self) -> None:
        """Start the registry; it serves as soon as it can."""
        port = self.url.rpartition(":")[2]
        self.programs.start("registry", ["registry", "run", "--dir", str(self.run / "registry"), "--port", port])

    def open_registry(self) -> RegistryClient:
        """Wait until the registry answers, and give it the office's papers."""
        wait_until(
            lambda: self.programs.answers(f"{self.url}/healthz"),
            seconds=START_SECONDS,
            what="The start of the registry",
            check=self.programs.check_alive,
        )
        client = RegistryClient(self.url)
        for accreditation in self.papers.accreditations:
            client.publish("accreditations", accreditation)
        client.publish("rosters", self.papers.roster)
        client.publish("statuses", self.papers.status)
        return client

    def node_folder(self, plan: NodePlan) -> Path:
        """Return a node's directory."""
        return self.run / "nodes" / plan.node

    def start_nodes(self, plans: Iterable[NodePlan]) -> threading.Thread:
        """Start the nodes one after the other, each when the one before is ready; at once they would be slower."""
        starter = threading.Thread(target=self._start_nodes, args=(list(plans),), name="nodes", daemon=True)
        starter.start()
        return starter

    def _start_nodes(self, plans: list[NodePlan]) -> None:
        for plan in plans:
            child = self.programs.start(plan.node, ["node", "run", "--dir", str(self.node_folder(plan)), "--json"])
            if child is None:
                return
            deadline = time.monotonic() + START_SECONDS
            while not child.said(READY) and child.process.poll() is None and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)


def dataset_options(plan: NodePlan, folder: Path, data: Path) -> list[str]:
    """Return how a node is told about its data: those files of a cohort that are there, and the public numbers."""
    tables = {
        "--vcf": ("cohort.vcf.gz",),
        "--samples": ("subjects.parquet", "subjects.tsv"),
        "--diagnoses": ("diagnoses.parquet", "diagnoses.tsv"),
        "--pedigree": ("pedigree.ped",),
        "--sites": ("sites.tsv",),
    }
    found = [(option, data / name) for option, names in tables.items() for name in names if (data / name).exists()]
    files = [word for option, path in found for word in (option, str(path))]
    numbers = ["--people-rounded", str(plan.cohort.people), "--slots", str(plan.slots)]
    numbers += ["--unit", "family"]  # what the algorithms protect; published genomes: families of one
    named = ["--dir", str(folder), "--id", plan.dataset, "--assembly", plan.cohort.assembly]
    return [*named, *files, *numbers, "--duo", DUO, "--json"]


def lend(source: str, target: str) -> None:
    """Copy a file of the kept world; a data set's files, which nobody writes, are shared by a hard link."""
    if DATASETS in Path(source).parts:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def move(settings: Path, url: str) -> None:
    """Tell a program of a kept world where the registry is in this performance."""
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(re.escape(NOWHERE), url, text), encoding="utf-8")


def at_once(function: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """Call a function for several things at once, one for each core, and return the results in order."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        return list(pool.map(function, items))


def build(folder: Path, base: str, out: Path) -> None:
    """Build an algorithm's image and write its identity beside the archive."""
    from client.images import build as build_image

    _, identity = build_image(folder, base, out / ARCHIVE)
    (out / IDENTITY).write_text(identity.model_dump_json(indent=2), encoding="utf-8")


def engine_id(image: str) -> str:
    """Return the engine's own ID of an image: a changed base under the same tag is another image."""
    from client.checks import engine_image_id

    found = engine_image_id(image)
    if found is None:
        sentence = f"The engine has no image {image}. `make demo` makes it; or let {BASE_VARIABLE} name another."
        raise UsageProblem("no-base-image", sentence)
    return found
