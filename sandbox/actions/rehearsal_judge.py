"""Judge a rehearsal: what must be put right before the algorithm is submitted, and what is worth knowing.

A fault makes the algorithm unfit to submit; a warning does not. The limits are constants here, each with its reason.
"""

from collections.abc import Iterator
from typing import Final

from protocol.documents.rehearsal import Finding
from sandbox.actions.accuracy import Question, tabulate
from sandbox.actions.rehearse import Rehearsed, Request
from sandbox.data.twin import public_facts
from sandbox.gate.rehearsal import OutputFindings
from sandbox.gate.wording import is_wide

FAILED_MOST: Final = 0.05  # of the chambers: each counts with its default and pulls the answer there
CLAMPED_MOST: Final = 0.20  # of the chambers read: beyond it the range decides the answer
CLAMPED_NOTED: Final = 0.01
SPREAD_MOST: Final = 2.0  # times the declared spread: released intervals are then far too narrow
SPREAD_NOTED: Final = (0.5, 1.25)
SLOT_TIGHT: Final = 0.5  # of the slot; a node may be twice as busy
SLOT_LOOSE: Final = 0.02  # of the slot: a padded job waits for every slot to end
NOISE_MOST: Final = 0.5  # of the value without noise, where no spread says what the people are worth
WORTH_LEAST: Final = 0.05  # of the people: less, and the answer is mostly noise
BETTER: Final = 0.85  # of the error: then another number of blocks is named
LOOSE_RANGE: Final = 10  # times what the chambers said: the noise of a mean grows with its range
BLOCKS_TRIED: Final = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)

Told = Iterator[Finding]


def judge(request: Request, done: Rehearsed) -> Told:
    """Everything that is wrong or worth knowing, faults and warnings."""
    if done.refused or done.plan is None:
        refused = done.refused
        yield _fault(refused.code if refused else "not-planned", refused.sentence if refused else "There is no plan.")
        return
    yield from _judge_chambers(done)
    yield from _judge_time(request, done)
    for found in done.outputs:
        yield from _judge_output(done, found)
    yield from _judge_choice(request, done)


def _judge_chambers(done: Rehearsed) -> Told:
    ran = len(done.untrusted_outputs) - len(done.empty)
    bad = len(done.failed) + len(done.unread)
    if not ran:
        yield _fault("chambers-empty", "No chamber had anybody in it: the dataset has too few units for these blocks.")
    elif bad:
        told = f"{bad} of {ran} chambers gave nothing that the gate reads, and count with the declared default."
        yield _finding(bad > FAILED_MOST * ran, "chambers-failed", told)
    if done.empty and done.plan is not None and done.plan.mode == "block":
        told = f"{len(done.empty)} of {len(done.untrusted_outputs)} chambers had nobody in them."
        yield _finding(False, "chambers-empty", told)


def _judge_time(request: Request, done: Rehearsed) -> Told:
    slot = request.proposal.algorithm.slot_milliseconds
    slowest = max((one.milliseconds for one in done.watched.values()), default=0)
    if any(one.late for one in done.watched.values()):
        yield _finding(False, "chambers-late", f"A chamber that was watched did not end within its slot of {slot} ms.")
    elif slowest > SLOT_TIGHT * slot:
        yield _finding(
            False, "slot-tight", f"A chamber took {slowest} ms of its slot of {slot} ms; nodes may be slower."
        )
    elif slowest < SLOT_LOOSE * slot and slot > 1000:
        told = f"The slowest chamber took {slowest} of its {slot} ms; a padded job waits for every slot to end."
        yield _finding(False, "slot-long", told)


def _judge_output(done: Rehearsed, found: OutputFindings) -> Told:
    output, plan = found.output, done.plan
    if found.read and found.clamped > CLAMPED_NOTED * found.read:
        told = f"{output.name}: {found.clamped} of {found.read} values lay outside {output.low} to {output.high}."
        yield _finding(found.clamped > CLAMPED_MOST * found.read, "range-narrow", told)
    if output.aggregator == "mean" and found.ends and found.read > 1:
        low, high = found.ends
        if (high - low) * LOOSE_RANGE < float(output.high - output.low):
            told = f"{output.name}: values lay in {low:.4g} to {high:.4g}; the noise of a mean grows with its range."
            yield _finding(False, "range-loose", told)
    if output.spread is not None and found.spread is not None:
        ratio = found.spread / float(output.spread)
        if not SPREAD_NOTED[0] <= ratio <= SPREAD_NOTED[1]:
            told = f"{output.name}: the spread between chambers is {found.spread:.3g}, declared is {output.spread}."
            yield _finding(ratio > SPREAD_MOST, "spread-other", told)
    if plan is not None and is_wide(plan, output):
        told = f"{output.name}: k·ε is below 96 and the range above 1000 spreads: about 1 in 1000 answers is anywhere."
        yield _finding(False, "median-caution", told)
    yield from _judge_noise(found)


def _judge_noise(found: OutputFindings) -> Told:
    output, expected = found.output, found.expected
    if expected is None or output.categories:  # what a bar would be without noise is no one number
        return
    worth = expected.worth
    if worth is None and expected.noise > NOISE_MOST * abs(float(found.noiseless)):
        told = f"{output.name}: noise of {expected.noise:.3g} is large beside {found.noiseless}, which it would blur."
        yield _finding(False, "noise-large", told)
    if worth is not None and worth < WORTH_LEAST:
        told = f"{output.name}: at this ρ the answer is worth that of {worth:.1%} of the people without noise."
        yield _finding(False, "noise-large", told)


def _judge_choice(request: Request, done: Rehearsed) -> Told:
    """Name another number of blocks where it would be clearly better."""
    algorithm, plan = request.proposal.algorithm, done.plan
    if algorithm.mode != "block" or plan is None or any(one.expected is None for one in done.outputs):
        return
    question = Question(
        algorithm=algorithm,
        policy=request.policy,
        facts=public_facts(request.entry),
        parameters=request.parameters,
        blocks=(*BLOCKS_TRIED, plan.blocks),
        rhos_nano=(request.rho_nano,),
        spread_people=max(1, plan.people // plan.blocks),
    )
    first = plan.outputs[0]
    rows = [row for row in tabulate(question) if (row.output, row.aggregator) == (first.name, first.aggregator)]
    errors = {row.blocks: row.expected.total for row in rows if row.expected and row.expected.total and not row.refused}
    if plan.blocks in errors:
        best = min(errors, key=lambda blocks: errors[blocks] or 0)
        if (errors[best] or 0) < BETTER * (errors[plan.blocks] or 0):
            told = f"with {best} blocks its error would be {errors[best]:.3g}, not {errors[plan.blocks]:.3g}."
            yield _finding(False, "blocks-other", f"{first.name}: {told}")


def escape(untrusted: str, most: int) -> str:
    """Make untrusted text safe to print: the last `most` characters; what is no plain character is spelt out."""
    spelt = "".join(one if one in "\n\t" or one.isprintable() else ascii(one)[1:-1] for one in untrusted)
    return spelt if len(spelt) <= most else "…" + spelt[1 - most :]


def _fault(code: str, sentence: str) -> Finding:
    return Finding(level="fault", code=code, sentence=escape(sentence, 1_000))


def _finding(is_fault: bool, code: str, sentence: str) -> Finding:
    return Finding(level="fault" if is_fault else "warning", code=code, sentence=escape(sentence, 1_000))
