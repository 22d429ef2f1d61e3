"""What an admin sees and does, and that of a padded job it tells nothing but the schedule until its release is due."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.actions.admission import describe_admission
from sandbox.actions.cancel import cancel_job, lift, retry_job
from sandbox.actions.status import list_jobs, read_status, sealed_receipt
from sandbox.actions.why import explain_job
from sandbox.cli.node import app
from sandbox.domain.job import JobState, Times, shown_state
from sandbox.errors import BadInput
from sandbox.store.base import Store

EPOCH = 600


def told(kit: Any, order: str, store: Store | None = None) -> str:
    """Everything that the node's commands tell now of a job, and of the node, from its database or an older copy."""
    store, now, policy = store or kit.node.store, kit.clock(), kit.node.trust.policy
    with store.reading() as session:
        standing = describe_admission(session, now)
    try:
        receipt = sealed_receipt(store, order, now).hex()
    except BadInput as error:
        receipt = str(error)
    said = [read_status(store, policy, now), list_jobs(store, now), explain_job(store, order, now), standing, receipt]
    return json.dumps(said, default=str)


def copy_of(kit: Any, number: int) -> Store:
    """The node's database as it is now."""
    kit.node.store.close()
    return Store(kit.database.copy(kit.folder / f"copy-{number}").url)


def padded(kit: Any) -> str:
    kit.with_policy(timing="padded", epoch_seconds=EPOCH)
    return str(kit.take())


@pytest.mark.parametrize(("losses", "end"), [(0, "sealed"), (3, "failed")])
def test_early_end_is_told_to_nobody_before_the_release_is_due(kit: Any, losses: int, end: str) -> None:
    """Whatever a tick does to a charged job, what is told before and after it is the same, byte for byte."""
    order = padded(kit)
    row = kit.tick(order)
    kit.lose(times=losses)
    ticks = 0
    while row.state != end:
        kit.clock.at = max(kit.clock.at, row.due_at)
        planned, ticks = row.release_at, ticks + 1
        before = copy_of(kit, ticks)
        row = kit.tick(order)
        if row.release_at == planned:  # else a loss moved the schedule by whole epochs
            assert told(kit, order) == told(kit, order, before)
        before.close()
    assert ticks
    assert kit.clock() < row.release_at
    kit.clock.at = row.release_at
    assert f'"{end}"' in told(kit, order)


def test_cancel_says_the_same_before_and_after_an_early_seal(kit: Any) -> None:
    order = padded(kit)
    kit.run_until(order, "sealed")

    assert cancel_job(kit.node.store, order, "a mistake", kit.clock()) == "running"
    assert kit.tick(order).due_at == kit.row(order).release_at  # and nothing leaves early because of it
    assert kit.registry.sent("receipts") == []
    kit.clock.at = kit.row(order).release_at
    assert kit.finish(order).state == "reported"


def test_drain_waits_until_the_release_of_an_early_seal_is_due(kit: Any) -> None:
    order = padded(kit)
    row = kit.run_until(order, "sealed")

    def under_way() -> int:
        with kit.node.store.reading() as session:
            return int(describe_admission(session, kit.clock())["charged_and_open"])

    assert under_way() == 1
    kit.clock.at = row.release_at
    assert under_way() == 0


@pytest.mark.parametrize("state", JobState)
def test_state_that_is_shown_of_a_hidden_job_is_its_schedule(state: JobState, kit: Any) -> None:
    from datetime import timedelta

    now = kit.clock()
    minute = timedelta(minutes=1)
    times = Times(charged_at=now, start_at=now + minute, release_at=now + 2 * minute)
    reported = state is JobState.REPORTED
    assert shown_state(state, times, now) == (state if reported else "charged")
    assert shown_state(state, times, now + minute) == (state if reported else "running")
    assert shown_state(state, times, now + 2 * minute) is state
    assert shown_state(state, Times(charged_at=now, start_at=None, release_at=now + minute), now) in (state, "charged")
    assert shown_state(state, Times(charged_at=now, start_at=now, release_at=now), now) is state
    assert shown_state(state, Times(charged_at=None, start_at=None, release_at=None), now) is state


def test_retry_looks_at_a_held_job_at_once(kit: Any) -> None:
    kit.registry.status_of["images"] = 503
    order = kit.take()
    row = kit.tick(order)
    assert row.due_at > kit.clock()
    retry_job(kit.node.store, order, "the registry is back", kit.clock())
    kit.registry.status_of.clear()
    assert kit.finish(order).state == "reported"


def test_retry_of_a_job_that_runs_or_is_unknown_is_refused(kit: Any) -> None:
    order = padded(kit)
    row = kit.tick(order)
    while row.state != "sealed":
        kit.clock.at = max(kit.clock.at, row.due_at)
        row = kit.tick(order)
        with pytest.raises(BadInput, match="job-runs"):
            retry_job(kit.node.store, order, "impatience", kit.clock())
    with pytest.raises(BadInput, match="job-unknown"):
        retry_job(kit.node.store, "0" * 64, "impatience", kit.clock())


def test_retry_sends_again_what_the_registry_declined_and_computes_nothing(kit: Any) -> None:
    kit.registry.status_of["receipts"] = 400
    order = kit.take()
    row = kit.finish(order)
    sealed = kit.sealed(order)
    assert row.code == "declined-told-so"
    kit.registry.status_of.clear()
    retry_job(kit.node.store, order, "the registry was mended", kit.clock())
    assert kit.finish(order).state == "reported"
    assert kit.registry.sent("receipts")[-1] == sealed.receipt


@pytest.mark.parametrize("reason", ["", "  ", "x" * 101])
@pytest.mark.parametrize(
    "act", [lambda kit, *given: cancel_job(kit, *given), lambda kit, *given: retry_job(kit, *given), lift]
)
def test_every_act_wants_a_reason(kit: Any, act: Any, reason: str) -> None:
    with pytest.raises(BadInput, match="reason-missing"):
        act(kit.node.store, kit.take(), reason, kit.clock())


def command(kit: Any, *words: str, code: int = 0) -> Any:
    where = ["--dir", str(kit.folder / "node"), "--json"]
    done = CliRunner().invoke(app, [*words, *where])
    assert done.exit_code == code, (done.stderr, done.exception)
    return json.loads(done.stdout)


def test_commands_list_jobs_datasets_and_budgets(kit: Any) -> None:
    order = kit.take()
    kit.finish(order)
    waiting = kit.take()

    assert [job["order"] for job in command(kit, "jobs")["jobs"]] == [waiting, order]
    assert [job["order"] for job in command(kit, "jobs", "--state", "reported")["jobs"]] == [order]
    assert command(kit, "jobs", "--project", "none")["jobs"] == []
    (offered,) = command(kit, "datasets")["datasets"]
    assert (offered["dataset"], offered["rho_spent_nano"]) == (kit.world.dataset, 2_000_000)
    accounts = {one["scope"]: one["rho_spent_nano"] for one in command(kit, "budget")["accounts"]}
    assert set(accounts.values()) == {2_000_000}
    with pytest.raises(BadInput, match="state-unknown"):
        list_jobs(kit.node.store, kit.clock(), state="lost")


def test_acts_by_command_are_audited_with_their_reason(kit: Any) -> None:
    order = kit.take()
    command(kit, "retry", order, "--reason", "to see")
    command(kit, "cancel", order, "--reason", "a mistake")
    ready = command(kit, "prepare-reboot", "--reason", "a new kernel")
    assert (ready["ready"], ready["admission"]) == (True, "draining")
    audit = {line["action"]: line["reason"] for line in command(kit, "audit")["audit"]}
    wanted = {"job-retried": "to see", "job-cancelled": "a mistake", "node-draining": "a new kernel"}
    assert wanted.items() <= audit.items()


def test_node_with_charged_jobs_is_not_ready_for_a_reboot(kit: Any) -> None:
    kit.lose(times=1)
    assert kit.tick(kit.take()).state == "charged"
    assert command(kit, "prepare-reboot", "--reason", "x", "--at-most", "0.1", code=1)["ready"] is False
