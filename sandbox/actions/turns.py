"""Take a turn at the charge, or say in plain words what an order waits for (`sandbox.domain.turns`)."""

import datetime as dt

from sandbox.actions.examine import Examined
from sandbox.actions.view import stage_plan
from sandbox.actions.work import Work
from sandbox.domain.turns import Need, Waiting, check_room, check_size, check_turn, need_of
from sandbox.store.base import Session
from sandbox.store.turns import read_standing


def check_line(work: Work) -> None:
    """Raise Held while it is not this order's turn: asked before its signatures are verified anew."""
    now = work.node.clock.now()
    with work.node.store.reading() as session:
        check_turn(_me(work), read_standing(session, now, _me(work)), work.node.limits)


def reserve(work: Work, session: Session, need: Need, now: dt.datetime) -> None:
    """Raise Held unless it is this order's turn and there is room: asked in the charge's own transaction."""
    standing = read_standing(session, now, _me(work))
    check_turn(_me(work), standing, work.node.limits)
    check_room(need, standing.reserved_at(work.node.machine), work.node.limits)


def examine_need(work: Work, examined: Examined) -> Need:
    """What the job would reserve; raises Held if the node can never give it."""
    algorithm, order, facts = examined.verified.algorithm, examined.verified.order, examined.offered.facts
    chambers = examined.plan.blocks
    named = stage_plan(algorithm, order, examined.plan).variants if chambers else ()
    need = need_of(
        chambers=chambers,
        lanes=work.node.trust.policy.lanes,
        memory=algorithm.memory_bytes,
        output=algorithm.output_bytes,
        people=facts.people,
        columns=len(algorithm.inputs.columns),
        sites=facts.sites if named is None else len(named),
        whole=work.node.limits.staging,
    )
    check_size(need, work.node.limits)
    return need


def _me(work: Work) -> Waiting:
    return Waiting(job=work.row.id, number=work.row.number, project=work.row.project)
