"""Write the report of a rehearsal: the verdict and everything that was seen.

What a program printed is untrusted: it is escaped and cut before it stands in a report.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from protocol.crypto.digest import sha256_hex
from protocol.documents.policy import Policy
from protocol.documents.rehearsal import Failure, Rehearsal, RehearsedOutput, Watched
from protocol.documents.release import ReleasedCategory, ReleasedOutput, ReleasedValue
from protocol.documents.strict import build, canonical, parse_object
from sandbox.actions.rehearsal_judge import escape, judge
from sandbox.actions.rehearse import Rehearsed, Request
from sandbox.chambers.watched import WatchedChamber
from sandbox.errors import InfrastructureLost, Refused
from sandbox.gate import library_version
from sandbox.gate.rehearsal import why_unreadable

FAILURES_TOLD: Final = 256
WORDS: Final = 2_000  # characters kept of each stream, the last ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearser:
    """Who rehearsed, and with what."""

    name: str
    kind: Literal["person", "node"]
    software: str
    engine: str


def make_report(request: Request, done: Rehearsed, who: Rehearser, now: dt.datetime) -> Rehearsal:
    """Write the report; whoever rehearsed signs it."""
    algorithm = request.proposal.algorithm
    if algorithm.image is None:
        raise RuntimeError("what has no image is not rehearsed")
    findings = tuple(judge(request, done))
    return Rehearsal(
        by=who.name,
        by_kind=who.kind,
        proposal=algorithm.proposal_digest,
        image=algorithm.image.archive_digest,
        name=algorithm.name,
        version=algorithm.version,
        dataset=request.entry.dataset,
        entry=request.entry.digest,
        limits=limits_digest(request.policy),
        seed=request.seed,
        twin_people=done.twin.people if done.twin else 0,
        notes=done.twin.notes if done.twin else (),
        parameters=dict(request.parameters),
        blocks=done.plan.blocks if done.plan else request.blocks,
        rho_asked_nano=request.rho_nano,
        price_nano=done.price.rho_nano_total if done.price else 0,
        fit=not any(finding.level == "fault" for finding in findings),
        findings=findings,
        outputs=tuple(_outputs(done)),
        chambers=len(done.untrusted_outputs),
        chambers_empty=len(done.empty),
        chambers_good=done.good,
        failures=tuple(_failures(done)),
        watched=tuple(_watched(one) for one in done.watched.values()),
        slot_milliseconds=algorithm.slot_milliseconds,
        run_milliseconds=done.run_milliseconds,
        engine=who.engine,
        software=who.software,
        opendp=f"opendp {library_version()}",
        issued=now,
    )


def check_report(untrusted: bytes, request: Request, who: Rehearser) -> Rehearsal:
    """Read what the rehearsing process wrote, which ran beside a program that nobody trusts.

    Raises `InfrastructureLost` for what is no report, or one on something else than was asked.
    """
    algorithm = request.proposal.algorithm
    asked = (algorithm.proposal_digest, request.entry.digest, who.name, who.kind)
    try:
        report = build(Rehearsal, parse_object(untrusted))
    except Refused as refused:
        raise InfrastructureLost("rehearsal-lost", f"The report cannot be read. {refused.sentence}") from refused
    if (report.proposal, report.entry, report.by, report.by_kind) != asked:
        raise InfrastructureLost("rehearsal-other", "The rehearsal reported on something else than it was asked.")
    return report


def limits_digest(policy: Policy) -> str:
    """The digest of the limits that were applied, whoever holds and signs them."""
    whose = {"holder", "node", "version", "policy_set_digest"}
    return sha256_hex(canonical(policy.model_dump(mode="json", exclude=whose)))


def _outputs(done: Rehearsed) -> Iterator[RehearsedOutput]:
    for found, value in zip(done.outputs, done.values, strict=True):
        expected = found.expected
        yield RehearsedOutput(
            name=found.output.name,
            aggregator=found.output.aggregator,
            mechanism=value.mechanism,
            rho_nano=value.rho_nano,
            value=_shown(value),
            noiseless=found.noiseless[:200],
            read=found.read,
            clamped=found.clamped,
            spread=_decimal(found.spread),
            spread_declared=found.output.spread,
            noise=_decimal(expected.noise if expected else None),
            total=_decimal(expected.total if expected else None),
        )


def _shown(released: ReleasedOutput) -> str:
    """A released output in one line."""
    if isinstance(released, ReleasedValue):
        return format(released.value, "f")
    if isinstance(released, ReleasedCategory):
        return released.category
    return ", ".join(f"{bar.category} {format(bar.value, 'f')}" for bar in released.bars)[:200]


def _failures(done: Rehearsed) -> Iterator[Failure]:
    for chamber in sorted((*done.failed, *done.unread))[:FAILURES_TOLD]:
        untrusted = done.untrusted_outputs[chamber]
        if untrusted is not None and done.plan is not None:
            code, detail = why_unreadable(done.plan, untrusted)
        else:
            code, detail = why_nothing(done.watched.get(chamber))
        yield Failure(chamber=chamber, code=code, detail=escape(detail, 300))


def why_nothing(seen: WatchedChamber | None) -> tuple[str, str]:
    """Say why a chamber yielded nothing, by how it ended when it was watched."""
    if seen is None:
        return "not-watched", "it yielded nothing; others like it were watched"
    if seen.out_of_memory:
        return "out-of-memory", "it was short of memory"
    if seen.late:
        return "late", f"it still ran after {seen.milliseconds} ms and was killed"
    if seen.exit_code > 128:
        return "killed", f"signal {seen.exit_code - 128} ended it"
    if seen.exit_code:
        return "exit-code", f"it ended with exit code {seen.exit_code}"
    if seen.untrusted_output is None:
        return "no-output", "it ended well and wrote nothing, or more than it may"
    return "not-repeated", "it ended well when it was watched, and did not before"


def _watched(seen: WatchedChamber) -> Watched:
    return Watched(
        chamber=seen.chamber,
        exit_code=seen.exit_code,
        milliseconds=seen.milliseconds,
        late=seen.late,
        out_of_memory=seen.out_of_memory,
        output_bytes=len(seen.untrusted_output or b""),
        stdout=escape(seen.untrusted_stdout.decode("utf-8", "backslashreplace"), WORDS),
        stderr=escape(seen.untrusted_stderr.decode("utf-8", "backslashreplace"), WORDS),
    )


def _decimal(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(format(Decimal(f"{number:.6g}"), "f"))
