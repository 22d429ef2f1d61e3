"""Whose turn it is to be charged: fair between projects, and never more at once than the machine has room for.

Everything here is public before a chamber runs: orders, specs, policy, settings, and reservations, which last as their
schedule says whatever the data made of the jobs. Rules, in this order:

1. What a job reserves is its limit: `lanes` chambers' memory, and room for every chamber's block and output. A job that
   needs more than the node has waits for ever, and says so (`job-too-large`); it holds nobody up.
2. A project has at most so many jobs at once (`project-busy`), the node at most so many (`node-busy`).
3. Of the others that wait it is the turn of: the highest priority of its project, which the node's admin sets; then the
   project with the fewest jobs at once; then the one whose newest charge lies back farthest; then the oldest order. So
   a project with two hundred orders does not keep another's first waiting (`not-your-turn`).
4. The one whose turn it is waits for its room (`memory-reserved`, `staging-reserved`), and nobody overtakes it: else
   small jobs would keep a large one waiting for ever.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.errors import Held

PAGE_BYTES = 4096
FILES_PER_CHAMBER = 4  # its two views, their headers and their folder, a page each at least
PERSON_BYTES = 64  # in the names of a view of variants and of subjects, and as much for each column
ROUNDING = 4  # people are at most a quarter more than their public, rounded number: `add_dataset` refuses others
SITE_BYTES = 512  # of a line of genotypes before the first of them
GENOTYPE_BYTES = 4

TOO_LARGE = "job-too-large"
WAITS = frozenset({"project-busy", "node-busy", "not-your-turn", "memory-reserved", "staging-reserved"})
CODES = WAITS | {TOO_LARGE}

LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one job reserves from its charge on, in bytes."""

    memory: int
    staging: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Jobs at once at the node, also of one project; bytes of this machine; the admin's priorities (0 if unnamed)."""

    at_once: int
    per_project: int
    memory: int
    staging: int
    priorities: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An order that may be charged as soon as it is its turn; `number` counts arrivals."""

    job: str
    number: int
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A job that was charged and, by its schedule, is not over; its room is on the machine that charged it."""

    project: str
    need: Need
    machine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everybody who waits, everything that is reserved, and when each project was charged last."""

    waiting: Sequence[Waiting]
    reserved: Sequence[Reserved]
    served: Mapping[str, dt.datetime]

    def reserved_at(self, machine: str) -> Sequence[Reserved]:
        """What is reserved on one machine; what an older version charged may be anywhere."""
        return [one for one in self.reserved if one.machine in (machine, None)]


def whose_turn(standing: Standing, limits: Limits) -> Waiting | None:
    """Who is next (rules 2 and 3); None while the node is busy, or nobody waits whose project is not."""
    if len(standing.reserved) >= limits.at_once:
        return None
    at_once = Counter(one.project for one in standing.reserved)

    def rank(one: Waiting) -> tuple[int, int, dt.datetime, int]:
        served = standing.served.get(one.project, LONG_AGO)
        return -limits.priorities.get(one.project, 0), at_once[one.project], served, one.number

    free = [one for one in standing.waiting if at_once[one.project] < limits.per_project]
    return min(free, key=rank, default=None)


def check_turn(me: Waiting, standing: Standing, limits: Limits) -> None:
    """Raise Held with the reason while others are next; `me` is among those who wait."""
    mine = sum(one.project == me.project for one in standing.reserved)
    if len(standing.reserved) >= limits.at_once:
        raise Held("node-busy", f"The node works on {limits.at_once} jobs, as many as it may at once.")
    if mine >= limits.per_project:
        raise Held("project-busy", f"{mine} jobs of this project are under way, as many as there may be at once.")
    if whose_turn(standing, limits) != me:
        raise Held("not-your-turn", "Orders of other projects, or older ones, are next; each project gets its turn.")


def check_size(need: Need, limits: Limits) -> None:
    """Raise Held if the node as it is can never run the job (rule 1)."""
    for what, needed, there in (("memory", need.memory, limits.memory), ("staging", need.staging, limits.staging)):
        if needed > there:
            sentence = (
                f"The job needs {needed} bytes of {what}, and the node has {there}; "
                f"its admin may raise {what}_bytes in node.toml."
            )
            raise Held(TOO_LARGE, sentence)


def check_room(need: Need, reserved: Sequence[Reserved], limits: Limits) -> None:
    """Raise Held while what is reserved leaves too little room (rule 4)."""
    memory = limits.memory - sum(one.need.memory for one in reserved)
    if need.memory > memory:
        raise Held("memory-reserved", f"The job needs {need.memory} bytes of memory; {max(memory, 0)} are free.")
    staging = limits.staging - sum(one.need.staging for one in reserved)
    if need.staging > staging:
        raise Held("staging-reserved", f"The job needs {need.staging} bytes to stage; {max(staging, 0)} are free.")


def need_of(
    *, chambers: int, lanes: int, memory: int, output: int, people: int, columns: int, sites: int | None, whole: int
) -> Need:
    """What a job reserves, from public facts; `sites` None: their number is not public, it takes the `whole` room."""
    if not chambers:
        return Need(memory=0, staging=0)  # trusted code reads for a statistic, and stages nothing
    pages = FILES_PER_CHAMBER * chambers
    most = most_people(people)
    subjects = most * PERSON_BYTES * (columns + 1)
    genotypes = (sites or 0) * (most * GENOTYPE_BYTES + chambers * SITE_BYTES)
    outputs = output_room(chambers, output)
    staging = whole if sites is None else pages * PAGE_BYTES + subjects + genotypes + outputs
    return Need(memory=min(lanes, chambers) * memory, staging=staging)


def most_people(rounded: int) -> int:
    """How many people there are at most where the holder says a rounded number."""
    return rounded + rounded // ROUNDING


def output_room(chambers: int, output: int) -> int:
    """What of a job's reservation the outputs of its chambers may take, in bytes; the rest is its blocks'."""
    return chambers * whole_pages(output)


def whole_pages(size: int) -> int:
    """The bytes that a file of this size takes in memory."""
    return -(-size // PAGE_BYTES) * PAGE_BYTES
