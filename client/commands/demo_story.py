"""The story: who signs what, who approves, what each node checks and runs, what comes back.

Each chapter is one step that people take in earnest, through the same client functions that the commands use.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from client import algorithm_folder
from client.client import Client
from client.commands.algorithm import ARCHIVE, IDENTITY
from client.commands.common import read_json
from client.commands.demo_cast import COMMITTEE, MEMBERS, QUORUM, RESEARCHER, Person
from client.commands.demo_plan import PROJECT, PURPOSE, NodePlan, Programme
from client.commands.demo_programs import ProgramFailed
from client.commands.demo_stage import Stage
from client.commands.demo_world import ALGORITHMS, World
from client.commands.job_tables import nano
from client.documents import Wish
from client.errors import UsageProblem
from client.results import Result
from client.source import head_commit
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import read_envelope

POLL_SECONDS: Final = 0.4
RUN_SECONDS: Final = 1800.0
QUIET_SECONDS: Final = 180.0
ENOUGH_CORES: Final = 4
CONDITIONS_DAYS: Final = 30
PROGRESS: Final = {"queued": 0.0, "received": 0.02, "verified": 0.05, "charged": 0.08, "staged": 0.1, "sealed": 0.97}


@dataclass(slots=True)
class Submitted:
    """An algorithm version that the registry holds, and who has approved it."""

    name: str
    digest: str
    document: Algorithm
    envelope: bytes
    approvals: list[str] = field(default_factory=list)

    @property
    def archive_digest(self) -> str:
        """The digest of its image's archive; nothing where there is no image."""
        return self.document.image.archive_digest if self.document.image else ""


class Story:
    """One performance, from the first signature to the last answer."""

    def __init__(self, stage: Stage, programme: Programme, world: World) -> None:
        self.stage, self.programme, self.world = stage, programme, world
        self.cohorts: dict[str, Path] = {}
        self.images: dict[Path, Path] = {}
        self.submitted: dict[str, Submitted] = {}
        self.envelopes: dict[str, bytes] = {}
        self.orders: dict[str, str] = {}
        self.chambers: dict[str, int] = {}  # of each order that runs an image
        self.results: dict[str, Result] = {}
        self.researcher: Client
        self.members: dict[str, Client] = {}

    # The proposal ---------------------------------------------------------------------------------------------

    def submit(self, name: str, folder: Path, built: Path, **changes: Any) -> Submitted:
        """Have the researcher sign an algorithm with its image, upload both, and return what was submitted."""
        running = self.programme.running(name)
        slots = {"slot_milliseconds": running[0].slot_milliseconds} if running else {}
        spec = {**algorithm_folder.read_spec(folder), **slots, **changes}
        commit = source_commit(folder)
        envelope = self.researcher.sign_algorithm(
            {**spec, "source_commit": commit}, read_json(built / IDENTITY), commit
        )
        digest = self.researcher.submit_algorithm(envelope, built / ARCHIVE)
        document = read_envelope(envelope).untrusted(Algorithm)
        return Submitted(name=name, digest=digest, document=document, envelope=envelope)

    def propose(self) -> None:
        """The researcher signs each algorithm together with its image and submits it."""
        for name in self.programme.algorithms:
            folder = ALGORITHMS / name
            found = self.submitted[name] = self.submit(name, folder, self.images[folder])
            document = found.document
            self.stage.point(f"{name} {document.version}: {document.summary}")
            sees = [*(["genotypes"] if document.inputs.variants else []), *document.inputs.columns]
            output = document.outputs[0]
            self.stage.tell(
                f"It sees {', '.join(sees)}; runs in mode {document.mode} per {document.unit}; says {output.name}: "
                f"{output.in_words()}, released with noise. Image "
                f"{found.archive_digest[:16]}…, algorithm document {found.digest[:16]}…"
            )

    # The review -----------------------------------------------------------------------------------------------

    def terms(self, name: str) -> dict[str, Any]:
        """Return what the committee decides about: project, person, nodes, data sets, purposes, prices, runs."""
        plans = self.programme.running(name)
        dearest = max(plan.rho_nano for plan in plans)
        return {
            "project": PROJECT,
            "persons": [RESEARCHER.person],
            "conditions": {
                "nodes": [plan.node for plan in plans],
                "datasets": [plan.dataset for plan in plans],
                "purposes": [PURPOSE],
                # Above what the nodes' own policies allow: so it is the node that stops the job over budget.
                "rho_per_job_nano": 4 * dearest,
                "rho_total_per_node_nano": 8 * dearest,
                "runs_per_node": 5,
                "expires": self.world.cast.now + timedelta(days=CONDITIONS_DAYS),
            },
        }

    def approve(self, algorithm: Submitted, member: Person, terms: Mapping[str, Any]) -> str:
        """Have a member sign an approval and send it; return its digest."""
        client = self.members[member.person]
        roster = self.world.papers.roster_digest
        rationale = "The outputs are differentially private and the purpose is within consent."
        envelope = client.decide(algorithm.digest, roster, "approve", terms, rationale=rationale, conflict=False)
        digest = client.registry.publish("approvals", envelope)
        algorithm.approvals.append(digest)
        return digest

    def review(self) -> None:
        """Two of three members approve each algorithm under the same conditions."""
        for name, algorithm in self.submitted.items():
            terms = self.terms(name)
            conditions = terms["conditions"]
            self.stage.point(
                f"{name}: project {PROJECT}, only {RESEARCHER.name}, at {', '.join(conditions['nodes'])}, rho at most "
                f"{nano(conditions['rho_per_job_nano'])} a job, {conditions['runs_per_node']} runs a node, "
                f"until {conditions['expires']:%Y-%m-%d}"
            )
            for member in MEMBERS[:QUORUM]:
                digest = self.approve(algorithm, member, terms)
                self.stage.tell(f"signed by {member.name} ({member.institution}): approval {digest[:16]}…")
        reviews = {one["digest"]: one for one in self.researcher.registry.listing("reviews")}
        for name, algorithm in self.submitted.items():
            review = reviews[algorithm.digest]
            kept = review["state"] == "approved"
            self.stage.promise(kept, f"{name}: {QUORUM} of {len(MEMBERS)} of committee {COMMITTEE} agree")

    # The orders -----------------------------------------------------------------------------------------------

    def wish(self, plan: NodePlan, algorithm: Submitted | None = None, **changes: Any) -> Wish:
        """Return what the researcher asks of a node."""
        chosen = algorithm or self.submitted[plan.algorithm]
        fields: dict[str, Any] = {
            "algorithm": chosen.document,
            "algorithm_digest": chosen.digest,
            "approvals": tuple(chosen.approvals),
            "project": PROJECT,
            "purpose": PURPOSE,
            "node": plan.node,
            "dataset": plan.dataset,
            "parameters": plan.parameters,
            "blocks": plan.blocks,
            "rho": plan.rho_nano,
            "nonce": None,
        }
        return Wish(**{**fields, **changes})

    def sign_orders(self) -> None:
        """The researcher signs one order for each node."""
        plans = self.programme.nodes
        envelopes = self.researcher.sign_orders(self.wish(plan) for plan in plans)
        self.envelopes = dict(zip((plan.node for plan in plans), envelopes, strict=True))
        self.orders = {node: read_envelope(envelope).digest for node, envelope in self.envelopes.items()}
        self.chambers = {self.orders[plan.node]: plan.blocks or plan.slots for plan in plans}
        self.stage.table(
            ["node", "algorithm", "asks", ">rho", "order"],
            [[p.node, p.algorithm, asked(p), nano(p.rho_nano), f"{self.orders[p.node][:16]}…"] for p in plans],
        )

    def waves(self) -> list[list[NodePlan]]:
        """Say whose jobs run together: on few cores, jobs with fixed time slots do not run beside greedy ones."""
        padded = [plan for plan in self.programme.nodes if plan.timing == "padded"]
        greedy = [plan for plan in self.programme.nodes if plan.timing != "padded"]
        if not padded or (os.cpu_count() or 1) >= ENOUGH_CORES:
            return [list(self.programme.nodes)]
        self.stage.tell(
            f"{', '.join(plan.node for plan in padded)} waits for the others: its chambers have fixed time slots, and "
            "all nodes of this demo share a few cores. On machines of their own they would run at once."
        )
        return [greedy, padded]

    def run_wave(self, plans: list[NodePlan], on_running: Callable[[], None] | None) -> dict[str, str]:
        """Send the orders of some nodes through the registry and wait for their ends."""
        for plan in plans:
            self.researcher.registry.publish("orders", self.envelopes[plan.node])
        return self.wait({plan.node: self.orders[plan.node] for plan in plans}, on_running)

    def wait(self, orders: Mapping[str, str], on_running: Callable[[], None] | None = None) -> dict[str, str]:
        """Wait until the orders have ended; return the last state of each, by label."""
        deadline, quiet_until = time.monotonic() + RUN_SECONDS, time.monotonic() + QUIET_SECONDS
        states: dict[str, dict[str, Any]] = {}
        before: dict[str, tuple[str, float]] = {}
        with self.stage.waiting(list(orders)) as shown:
            while True:
                self.world.programs.check_alive()
                for label, order in orders.items():
                    if label not in states or not self.researcher.is_settled(states[label]):
                        states[label] = self.researcher.state(order)
                now = {label: self._progress(orders[label], state) for label, state in states.items()}
                shown.update(now)
                if now != before:
                    before, quiet_until = now, time.monotonic() + QUIET_SECONDS
                if on_running and any(state["state"] in ("running", "sealed", "released") for state in states.values()):
                    on_running()
                    on_running = None
                if all(self.researcher.is_settled(state) for state in states.values()):
                    return {label: state["state"] for label, state in states.items()}
                if time.monotonic() > min(deadline, quiet_until):
                    waiting = ", ".join(f"{label} {state}" for label, (state, _) in now.items())
                    sentence = f"Nothing moves any more ({waiting}). The logs in {self.world.programs.logs} say why."
                    raise ProgramFailed("demo-too-slow", sentence)
                time.sleep(POLL_SECONDS)

    def _progress(self, order: str, state: Mapping[str, Any]) -> tuple[str, float]:
        said = str(state["state"])
        if said != "running" or order not in self.chambers:  # a statistic has no chambers to count
            return said, PROGRESS.get(said, 1.0)
        done, chambers = self.node_job(str(state["node"]), order).get("next_chamber", 0), self.chambers[order]
        return f"running, {done} of {chambers} chambers", 0.1 + 0.85 * done / chambers

    def node_job(self, node: str, order: str) -> dict[str, Any]:
        """Look over the shoulder of a node's admin: what its own database says about a job, {} if nothing yet."""
        path = self.world.run / "nodes" / node / "node.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as base:
            base.row_factory = sqlite3.Row
            row = base.execute("SELECT state, next_chamber FROM job WHERE id = ?", (order,)).fetchone()
            return dict(row) if row else {}


def source_commit(folder: Path) -> str:
    """Return the commit of an algorithm's source; a demo outside a repository says so with zeros."""
    try:
        return head_commit(folder)
    except UsageProblem:
        return "0" * 40


def asked(plan: NodePlan) -> str:
    """Say in a few words what an order asks."""
    if plan.algorithm == "association":
        return f"{plan.parameters['disease']} and {plan.parameters['variant']}, {plan.blocks} blocks"
    return f"{len(plan.parameters['variants'])} variants, a chamber per unit"
