"""`safeconduct node pause|drain|resume|why|audit`: what an admin does while the node runs."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, now, say, settings_of

Reason = Annotated[str, typer.Option(help="Why; kept in the audit.")]
POLL_SECONDS = 1.0


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
    while wait and found["charged_and_open"]:
        say(f"{found['charged_and_open']} charged jobs are under way; their answers leave when they are due")
        time.sleep(POLL_SECONDS)
        found = _standing(directory)
    emit(found, as_json)


def resume(directory: Directory, reason: Reason, as_json: JsonFlag = False) -> None:
    """Accept orders again; everything that waited for it is looked at at once."""
    emit(_admit(directory, "accepting", reason), as_json)


def why(
    directory: Directory,
    order: Annotated[str, typer.Argument(help="The order's id.")],
    as_json: JsonFlag = False,
) -> None:
    """Say in plain words why a job is where it is and what happens next."""
    from sandbox.actions.why import explain_job
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    found = explain_job(store, order)
    store.close()
    emit(found, as_json)


def audit(
    directory: Directory,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines, the newest last.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Show who did what on this node: people's deeds and the node's own."""
    from sandbox.actions.show_audit import show_audit
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    found = show_audit(store, last)
    store.close()
    emit({"audit": found}, as_json)


COMMANDS = (pause, drain, resume, why, audit)


def _admit(directory: Directory, admission: str, reason: str) -> dict[str, Any]:
    from sandbox.actions.admission import admit
    from sandbox.domain.admission import Admission
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    found = admit(store, Admission(admission), reason, now())
    store.close()
    return found


def _standing(directory: Directory) -> dict[str, Any]:
    from sandbox.actions.admission import describe_admission
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    with store.reading() as session:
        found = describe_admission(session)
    store.close()
    return found
