"""Rehearse an algorithm: the node's own chambers and gate, on a synthetic twin, on a machine without data.

1. The order that would be sent is planned and priced as a node does it; a refusal ends the rehearsal here.
2. A twin of the dataset is made from its catalogue entry (`data.twin`), ingested and staged by the node's own code.
3. Every chamber runs on the node's own runtime, as it would on real data: nothing of how it went is kept.
4. The gate reads, clamps, reduces and adds noise, as it would; what it read is told openly.
5. Chambers that gave nothing, and a few that did, run once more and are watched (`chambers.watched`): their words,
   exit codes and times are shown. A program that does not do the same twice may do something else then.
6. An image that was not there before is removed again.

All chambers together have `seconds`: what is not done then is refused (`rehearsal-time`), and the watching ends.

Nothing here knows a node's directory, database or registry: see the import contract `rehearsal`.
"""

import datetime as dt
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from protocol.documents.algorithm import Algorithm
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.job_order import JobOrder
from protocol.documents.policy import Policy
from protocol.documents.release import ReleasedOutput
from protocol.documents.strict import Json
from sandbox.actions.proposal import Proposal, make_order
from sandbox.actions.view import input_json, stage_plan
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.chambers.watched import WatchedChamber
from sandbox.data.stage import check_request, stage
from sandbox.data.twin import Asked, Twin, make_twin, public_facts
from sandbox.domain.chamber import ChamberPlan, Profile, Timing, uid_base
from sandbox.domain.dataset import Column, check_columns
from sandbox.domain.plan import GatePlan, make_gate_plan
from sandbox.errors import BadInput, InfrastructureLost, Refused
from sandbox.gate import Price, price, release
from sandbox.gate.rehearsal import OutputFindings, explore, is_readable

SLICE: Final = dt.timedelta(seconds=2)  # after each the progress is told
SECONDS: Final = 3600.0
WATCH_FAILED, WATCH_UNREAD, WATCH_GOOD = 16, 4, 4
FENCE: Final = 1

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be rehearsed: an algorithm, the order that would be sent, the catalogue entry, the holder's limits.

    `seconds` is how long all chambers may take together.
    """

    proposal: Proposal
    entry: CatalogueEntry
    policy: Policy
    parameters: Mapping[str, Json]
    blocks: int
    rho_nano: int
    seed: int
    seconds: float = SECONDS
    declared: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a rehearsal runs on. `start_watching` gets a folder on tmpfs; `memory` is where such folders are made."""

    engine: str
    runtime: ChamberRuntime
    start_watching: Callable[[Path], Callable[[ChamberPlan, int], WatchedChamber]]
    memory: Path
    seccomp: str
    oci_runtime: str
    lanes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of it; without a plan everything but `refused` is empty."""

    refused: Refused | None
    plan: GatePlan | None = None
    price: Price | None = None
    twin: Twin | None = None
    untrusted_outputs: Sequence[bytes | None] = ()
    empty: frozenset[int] = frozenset()
    failed: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()
    outputs: tuple[OutputFindings, ...] = ()
    values: tuple[ReleasedOutput, ...] = ()
    watched: Mapping[int, WatchedChamber] = field(default_factory=dict)
    run_milliseconds: int = 0

    @property
    def good(self) -> int:
        """How many chambers the gate could read."""
        return len(self.untrusted_outputs) - len(self.empty) - len(self.failed) - len(self.unread)


def rehearse(request: Request, machine: Machine, progress: Progress) -> Rehearsed:
    """Do all of it; what a node would refuse is in the result, what cannot be rehearsed raises `BadInput`."""
    algorithm = request.proposal.algorithm
    try:
        order = make_order(algorithm, request.parameters, request.blocks, request.rho_nano)
        plan, priced = _plan(algorithm, order, request)
    except Refused as refusal:
        return Rehearsed(refused=refusal)
    with _folder(machine.memory) as folder:
        progress("making the twin", 0, 1)
        twin = make_twin(request.entry, _asked(order, plan, request), request.seed, folder / "twin")
        try:
            check_request(twin.snapshot, stage_plan(algorithm, order, plan))
        except Refused as refusal:
            return Rehearsed(refused=refusal, plan=plan, price=priced, twin=twin)
        blocks = stage(twin.snapshot, stage_plan(algorithm, order, plan), folder / "blocks")
        until = time.monotonic() + request.seconds
        try:
            with _image(request, machine) as image_id:
                chambers = _chamber_plan(request, machine, order, image_id, blocks)
                outputs, milliseconds = _run(machine, chambers, folder / "outputs", until, progress)
                return _look(machine, plan, priced, twin, chambers, outputs, milliseconds, until, folder, progress)
        except Refused as refusal:
            return Rehearsed(refused=refusal, plan=plan, price=priced, twin=twin)


def _plan(algorithm: Algorithm, order: JobOrder, request: Request) -> tuple[GatePlan, Price]:
    """Step 1: the plan and the price, by the node's own functions."""
    facts = public_facts(request.entry)
    plan = make_gate_plan(algorithm, order, request.policy, facts)
    check_columns(facts.columns, algorithm.inputs.columns)
    priced = price(plan)
    if priced.rho_nano_total > order.rho_nano:
        raise Refused("gate-map", "The release would cost more than the order allows; ask for a larger share.")
    return plan, priced


def _asked(order: JobOrder, plan: GatePlan, request: Request) -> Asked:
    view = stage_plan(request.proposal.algorithm, order, plan)
    return Asked(variants=view.variants, columns=view.columns, declared=request.declared)


@contextmanager
def _folder(memory: Path) -> Iterator[Path]:
    """A folder in memory, gone at the end; chambers may pass through it to their blocks, and list nothing."""
    folder = Path(tempfile.mkdtemp(prefix=f"safeconduct-rehearsal-{os.getpid()}-", dir=memory))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _image(request: Request, machine: Machine) -> Iterator[str]:
    """Step 3's image, loaded by its identity; step 6 at the end."""
    identity, archive = request.proposal.algorithm.image, request.proposal.archive
    if archive is None or identity is None:
        raise BadInput("image-not-built", "There is no image to rehearse; build it first with `algorithm build`.")
    ours = machine.runtime.find_image(identity) is None
    image_id = machine.runtime.load_image(archive, identity)
    try:
        machine.runtime.prepare_image(image_id, Profile(request.policy.profile))
        yield image_id
    finally:
        if ours:
            with suppress(InfrastructureLost):  # somebody else uses it by now: then it is theirs to remove
                machine.runtime.remove_image(image_id)


def _chamber_plan(
    request: Request, machine: Machine, order: JobOrder, image_id: str, blocks: Sequence[Path | None]
) -> ChamberPlan:
    """Step 3's plan: as a node makes it, but that nobody waits for slots, since there is nobody to learn from them."""
    algorithm = request.proposal.algorithm
    job, profile = f"rehearsal-{secrets.token_hex(6)}", Profile(request.policy.profile)
    return ChamberPlan(
        job=job,
        fence=FENCE,
        image_id=image_id,
        entrypoint=algorithm.entrypoint,
        input_json=input_json(order, public_facts(request.entry)),
        block_dirs=tuple(blocks),
        slot_milliseconds=algorithm.slot_milliseconds,
        memory_bytes=algorithm.memory_bytes,
        output_bytes=algorithm.output_bytes,
        timing=Timing.IMMEDIATE,
        start_at=dt.datetime.now(dt.UTC),
        lanes=machine.lanes,
        seccomp=machine.seccomp,
        profile=profile,
        oci_runtime=machine.oci_runtime,
        uid_base=uid_base(job),
    )


def _run(
    machine: Machine, plan: ChamberPlan, outputs: Path, until: float, progress: Progress
) -> tuple[list[bytes | None], int]:
    """Step 3: every chamber, slice by slice; refuses (`rehearsal-time`) what takes longer than a rehearsal may."""
    began, done = time.monotonic(), 0
    try:
        while done < plan.chambers:
            progress("chambers", done, plan.chambers)
            if time.monotonic() >= until:
                told = f"{done} of {plan.chambers} chambers had ended when the time of the rehearsal was over."
                raise Refused("rehearsal-time", f"{told} Make the program faster, or rehearse it for longer.")
            done = machine.runtime.run_slice(plan, done, outputs, dt.datetime.now(dt.UTC) + SLICE)
        progress("chambers", done, plan.chambers)
        return machine.runtime.collect(outputs, plan.chambers), round(1000 * (time.monotonic() - began))
    finally:
        machine.runtime.remove_below(plan.job, FENCE + 1)


def _look(
    machine: Machine,
    plan: GatePlan,
    priced: Price,
    twin: Twin,
    chambers: ChamberPlan,
    outputs: Sequence[bytes | None],
    milliseconds: int,
    until: float,
    folder: Path,
    progress: Progress,
) -> Rehearsed:
    """Steps 4 and 5."""
    empty = frozenset(at for at, block in enumerate(chambers.block_dirs) if block is None)
    failed = tuple(at for at, found in enumerate(outputs) if found is None and at not in empty)
    unread = tuple(at for at, found in enumerate(outputs) if found is not None and not is_readable(plan, found))
    good = [at for at in range(len(outputs)) if at not in {*empty, *failed, *unread}]
    chosen = [*failed[:WATCH_FAILED], *unread[:WATCH_UNREAD], *good[:: max(1, len(good) // WATCH_GOOD)][:WATCH_GOOD]]
    return Rehearsed(
        refused=None,
        plan=plan,
        price=priced,
        twin=twin,
        untrusted_outputs=outputs,
        empty=empty,
        failed=failed,
        unread=unread,
        outputs=explore(plan, outputs),
        values=release(plan, outputs),
        watched=dict(_watch(machine, chambers, chosen, until, folder / "watched", progress)),
        run_milliseconds=milliseconds,
    )


def _watch(
    machine: Machine, plan: ChamberPlan, chosen: Sequence[int], until: float, work: Path, progress: Progress
) -> Iterator[tuple[int, WatchedChamber]]:
    work.mkdir(mode=0o700)
    watch = machine.start_watching(work)
    for done, chamber in enumerate(chosen):
        progress("watching", done, len(chosen))
        if time.monotonic() >= until:
            return
        yield chamber, watch(plan, chamber)
    progress("watching", len(chosen), len(chosen))
