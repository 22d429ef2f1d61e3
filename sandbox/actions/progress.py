"""Tell the registry how far orders are: a courtesy to the researcher, which may get lost.

That an order was received is told once, to take it from the registry's queue (`acknowledge`); the rest is told in
rounds, the newest state of each order. An order that has its end meanwhile needs no word: its receipt says more.

For a `padded` job nothing is told between the charge and its end: when its chambers ran and when it was sealed depend
on the data, and its schedule was fixed at the charge.
"""

from contextlib import suppress

from sandbox.actions.node import Node
from sandbox.domain.job import ENDED, JobState
from sandbox.errors import RegistryDeclined
from sandbox.hub.registry import Registry
from sandbox.store import job

ALWAYS = frozenset({JobState.HELD, JobState.VERIFIED, JobState.CHARGED})
IMMEDIATE = ALWAYS | {JobState.STAGED, JobState.RUNNING} | ENDED  # an end is not told: it takes the place of the rest


def tell_progress(node: Node, registry: Registry, after: int) -> int:
    """Tell what happened after the event with this number; return the number of the last event told."""
    with node.store.reading() as session:
        events = job.events_after(session, after)
    told = IMMEDIATE if node.trust.policy.timing == "immediate" else ALWAYS
    latest = {event.job_id: event for event in events if event.state in told}
    for event in latest.values():
        if event.state in ENDED:
            continue
        try:
            registry.tell_progress(event.job_id, event.state)
        except RegistryDeclined:
            continue  # it may know the order's end already
    return max((event.id for event in events), default=after)


def acknowledge(node: Node, registry: Registry, order: str) -> None:
    """Tell the registry that an order which it handed over is here, and how far it is."""
    with node.store.reading() as session:
        state = job.read_state(session, order)
    with suppress(RegistryDeclined):  # it may know the order's end already; other orders wait behind this one
        registry.tell_progress(order, state if state in ALWAYS | {JobState.RECEIVED} else JobState.CHARGED)


def last_event(node: Node) -> int:
    """The number of the newest event: what happened before a start is not told again."""
    with node.store.reading() as session:
        return job.last_event(session)
