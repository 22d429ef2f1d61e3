"""The machines whose workers do a node's jobs: which of them live, and whose a job is (decision 23).

1. A job is its machine's from its charge to its end: its reservation, blocks and chambers are there. Nobody else claims
   it as long as that machine says that it lives.
2. A machine says so itself. One that has not for `Times.silence` counts as gone; whoever claims its job then does so
   with a higher run fence, as after a worker's death.
"""

import datetime as dt

from sqlalchemy import ColumnElement, and_, exists, literal, select
from sqlalchemy.orm import Session

from sandbox.domain.checks import MACHINE, Seen
from sandbox.domain.job import CHARGED_AND_OPEN
from sandbox.store.checks import Observation, observe
from sandbox.store.tables import JobRow


def say_living(session: Session, machine: str, now: dt.datetime) -> None:
    """Keep that a machine lives: that its engine answers, and that it reaches the database."""
    observe(session, f"{MACHINE}{machine}", Seen(at=now))


def living(session: Session, since: dt.datetime) -> frozenset[str]:
    """Read which machines have said that they live since a moment."""
    heard = Observation.name.startswith(MACHINE, autoescape=True), Observation.at > since
    return frozenset(name.removeprefix(MACHINE) for name in session.scalars(select(Observation.name).where(*heard)))


def is_bound(since: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether a job is some machine's that has said since a moment that it lives (rule 1)."""
    heard = exists().where(Observation.name == literal(MACHINE) + JobRow.machine, Observation.at > since)
    return and_(JobRow.state.in_(CHARGED_AND_OPEN), JobRow.machine.is_not(None), heard)


def is_of_another(machine: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a job is another machine's, dead or alive."""
    return and_(JobRow.state.in_(CHARGED_AND_OPEN), JobRow.machine.is_not(None), JobRow.machine != machine)
