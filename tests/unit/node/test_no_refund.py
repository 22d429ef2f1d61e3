"""Whatever becomes of a job after its charge, no account gets anything back: every edge of the table is walked."""

from collections.abc import Callable
from typing import Any

import pytest

from protocol.documents.envelope import read_envelope
from protocol.documents.receipt import Receipt
from sandbox.actions import tick
from sandbox.actions.cancel import cancel_job
from sandbox.actions.work import Pause, Work
from sandbox.domain.job import BEFORE_CHARGE, CHARGED_AND_OPEN, TRANSITIONS, JobState
from sandbox.domain.ledger import Scope
from sandbox.errors import InfrastructureLost, Refused
from sandbox.store import job, ledger
from sandbox.store.tables import JobEvent

S = JobState
RHO = 2_000_000
AFTER = {(before, after) for before in TRANSITIONS if before not in BEFORE_CHARGE for after in TRANSITIONS[before]}
BEFORE = {(before, after) for before in BEFORE_CHARGE for after in TRANSITIONS[before]}


class Walk:
    """Drives jobs along chosen edges and looks at the pool at every move, inside its transaction."""

    def __init__(self, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kit, self.monkeypatch = kit, monkeypatch
        self.moves: list[tuple[JobState, JobState, int]] = []
        self._move = job.move
        monkeypatch.setattr(job, "move", self._watched)
        kit.with_policy(project_failures=1000)
        self.numbers = iter(range(1000))

    def _watched(self, session: Any, held: Any, after: JobState, *given: Any, **values: Any) -> None:
        before = JobState(job.read_claimed(session, held).state)
        self._move(session, held, after, *given, **values)
        self.moves.append((before, after, ledger.spent(session, Scope.POOL, "people")))

    def take(self) -> str:
        order: str = self.kit.take(algorithm={"version": f"1.0.{next(self.numbers)}"})
        return order

    def losing(self, state: JobState, times: int) -> str:
        """The machine fails so many times at this state's step."""
        real, left = tick.STEPS[state], [times]

        def step(work: Work) -> Pause | None:
            if left[0]:
                left[0] -= 1
                raise InfrastructureLost("engine-failed", "The engine is gone.")
            return real(work)

        return self._with(state, step, lambda order: None)

    def cancelling(self, state: JobState) -> str:
        """The admin cancels while the job is in this state."""
        return self._with(
            state, lambda work: Pause(due_at=work.node.clock.now()), lambda order: self._cancel(order, state)
        )

    def _cancel(self, order: str, state: JobState) -> None:
        assert self.kit.row(order).state == state
        cancel_job(self.kit.node.store, order, "for the test", self.kit.clock())

    def _with(self, state: JobState, step: Callable[[Work], Pause | None], meanwhile: Callable[[str], None]) -> str:
        order = self.take()
        with self.monkeypatch.context() as patched:
            patched.setitem(tick.STEPS, state, step)
            self.kit.tick(order)
            meanwhile(order)
            self.kit.finish(order)
        return order

    def spent(self) -> int:
        with self.kit.node.store.reading() as session:
            ledger.check_ledger(session)
            return ledger.spent(session, Scope.POOL, "people")


@pytest.fixture
def walk(kit: Any, monkeypatch: pytest.MonkeyPatch) -> Walk:
    return Walk(kit, monkeypatch)


def test_no_edge_after_the_charge_gives_anything_back(walk: Walk) -> None:
    orders = [walk.take()]
    walk.kit.finish(orders[0])
    for state in (S.CHARGED, S.STAGED, S.RUNNING):
        orders += [walk.losing(state, 1), walk.losing(state, 3), walk.cancelling(state)]

    walked = {(before, after) for before, after, _ in walk.moves}
    assert walked >= AFTER
    assert walk.spent() == RHO * len(orders)
    for i, (before, after, spent) in enumerate(walk.moves):
        earlier = walk.moves[i - 1][2] if i else 0
        assert spent - earlier == (RHO if after is S.CHARGED and before is S.VERIFIED else 0), (before, after)
    for order in orders:
        receipt = read_envelope(walk.kit.sealed(order).receipt).untrusted(Receipt)
        assert (walk.kit.row(order).rho_charged_nano, receipt.rho_charged_nano) == (RHO, RHO)


def test_no_end_before_the_charge_costs_anything(walk: Walk) -> None:
    def refuse(_: Work) -> None:
        raise Refused("for-the-test", "Refused for the test.")

    for state in (S.RECEIVED, S.VERIFIED):
        walk._with(state, refuse, lambda order: None)
        walk.cancelling(state)

    assert {after for _, after, _ in walk.moves} == {S.VERIFIED, S.REFUSED, S.CANCELLED}
    assert walk.spent() == 0


def test_every_state_that_may_follow_a_charge_keeps_it() -> None:
    """The table itself: no way leads from a charge to a state that is said to cost nothing."""
    assert not {after for before, after in AFTER} & (BEFORE_CHARGE | {S.REFUSED})
    assert {before for before, after in BEFORE if after in CHARGED_AND_OPEN} == {S.VERIFIED}


def test_events_tell_of_one_charge_for_each_job(walk: Walk) -> None:
    order = walk.losing(S.RUNNING, 2)

    with walk.kit.node.store.reading() as session:
        charged = [one.state for one in session.query(JobEvent).where(JobEvent.job_id == order)].count("charged")
        entries = [one for one in ledger.entries(session) if one.order_id == order]
    assert charged == 3  # the charge, and twice back to it
    assert len(entries) == 1
