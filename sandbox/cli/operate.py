"""`safeconduct node pause|drain|resume|prepare-reboot|cancel|retry|jobs|why|datasets|budget|audit`: running a node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, now, say, settings_of

if TYPE_CHECKING:
    from sandbox.store.base import Store

Order = Annotated[str, typer.Argument(help="The order's id.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit.")]
POLL_SECONDS = 1.0
NOT_READY = 1


def pause(directory: Directory, reason: Reason, as_json: JsonFlag = False) -> None:
    """Let nothing begin: orders wait before their charge, charged jobs before their chambers. What runs runs on."""
    emit(_admit(directory, "paused", reason), as_json)


def drain(
    directory: Directory,
    reason: Reason,
    wait: Annotated[bool, typer.Option("--wait", help="Return when nothing charged is under way any more.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Charge nothing more and finish what was charged, for a reboot or an upgrade."""
    found = _admit(directory, "draining", reason)
    emit(_wait_until_empty(directory, found, None) if wait else found, as_json)


def resume(directory: Directory, reason: Reason, as_json: JsonFlag = False) -> None:
    """Accept orders again; everything that waited for it is looked at at once."""
    emit(_admit(directory, "accepting", reason), as_json)


def prepare_reboot(
    directory: Directory,
    reason: Reason,
    at_most: Annotated[float | None, typer.Option(help="Give up after so many seconds, and end with 1.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Drain the node and wait until nothing charged is under way; then it may be stopped, and the machine rebooted.

    The node goes on draining until `safeconduct node resume`, also after the reboot.
    """
    found = _wait_until_empty(directory, _admit(directory, "draining", reason), at_most)
    ready = not found["charged_and_open"]
    emit({"ready": ready, **found}, as_json)
    say("stop the node, reboot, start it, then `safeconduct node resume`" if ready else "not yet: jobs are under way")
    if not ready:
        raise typer.Exit(NOT_READY)


def cancel(directory: Directory, order: Order, reason: Reason, as_json: JsonFlag = False) -> None:
    """Cancel a job that is not sealed yet. A charge that was made is kept.

    Of a padded job it shows when its release is due whether this came in time.
    """
    from sandbox.actions.cancel import cancel_job

    with _store(directory) as store:
        state = cancel_job(store, order, reason, now())
    emit({"order": order, "state": state, "cancel_requested": True}, as_json)


def retry(directory: Directory, order: Order, reason: Reason, as_json: JsonFlag = False) -> None:
    """Look at a waiting job now, or send the end of one that is over once more. Nothing is computed or charged anew."""
    from sandbox.actions.cancel import retry_job

    with _store(directory) as store:
        state = retry_job(store, order, reason, now())
    emit({"order": order, "state": state, "looked_at": "now"}, as_json)


def jobs(
    directory: Directory,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state, such as held.")] = None,
    project: Annotated[str | None, typer.Option(help="Only jobs of this project.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest are looked at.")] = 200,
    as_json: JsonFlag = False,
) -> None:
    """List the newest jobs, each with its state and, where it waits, the plain reason."""
    from sandbox.actions.status import list_jobs

    with _store(directory) as store:
        emit({"jobs": list_jobs(store, now(), state=state, project=project, limit=limit)}, as_json)


def datasets(directory: Directory, as_json: JsonFlag = False) -> None:
    """List the datasets that this node offers, with their public facts and what is left of their budgets."""
    from sandbox.actions.status import list_offers
    from sandbox.worker.wiring import open_trust

    policy = open_trust(settings_of(directory)).policy
    with _store(directory) as store:
        emit({"datasets": list_offers(store, policy)}, as_json)


def budget(directory: Directory, as_json: JsonFlag = False) -> None:
    """Show what every account has spent, its cap, and what is left: pool, datasets, projects, algorithms."""
    from sandbox.actions.show_ledger import show_ledger
    from sandbox.worker.wiring import open_trust

    policy = open_trust(settings_of(directory)).policy
    with _store(directory) as store:
        found = show_ledger(store, policy)
    emit({"accounts": found["accounts"], "head": found["head"]}, as_json)


def why(directory: Directory, order: Order, as_json: JsonFlag = False) -> None:
    """Say in plain words why a job is where it is and what happens next."""
    from sandbox.actions.why import explain_job

    with _store(directory) as store:
        emit(explain_job(store, order, now()), as_json)


def audit(
    directory: Directory,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines, the newest last.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Show who did what on this node: people's deeds and the node's own."""
    from sandbox.actions.show_audit import show_audit

    with _store(directory) as store:
        emit({"audit": show_audit(store, last)}, as_json)


COMMANDS: dict[str, Callable[..., None]] = {
    "pause": pause,
    "drain": drain,
    "resume": resume,
    "prepare-reboot": prepare_reboot,
    "cancel": cancel,
    "retry": retry,
    "jobs": jobs,
    "why": why,
    "datasets": datasets,
    "budget": budget,
    "audit": audit,
}


@contextmanager
def _store(directory: Directory) -> Iterator[Store]:
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    try:
        yield store
    finally:
        store.close()


def _admit(directory: Directory, admission: str, reason: str) -> dict[str, Any]:
    from sandbox.actions.admission import admit
    from sandbox.domain.admission import Admission

    with _store(directory) as store:
        return admit(store, Admission(admission), reason, now())


def _wait_until_empty(directory: Directory, found: dict[str, Any], at_most: float | None) -> dict[str, Any]:
    """Wait until the answer of every charged job was due, and tell how many there still are."""
    from sandbox.actions.admission import describe_admission

    until = None if at_most is None else time.monotonic() + at_most
    with _store(directory) as store:
        while found["charged_and_open"] and (until is None or time.monotonic() < until):
            say(f"{found['charged_and_open']} charged jobs are under way; their answers leave when they are due")
            time.sleep(POLL_SECONDS)
            with store.reading() as session:
                found = describe_admission(session, now())
    return found
