"""How jobs are claimed, moved on and rung for: the database side of "the database is the truth" (DESIGN 9).

1. A claim is one conditional update: the job is due and nobody's lease on it still runs. It raises the fence.
2. Every write of a claimed job carries the fence it was claimed with. Zero rows means that another worker took over:
   `Fenced` is raised, the transaction rolls back, and everything this worker did is dropped.
3. A claim that was not given back (the worker died or was frozen) raises the run fence too, so that the chambers of
   the dead are removed before new ones start. One that was given back leaves them running for the next tick.
4. From its charge on a job is its machine's (`machines`). A claim from another machine counts as a take-over.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, Select, and_, bindparam, case, func, not_, or_, select, update
from sqlalchemy.orm import Session, defer

from sandbox.domain.job import BEFORE_CHARGE, CHARGED_AND_OPEN, ENDED, JobState, Times, check_transition
from sandbox.errors import Fenced
from sandbox.store.base import Moment, microseconds
from sandbox.store.driver import change
from sandbox.store.machines import is_bound, is_of_another
from sandbox.store.rings import ring
from sandbox.store.tables import JOB, JobEvent, JobRow, Sealed

T = TypeVar("T")

# What every step asks or writes: the statements are made once, and compiled once.
_HELD = JobRow.id == bindparam("held_job"), JobRow.fence == bindparam("held_fence")
_READ_HELD = select(JobRow).where(*_HELD)
_STATE_OF_HELD = select(JobRow.state).where(*_HELD)
_WRITE_HELD = update(JOB).where(*_HELD)
_FREE = or_(JobRow.lease_until.is_(None), JobRow.lease_until <= bindparam("now", type_=Moment()))
_MOVES = is_of_another(bindparam("here"))
_CLAIM = (
    update(JOB)
    .where(JobRow.id == bindparam("job"), JobRow.due_at <= bindparam("now", type_=Moment()), _FREE)
    .where(not_(and_(_MOVES, is_bound(bindparam("since", type_=Moment())))))
    .values(
        fence=JobRow.fence + 1,
        run_fence=case((and_(JobRow.lease_owner.is_(None), not_(_MOVES)), JobRow.run_fence), else_=JobRow.fence + 1),
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until", type_=Moment()),
        machine=case((_MOVES, bindparam("here")), else_=JobRow.machine),
    )
    .returning(JobRow.fence, JobRow.run_fence)
)
_SEAL = (
    "INSERT INTO sealed (job_id, receipt, ciphertext, sealed_at) "
    "SELECT id, :receipt, :ciphertext, :at FROM job WHERE id = :job AND fence = :fence"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A worker's right to work on one job until its lease ends: the job's id and the fence it was claimed with.

    `taken_over` says that the worker before did not give its claim back (rule 3).
    """

    job_id: str
    fence: int
    run_fence: int
    taken_over: bool


def insert_job(session: Session, values: dict[str, Any], now: dt.datetime) -> None:
    """Write a received job with its event and its first ring."""
    number = (session.scalar(select(func.max(JobRow.number))) or 0) + 1
    row = JobRow(**values, number=number, state=JobState.RECEIVED, received_at=now, due_at=now)
    session.add(row)
    session.flush()
    session.add(JobEvent(job_id=row.id, at=now, fence=0, state=row.state))
    ring(session, row.id, now)


def claim(
    session: Session,
    job_id: str,
    owner: str,
    now: dt.datetime,
    lease: dt.timedelta,
    *,
    machine: str,
    since: dt.datetime,
) -> Claim | None:
    """Claim a job that is due and free; None when there is nothing to do, or somebody else does it.

    `machine` is where the owner works; other machines that have said since `since` that they live keep their jobs.
    """
    values = {"job": job_id, "owner": owner, "now": now, "until": now + lease, "here": machine, "since": since}
    found = session.execute(_CLAIM, values).one_or_none()
    if found is None:
        return None
    fence, run_fence = found
    return Claim(job_id=job_id, fence=fence, run_fence=run_fence, taken_over=fence == run_fence)


def extend(session: Session, held: Claim, until: dt.datetime) -> None:
    """Prolong the lease of a worker that is alive."""
    _write(session, held, lease_until=until)


def read_claimed(session: Session, held: Claim) -> JobRow:
    """Read a claimed job, or raise Fenced."""
    return _read_held(session, _READ_HELD, held)


def staged_fence(session: Session, job_id: str) -> int | None:
    """Read whose fence names the directory that a job is staged in."""
    return session.scalar(select(JobRow.staged_fence).where(JobRow.id == job_id))


def move(session: Session, held: Claim, after: JobState, now: dt.datetime, **values: Any) -> None:
    """Write a job's next state with its event, if the table allows it and the fence still holds."""
    check_transition(JobState(_read_held(session, _STATE_OF_HELD, held)), after)
    _write(session, held, state=after, delays=0, due_at=now, **({"code": None, "sentence": None} | values))
    session.add(JobEvent(job_id=held.job_id, at=now, fence=held.fence, state=after, code=values.get("code")))


def note(session: Session, held: Claim, **values: Any) -> None:
    """Write something about a claimed job without changing its state."""
    _write(session, held, **values)


def give_back(session: Session, held: Claim, due_at: dt.datetime | None, now: dt.datetime, **values: Any) -> None:
    """End a claim: the job is due again at `due_at` (rung for at once if that is now), or never."""
    _write(session, held, lease_owner=None, lease_until=None, due_at=due_at, **values)
    if due_at is not None and due_at <= now:
        ring(session, held.job_id, now)


def _read_held(session: Session, statement: Select[T], held: Claim) -> T:
    found: T | None = session.scalar(statement, {"held_job": held.job_id, "held_fence": held.fence})
    if found is None:
        raise Fenced
    return found


def _write(session: Session, held: Claim, **values: Any) -> None:
    written = session.execute(_WRITE_HELD, {"held_job": held.job_id, "held_fence": held.fence, **values})
    if cast("CursorResult[Any]", written).rowcount == 0:
        raise Fenced


def end_leases_of(session: Session, owner_prefix: str, now: dt.datetime) -> int:
    """End the leases of a worker that is known to be dead, without giving them back (rule 3)."""
    query = (
        update(JobRow)
        .where(JobRow.lease_owner.startswith(owner_prefix, autoescape=True), JobRow.lease_until > now)
        .values(lease_until=now, rung_at=None)
    )
    return cast("CursorResult[Any]", session.execute(query)).rowcount


def live_jobs(session: Session) -> dict[str, tuple[int, int | None]]:
    """The jobs whose chambers may exist: the fence in their names, and the fence that names their staged blocks."""
    found = select(JobRow.id, JobRow.run_fence, JobRow.staged_fence).where(JobRow.state.in_(CHARGED_AND_OPEN))
    return {row.id: (row.run_fence, row.staged_fence) for row in session.execute(found)}


def idle_images(session: Session) -> Sequence[tuple[str, bytes]]:
    """Read the images that no open job has: the engine's ID and the bundle of the newest job of each algorithm."""
    is_open = JobRow.state.in_(BEFORE_CHARGE | CHARGED_AND_OPEN)
    busy = select(JobRow.image_id).where(is_open, JobRow.image_id.is_not(None))
    asked = select(JobRow.algorithm).where(is_open)
    newest = select(func.max(JobRow.number)).where(JobRow.image_id.is_not(None)).group_by(JobRow.algorithm)
    idle = JobRow.image_id.not_in(busy), JobRow.algorithm.not_in(asked), JobRow.number.in_(newest)
    rows = session.execute(select(JobRow.image_id, JobRow.bundle).where(*idle))
    return [(image_id, bundle) for image_id, bundle in rows if image_id is not None]


def seal(session: Session, held: Claim, receipt: bytes, ciphertext: bytes | None, now: dt.datetime) -> None:
    """Write the end of a claimed job in one statement that carries the fence; the primary key lets it happen once."""
    values = {"job": held.job_id, "fence": held.fence, "at": microseconds(now)}
    if change(session.connection(), _SEAL, {"receipt": receipt, "ciphertext": ciphertext, **values}) == 0:
        raise Fenced


def acknowledge(session: Session, held: Claim, now: dt.datetime, *, receipt: bool) -> None:
    """Note that the registry has the receipt, or else the release."""
    _read_held(session, _STATE_OF_HELD, held)
    sealed = session.get_one(Sealed, held.job_id)
    if receipt:
        sealed.receipt_acknowledged_at = now
    else:
        sealed.release_acknowledged_at = now


def send_again(session: Session, job_id: str, now: dt.datetime) -> None:
    """Have the sealed end of a job sent once more, byte for byte, if it was sent before."""
    sealed = session.get(Sealed, job_id)
    if sealed is None or sealed.receipt_acknowledged_at is None:
        return
    sealed.receipt_acknowledged_at = sealed.release_acknowledged_at = None
    session.execute(update(JobRow).where(JobRow.id == job_id).values(due_at=now))
    ring(session, job_id, now)


def last_charge(session: Session) -> dt.datetime | None:
    """Read when a job was charged last; None for a node that never charged any."""
    return session.scalar(select(func.max(JobRow.charged_at)))


def read_state(session: Session, job_id: str) -> JobState | None:
    """Read a job's state; None for a job that is not here."""
    state = session.scalar(select(JobRow.state).where(JobRow.id == job_id))
    return None if state is None else JobState(state)


def request_cancel(session: Session, job_id: str, now: dt.datetime) -> None:
    """Flag a job for its end, and have it looked at at once; one that is sealed already leaves when it is due."""
    session.execute(update(JobRow).where(JobRow.id == job_id).values(cancel_requested=True))
    look_at(session, job_id, BEFORE_CHARGE | CHARGED_AND_OPEN, now)


def look_at(session: Session, job_id: str, states: frozenset[JobState], now: dt.datetime) -> None:
    """Have a job in one of these states looked at at once instead of when it is due."""
    waiting = JobRow.id == job_id, JobRow.state.in_(states)
    session.execute(update(JobRow).where(*waiting).values(due_at=now, rung_at=None))


def recent_jobs(session: Session, limit: int, project: str | None = None) -> Sequence[JobRow]:
    """Read the newest jobs, of one project or of all, newest first, without their bundles."""
    query = select(JobRow).options(defer(JobRow.bundle)).order_by(JobRow.number.desc()).limit(limit)
    return session.scalars(query if project is None else query.where(JobRow.project == project)).all()


def open_jobs(session: Session, now: dt.datetime, limit: int) -> Sequence[JobRow]:
    """Read the oldest jobs that are not shown as ended, without their bundles: padded ones until their release."""
    hidden = and_(JobRow.release_at > JobRow.charged_at, JobRow.release_at > now, JobRow.state != JobState.REPORTED)
    wanted = or_(JobRow.state.not_in(ENDED), hidden)
    return session.scalars(
        select(JobRow).options(defer(JobRow.bundle)).where(wanted).order_by(JobRow.number).limit(limit)
    ).all()


def failures(session: Session, limit: int) -> Sequence[tuple[JobEvent, JobRow]]:
    """Read the newest jobs that the machine failed, each with that event."""
    query = select(JobEvent, JobRow).join(JobRow, JobRow.id == JobEvent.job_id).options(defer(JobRow.bundle))
    rows = session.execute(query.where(JobEvent.state == JobState.FAILED).order_by(JobEvent.id.desc()).limit(limit))
    return [(event, row) for event, row in rows]


def times_of(row: JobRow) -> Times:
    """What the charge fixed of a job's course."""
    return Times(charged_at=row.charged_at, start_at=row.start_at, release_at=row.release_at)


def count_by_shown_state(session: Session, now: dt.datetime) -> dict[JobState, int]:
    """Count all jobs by the state that is shown of them."""
    hidden = and_(JobRow.release_at > JobRow.charged_at, JobRow.release_at > now)
    is_hidden = case((hidden, 1), else_=0).label("is_hidden")
    has_begun = case((JobRow.start_at <= now, 1), else_=0).label("has_begun")
    kinds = select(JobRow.state, is_hidden, has_begun).subquery()
    query = select(kinds.c.state, kinds.c.is_hidden, kinds.c.has_begun, func.count()).group_by(*kinds.c)
    counted: dict[JobState, int] = {}
    for state, early, begun, count in session.execute(query):
        shown = JobState(state)
        if early and shown is not JobState.REPORTED:
            shown = JobState.RUNNING if begun else JobState.CHARGED
        counted[shown] = counted.get(shown, 0) + count
    return counted


def scheduled(session: Session, now: dt.datetime) -> tuple[int, int]:
    """Add up the chambers and the seconds of slots of padded jobs that are under way by schedule."""
    early = JobRow.release_at > JobRow.charged_at, JobRow.slots_end_at > now, JobRow.cancel_requested.is_(False)
    rows = session.execute(select(JobRow.terms, JobRow.start_at, JobRow.slots_end_at).where(*early)).all()
    padded = [row for row in rows if row.terms["policy"]["timing"] == "padded"]
    seconds = sum(int((row.slots_end_at - row.start_at).total_seconds()) for row in padded)
    return sum(int(row.terms["chambers"]) for row in padded), seconds


def events_after(session: Session, number: int) -> Sequence[JobEvent]:
    """Read what happened to jobs after the event with this number, in order."""
    return session.scalars(select(JobEvent).where(JobEvent.id > number).order_by(JobEvent.id)).all()


def last_event(session: Session) -> int:
    """Read the number of the newest event; 0 when there is none."""
    return session.scalar(select(func.max(JobEvent.id))) or 0


def read_sealed(session: Session, job_id: str) -> Sealed | None:
    """The sealed end of a job, if it has come to one."""
    return session.get(Sealed, job_id)
