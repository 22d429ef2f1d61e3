"""`safeconduct node doctor`: look at everything that makes a node work, in order, and tell each failure's remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, is_running, now, say, settings_of
from sandbox.errors import LedgerBroken, SafeconductError

if TYPE_CHECKING:
    from sandbox.actions.node import Trust
    from sandbox.domain.checks import Check
    from sandbox.settings import Settings
    from sandbox.store.base import Store

FAILED = 1


def doctor(directory: Directory, as_json: JsonFlag = False) -> None:
    """Check files, database, disks, clock, ledger, broker, engine, chambers, workers, registry and papers.

    Runs a real chamber self-test: two chambers try to be root, to write, to reach a network and to read each other's
    data. Ends with 0 if nothing failed, else with 1. Keeps what it saw, and changes nothing else.
    """
    from sandbox.domain.checks import Level, worst

    found = []
    for check in _examine(directory):
        found.append(check)
        if not as_json:
            _show(check)
    level = worst(found)
    if as_json:
        emit({"level": level.value, "checks": [check.to_json(now()) for check in found]}, as_json)
    if level is Level.FAILED:
        raise typer.Exit(FAILED)


def _examine(directory: Directory) -> Iterator[Check]:
    """Each check in its order; what cannot be asked because of one that failed is not asked."""
    from sandbox.domain.checks import Level, make_check
    from sandbox.worker.wiring import open_store, open_trust, read_key

    asked = "settings"
    try:
        settings = settings_of(directory)
        yield make_check(asked, Level.OK, "The settings can be read.", now())
        asked = "key"
        read_key(settings)
        yield make_check(asked, Level.OK, "The node's key opens, and is its owner's alone.", now())
        asked = "policy"
        trust = open_trust(settings)
        asked = "database"
        store = open_store(settings)
    except SafeconductError as error:
        yield make_check(asked, Level.FAILED, error.sentence, now())
        return
    try:
        yield _opens(settings)
        yield from _look(settings, trust, store)
    finally:
        store.close()


def _opens(settings: Settings) -> Check:
    """Whether the node opens as `node run` opens it; a ledger that keeps it from that is a check of its own."""
    from sandbox.domain.checks import Level, make_check
    from sandbox.worker.wiring import open_node

    try:
        open_node(settings).store.close()
    except LedgerBroken:
        pass
    except SafeconductError as error:
        return make_check("policy", Level.FAILED, error.sentence, now())
    return make_check("policy", Level.OK, "The holder's trust root and policy are in force here.", now())


def _look(settings: Settings, trust: Trust, store: Store) -> Iterator[Check]:
    """Look at every part now, then give what all checks say."""
    from sandbox.actions.checks import read_checks
    from sandbox.actions.clock import GuardedClock, wall_clock
    from sandbox.actions.look import take_look
    from sandbox.worker.looks import make_looks
    from sandbox.worker.wiring import open_watched

    clock = GuardedClock(store, wall_clock)
    for look in make_looks(settings, trust, store, clock):
        say(f"looking at {look.name}")
        take_look(store, clock.now, look)
    yield from read_checks(open_watched(settings, store, trust.root), wall_clock())
    if not is_running(settings):
        say("no `safeconduct node run` works for this directory on this machine")


def _show(check: Check) -> None:
    """A line for people; the remedy where there is something to do."""
    print(f"{check.level:<7} {check.name:<14} {check.sentence}", flush=True)
    if check.level != "ok":
        print(f"        {check.remedy}", flush=True)
