"""What a node without data does for a registry: rehearse what was submitted, and sign what came of it (decision 21).

1. Ask the registry which versions wait for a rehearsal on the twin of which catalogue entry.
2. Fetch the signed algorithm, the entry and the image; each is what its digest says, or nothing is made of it.
3. Choose what a careful researcher would order: example parameters, the most ρ that one job may spend, and the fewest
   blocks that a median needs.
4. Have a process of its own rehearse it, in bounded time. This process holds the key and speaks to the registry, and
   never runs the program; that one runs it, and has neither.
5. Sign the report and hand it in. That an image is none, that an order would be refused, that time ran out: all of it
   is evidence, and reported.
"""

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from pathlib import Path
from typing import Final

from protocol.crypto.keys import PrivateKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.envelope import read_envelope, sign_statement
from protocol.documents.expansion import priced_names
from protocol.documents.policy import Policy
from protocol.documents.rehearsal import Rehearsal
from protocol.documents.strict import build
from sandbox.actions.fetch_image import ARCHIVE_BYTES, OVERHEAD_BYTES
from sandbox.actions.proposal import ARCHIVE, SIGNED, Proposal
from sandbox.actions.rehearsal_report import Rehearser, make_report
from sandbox.actions.rehearse import Rehearsed, Request
from sandbox.data.reference import VARIANTS
from sandbox.domain.example import example_parameters
from sandbox.domain.plan_checks import PEOPLE_PER_PARAMETER
from sandbox.errors import BadInput, InfrastructureLost, Refused, RegistryDeclined, Unreachable
from sandbox.hub.registry import Registry, RehearsalTask

TWIN_PEOPLE: Final = 200_000  # a twin of more takes minutes and gigabytes
TRIES: Final = 3  # of one task that the machine failed at; then that is what is reported
SEED: Final = 1
MEDIAN_NANO: Final = 512 * 10**9  # 8 rho k^2 >= 4096 for each output (DESIGN 7), in nano-units

Perform = Callable[[Request, Path], Rehearsal]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalNode:
    """Who rehearses, under which limits; `perform` rehearses a request with the files of a folder (step 4).

    `work` is where a folder for the files of one rehearsal is made. `put_off` counts how often each task was put off,
    `lost` how often because this machine failed at it.
    """

    who: Rehearser
    key: PrivateKey
    policy: Policy
    seconds: float
    work: Path
    registry: Registry
    perform: Perform
    now: Callable[[], dt.datetime]
    tell: Tell
    put_off: Counter[RehearsalTask] = field(default_factory=Counter)
    lost: Counter[RehearsalTask] = field(default_factory=Counter)
    given_up: set[RehearsalTask] = field(default_factory=set)


def rehearse_next(node: RehearsalNode) -> bool:
    """Rehearse the first task that waits; False if none was done.

    A task that the machine or the registry failed at waits behind all others. Raises `Unreachable` if the registry does
    not even say what waits.
    """
    waiting = [task for task in node.registry.rehearsals() if task not in node.given_up]
    if not waiting:
        return False
    task = min(waiting, key=lambda one: node.put_off[one])
    node.tell(f"Rehearsing algorithm {task.algorithm[:16]} on a twin of {task.dataset} …")
    try:
        with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=node.work) as folder:
            report = _rehearse(node, task, Path(folder))
        _hand_in(node, task, report)
    except InfrastructureLost as lost:
        node.put_off[task] += 1
        node.lost[task] += not isinstance(lost, Unreachable)
        node.tell(f"Put off: {lost.sentence} [{lost.code}]")
        return False
    return True


def _rehearse(node: RehearsalNode, task: RehearsalTask, folder: Path) -> Rehearsal:
    """Steps 2 to 4."""
    algorithm, entry = _read(node.registry, task, folder)
    request = Request(
        proposal=Proposal(algorithm=algorithm, archive=folder / ARCHIVE),
        entry=entry,
        policy=node.policy,
        parameters={},
        blocks=0,
        rho_nano=node.policy.job_cap_nano,
        seed=SEED,
        seconds=node.seconds,
    )
    try:
        if node.lost[task] >= TRIES:
            raise Refused("rehearsal-failed", f"The machine failed {TRIES} times at this rehearsal; ask its operator.")
        request = _choose(request)
        _fetch(node.registry, algorithm, folder / ARCHIVE)
        return node.perform(request, folder)
    except (Refused, BadInput) as refused:
        told = Refused(refused.code, refused.sentence)
        return make_report(request, Rehearsed(refused=told), node.who, node.now())


def _read(registry: Registry, task: RehearsalTask, folder: Path) -> tuple[Algorithm, CatalogueEntry]:
    """Step 2's documents; whether their signers are to be believed is asked by whoever reads the report."""
    raw, fields = registry.document(task.algorithm), registry.catalogue_entry(task.entry)
    try:
        envelope, entry = read_envelope(raw), build(CatalogueEntry, fields)
        algorithm = envelope.untrusted(Algorithm)
    except Refused as refused:
        sentence = f"The registry's documents cannot be read. {refused.sentence}"
        raise Unreachable("registry-answer", sentence) from refused
    if envelope.digest != task.algorithm or entry.digest != task.entry or algorithm.image is None:
        raise Unreachable("registry-answer", "The registry answered with another document than was asked for.")
    (folder / SIGNED).write_bytes(envelope.raw)
    return algorithm, entry


def _choose(request: Request) -> Request:
    """Step 3. Refused: no example parameters (`rehearsal-parameters`), too large a twin (`twin-too-large`)."""
    algorithm, entry = request.proposal.algorithm, request.entry
    if max(entry.people, entry.slots) > TWIN_PEOPLE:
        sentence = f"A rehearsal node makes twins of at most {TWIN_PEOPLE} people; rehearse with `algorithm rehearse`."
        raise Refused("twin-too-large", sentence)
    known = entry.variants or tuple(one.rsid for one in VARIANTS)
    parameters = example_parameters(algorithm.parameters, known)
    outputs = len(priced_names(algorithm, parameters))
    blocks = _blocks(request, outputs) if algorithm.mode == "block" else 0
    return replace(request, parameters=parameters, blocks=blocks)


def _blocks(request: Request, outputs: int) -> int:
    """The fewest blocks at which a median of this share is allowed, as far as the dataset's people go."""
    needed = ceil(sqrt(MEDIAN_NANO * outputs / request.rho_nano))
    least = max(request.policy.block_people_minimum, PEOPLE_PER_PARAMETER * request.proposal.algorithm.model_parameters)
    return max(1, request.policy.blocks_minimum, min(needed, request.entry.people // least))


def _fetch(registry: Registry, algorithm: Algorithm, archive: Path) -> None:
    """Download the image; whether it is the one that was signed is checked where it is loaded."""
    if algorithm.image is None:
        raise RuntimeError("what has no image is not fetched")
    most = min(ARCHIVE_BYTES, algorithm.image.uncompressed_bytes + OVERHEAD_BYTES)
    with archive.open("wb") as stream:
        for chunk in registry.image_chunks(algorithm.image.archive_digest, 0):
            stream.write(chunk)
            if stream.tell() > most:
                raise Refused("image-mismatch", "The image archive is larger than the signed image can be.")


def _hand_in(node: RehearsalNode, task: RehearsalTask, report: Rehearsal) -> None:
    """Step 5; what the registry will not have is given up until this process is started again."""
    try:
        node.registry.send_rehearsal(sign_statement(report, [node.key]))
    except RegistryDeclined as declined:
        node.given_up.add(task)
        node.tell(f"{declined.sentence} It is left alone until the next start.")
        return
    verdict = "fit" if report.fit else "not fit"
    codes = ", ".join(finding.code for finding in report.findings)
    said = f"{verdict} ({codes})" if codes else verdict
    node.tell(f"{report.name} {report.version} on a twin of {report.dataset}: {said}")
