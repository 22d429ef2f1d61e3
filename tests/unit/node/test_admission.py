"""A node that is paused or drained: what begins, what goes on, and that everything goes on after the admin resumes."""

import datetime as dt
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.actions.admission import admit
from sandbox.actions.sweep import sweep
from sandbox.actions.why import explain_job
from sandbox.cli.node import app
from sandbox.domain.admission import Admission, check_admission
from sandbox.domain.job import JobState
from sandbox.errors import BadInput, Held
from sandbox.store import ledger
from sandbox.store.tables import JobRow

A, S = Admission, JobState
WAITS = {
    A.ACCEPTING: set[JobState](),
    A.DRAINING: {S.VERIFIED},
    A.PAUSED: {S.VERIFIED, S.CHARGED, S.STAGED},
}


def say(kit: Any, admission: Admission, reason: str = "kernel update") -> dict[str, Any]:
    kit.clock.advance(1)
    return admit(kit.node.store, admission, reason, kit.clock())


def charges(kit: Any) -> int:
    with kit.node.store.reading() as session:
        return ledger.head(session).sequence


def go_on(kit: Any, order: str) -> Any:
    """What the sweeper's next look leads to."""
    assert sweep(kit.node) == 1
    return kit.finish(order)


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("admission", A)
def test_what_may_begin_follows_the_table(admission: Admission, state: JobState) -> None:
    if state in WAITS[admission]:
        with pytest.raises(Held, match=f"node-{admission}"):
            check_admission(admission, state)
    else:
        check_admission(admission, state)


@pytest.mark.parametrize("admission", [A.DRAINING, A.PAUSED])
def test_order_waits_before_its_charge_and_goes_on_after_it(kit: Any, admission: Admission) -> None:
    say(kit, admission)
    order = kit.take()
    row = kit.tick(order)
    assert (row.state, row.code, charges(kit)) == ("held", f"node-{admission}", 0)

    say(kit, A.ACCEPTING)

    assert go_on(kit, order).state == "reported"
    assert charges(kit) == 1


def test_charged_job_is_finished_by_a_node_that_drains_and_waits_at_one_that_is_paused(kit: Any) -> None:
    kit.lose(times=1)
    order = kit.take()
    assert kit.tick(order).state == "charged"  # the machine failed once; the job runs again from here

    say(kit, A.PAUSED)
    kit.clock.advance(60)
    row = kit.tick(order)
    assert (row.state, row.code, row.losses) == ("charged", "node-paused", 1)

    assert say(kit, A.DRAINING)["charged_and_open"] == 1
    assert go_on(kit, order).state == "reported"
    assert charges(kit) == 1


def test_padded_job_that_waited_is_moved_by_whole_epochs(kit: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=600)
    kit.lose(times=1)
    order = kit.take()
    planned = kit.tick(order)
    kit.clock.at = planned.due_at
    assert kit.tick(order).state == "charged"  # the machine failed once
    say(kit, A.PAUSED)
    kit.clock.at = planned.start_at + dt.timedelta(minutes=17)
    assert kit.tick(order).code == "node-paused"

    say(kit, A.ACCEPTING)

    row = go_on(kit, order)
    assert row.state == "reported"
    assert row.release_at - planned.release_at == dt.timedelta(minutes=20)


def test_running_chambers_run_on(kit: Any) -> None:
    check_admission(A.PAUSED, S.RUNNING)
    check_admission(A.PAUSED, S.SEALED)


def test_node_says_who_has_it_paused_since_when_and_why(kit: Any) -> None:
    assert say(kit, A.ACCEPTING)["reason"] == "kernel update"
    found = say(kit, A.PAUSED, "  disk is being replaced ")
    assert found == {
        "admission": "paused",
        "since": kit.clock(),
        "by": "operator",
        "reason": "disk is being replaced",
        "charged_and_open": 0,
    }


@pytest.mark.parametrize("reason", ["", "   ", "x" * 101])
def test_reason_is_asked_for(kit: Any, reason: str) -> None:
    with pytest.raises(BadInput, match="reason-missing"):
        say(kit, A.PAUSED, reason)


def test_job_that_waits_is_explained(kit: Any) -> None:
    say(kit, A.PAUSED)
    order = kit.take()
    kit.tick(order)

    found = explain_job(kit.node.store, order, kit.clock())

    assert (found["state"], found["code"]) == ("held", "node-paused")
    assert "the job goes on when the admin resumes" in found["because"]
    assert found["next"].startswith("It waits before its charge and is looked at again at 2026-11-23 08:00:")
    assert [event["state"] for event in found["history"]] == ["received", "verified", "held"]
    with pytest.raises(BadInput, match="job-unknown"):
        explain_job(kit.node.store, "0" * 64, kit.clock())


def test_every_state_of_a_job_is_explained(kit: Any) -> None:
    order = kit.take()
    kit.finish(order)
    for state in S:
        with kit.node.store.transaction() as session:
            session.get_one(JobRow, order).state = state
        assert explain_job(kit.node.store, order, kit.clock())["next"].endswith(".")


def test_commands_pause_resume_and_show_the_audit(kit: Any) -> None:
    directory = str(kit.folder / "node")

    def command(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--dir", directory, "--json"])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert '"admission": "paused"' in command("pause", "--reason", "kernel update")
    assert '"admission": "draining"' in command("drain", "--reason", "reboot at noon", "--wait")
    assert '"admission": "accepting"' in command("resume", "--reason", "done")
    assert '"reason": "reboot at noon"' in command("audit", "--last", "2")
