"""What a tick holds while it works on a job, and how a step ends.

A step is a function of a `Work`: it does one short idempotent thing and writes the next state in one transaction that
carries the fence. It returns None when the next step may follow at once, or a `Pause`.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from protocol.chain import OrderBundle
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import read_claim
from protocol.documents.job_order import JobOrder
from sandbox.actions.node import Node
from sandbox.actions.terms import Terms
from sandbox.domain.job import JobState
from sandbox.domain.plan import GatePlan, make_gate_plan
from sandbox.store.job import Claim
from sandbox.store.tables import JobRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing more to do before `due_at`; None: nothing more to do at all."""

    due_at: dt.datetime | None


@dataclass(frozen=True, kw_only=True)
class Work:
    """One claimed job, as it was when this step began."""

    node: Node
    held: Claim
    row: JobRow
    until: dt.datetime

    @property
    def state(self) -> JobState:
        """The state in which the step found the job."""
        return JobState(self.row.state)

    @property
    def directory(self) -> Path:
        """Where the blocks are staged and the outputs kept, in memory.

        It is named by the fence that staged it: a frozen worker that wakes up while staging disturbs nobody else.
        """
        if self.row.staged_fence is None:
            raise RuntimeError("a job that is not staged has no blocks")
        return self.node.run_directory(self.row.id) / str(self.row.staged_fence)

    @cached_property
    def bundle(self) -> OrderBundle:
        """The order with its evidence, as received."""
        return OrderBundle.from_json(self.row.bundle)

    @cached_property
    def order(self) -> JobOrder:
        """The order; its signature was checked at intake."""
        return read_claim(self.bundle.order, JobOrder).untrusted

    @cached_property
    def algorithm(self) -> Algorithm:
        """The algorithm; verified before the charge."""
        return read_claim(self.bundle.algorithm, Algorithm).untrusted

    @cached_property
    def terms(self) -> Terms:
        """What the charge pinned."""
        if self.row.terms is None:
            raise RuntimeError("a job without a charge has no terms")
        return Terms.from_json(self.row.terms)

    @cached_property
    def gate_plan(self) -> GatePlan:
        """The plan that was charged, made again from what was pinned."""
        return make_gate_plan(self.algorithm, self.order, self.terms.policy, self.terms.facts)


def pause_until(work: Work, moment: dt.datetime) -> Pause | None:
    """A pause until a moment, or none if it has come."""
    return None if moment <= work.node.clock.now() else Pause(due_at=moment)


Step = Callable[[Work], Pause | None]
