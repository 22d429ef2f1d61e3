"""What runs beside the worker: the agent's manners, relay and broker, the catalogue, and what is told of progress."""

import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from sandbox.actions.catalogue import publish_budgets, publish_catalogue
from sandbox.actions.intake import Intake
from sandbox.actions.progress import last_event, tell_progress
from sandbox.actions.relay import relay
from sandbox.actions.status import read_status
from sandbox.chambers.fake import Ending
from sandbox.errors import SafeconductError, Unreachable
from sandbox.hub.registry import Handed, Registry
from sandbox.settings import load_settings
from sandbox.worker.app import make_app, queue_name
from sandbox.worker.logs import configure_logs
from sandbox.worker.names import owner_name, owner_prefix
from sandbox.worker.service import Service


def service(kit: Any) -> Service:
    return Service(node=kit.node, settings=load_settings(kit.folder / "node", {}))


def told(kit: Any) -> list[dict[str, str]]:
    return [json.loads(body) for body in kit.registry.sent("progress")]


def test_first_poll_is_answered_at_once_so_that_a_start_shows_whether_the_registry_is_reached(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    agent = service(kit)

    def answer(_registry: Registry, seconds: float) -> Handed:
        asked.append(seconds)
        if len(asked) == 3:
            agent.stop.set()
        return Handed(orders=(), statuses=())

    monkeypatch.setattr(Registry, "wait_for_orders", answer)
    agent._agent()
    assert asked == [0, agent.settings.poll_seconds, agent.settings.poll_seconds]


def test_unsigned_order_is_cleared_from_the_registry_s_queue_and_nothing_else(kit: Any) -> None:
    assert service(kit)._take(kit.node.registry, "e" * 64, b"{}") is Intake.UNSIGNED
    assert told(kit) == [{"order": "e" * 64, "state": "refused"}]
    assert kit.rings() == []


def test_order_is_acknowledged_each_time_it_is_handed_over(kit: Any) -> None:
    raw = kit.bundle().to_json()
    agent = service(kit)
    assert agent._take(kit.node.registry, "x", raw) is Intake.TAKEN
    assert [one["state"] for one in told(kit)] == ["received"]
    assert agent._take(kit.node.registry, "x", raw) is Intake.KNOWN
    assert [one["state"] for one in told(kit)] == ["received", "received"]


def test_order_whose_word_is_declined_is_taken_in_all_the_same(kit: Any) -> None:
    kit.registry.status_of["progress"] = 404
    assert service(kit)._take(kit.node.registry, "x", kit.bundle().to_json()) is Intake.TAKEN
    assert len(kit.rings()) == 1


def test_taking_an_order_wakes_the_relay(kit: Any) -> None:
    agent = service(kit)
    agent._take(kit.node.registry, "x", kit.bundle().to_json())
    assert agent.wake.is_set()


def test_relay_publishes_each_job_once_and_forgets_what_was_sent(kit: Any) -> None:
    orders = [kit.take() for _ in range(2)]
    sent: list[tuple[str, str | None]] = []
    assert relay(kit.node, lambda *ring: sent.append(ring)) == 2
    assert (sent, kit.rings()) == ([(order, None) for order in orders], [])
    assert relay(kit.node, lambda *ring: sent.append(ring)) == 0


def test_ring_stays_until_the_broker_has_taken_it(kit: Any) -> None:
    order = kit.take()

    def down(_: str, __: str | None) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        relay(kit.node, down)
    assert kit.rings() == [order]


def test_catalogue_is_published_when_the_snapshots_changed_and_only_then(kit: Any) -> None:
    registry = kit.node.registry
    published = publish_catalogue(kit.node, registry, frozenset(), 3)
    assert publish_catalogue(kit.node, registry, published, 3) == published
    (body,) = kit.registry.sent("catalogue")
    (entry,) = json.loads(body)["datasets"]
    assert (entry["dataset"], entry["people"], len(entry["variants"])) == ("cohort-fi", 400, 3)
    assert "people_exact" not in body.decode()


def test_budgets_are_told_when_they_changed_and_only_then(kit: Any) -> None:
    registry = kit.node.registry
    told = publish_budgets(kit.node, registry, None)
    assert publish_budgets(kit.node, registry, told) == told
    cap = kit.node.trust.policy.dataset_cap_nano
    whole = {"dataset": "cohort-fi", "rho_cap_nano": cap, "rho_left_nano": cap}
    assert [json.loads(body)["budgets"] for body in kit.registry.sent("budgets")] == [[whole]]

    order = kit.take()
    while kit.tick(order).rho_charged_nano == 0:
        pass
    publish_budgets(kit.node, registry, told)

    (after,) = json.loads(kit.registry.sent("budgets")[-1])["budgets"]
    assert (after["rho_cap_nano"], 0 < after["rho_left_nano"] < cap) == (cap, True)


def test_course_of_an_immediate_job_is_told_as_long_as_it_has_no_end(kit: Any) -> None:
    order, before = kit.take(), last_event(kit.node)
    kit.lose(times=1)
    assert kit.tick(order).state == "charged"
    assert tell_progress(kit.node, kit.node.registry, before) > before
    assert [one["state"] for one in told(kit)] == ["charged"]

    assert kit.finish(order).state == "reported"
    assert tell_progress(kit.node, kit.node.registry, 0) == last_event(kit.node)
    assert [one["state"] for one in told(kit)] == ["charged"]


def test_course_of_a_padded_job_is_told_up_to_the_charge_only(kit: Any) -> None:
    kit.with_policy(timing="padded")
    order = kit.take()
    for _ in range(20):
        row = kit.tick(order)
        tell_progress(kit.node, kit.node.registry, 0)
        if row.due_at is None:
            break
        kit.clock.at = max(kit.clock.at, row.due_at)
    assert row.state == "reported"
    assert {one["state"] for one in told(kit)} <= {"verified", "charged"}


def test_registry_that_knows_the_end_already_does_not_stop_the_telling(kit: Any) -> None:
    kit.lose(times=1)
    kit.tick(kit.take())
    kit.registry.status_of["progress"] = 409
    assert tell_progress(kit.node, kit.node.registry, 0) == last_event(kit.node)
    assert [one["state"] for one in told(kit)] == ["charged"]


def test_loop_goes_on_after_a_failure(kit: Any) -> None:
    running = service(kit)
    seen: list[int] = []

    def action() -> float:
        seen.append(len(seen))
        if len(seen) == 1:
            raise Unreachable("registry-unreachable", "The registry does not answer.")
        if len(seen) == 3:
            running.stop.set()
        return 0.0

    running.stop.wait = lambda _pause: running.stop.is_set()  # type: ignore[method-assign]
    running._repeat("test", action)
    assert seen == [0, 1, 2]


def test_status_shows_padded_progress_by_the_clock_and_not_by_the_chambers(kit: Any) -> None:
    kit.with_policy(timing="padded", lanes=1)
    order = kit.take(order={"blocks": 8})
    kit.tick(order)
    kit.clock.at = kit.row(order).due_at
    kit.chamber = lambda _input, _block: Ending(exit_code=1)
    kit.tick(order)
    row = kit.row(order)
    middle = row.start_at + (row.slots_end_at - row.start_at) / 2
    (job,) = read_status(kit.node.store, kit.node.trust.policy, middle)["jobs"]
    assert (row.state, job["chambers"], job["chambers_done"]) == ("running", 8, 4)


def test_status_does_not_show_that_a_padded_job_was_sealed_early(kit: Any) -> None:
    kit.with_policy(timing="padded", lanes=1)
    order = kit.take()
    while (row := kit.tick(order)).state != "sealed":
        kit.clock.at = max(kit.clock.at, row.due_at)
    early = read_status(kit.node.store, kit.node.trust.policy, kit.clock())
    later = read_status(kit.node.store, kit.node.trust.policy, row.release_at)
    assert (early["states"], early["jobs"][0]["state"]) == ({"running": 1}, "running")
    assert (later["states"], later["jobs"][0]["state"]) == ({"sealed": 1}, "sealed")


def test_status_says_why_a_job_was_refused_and_what_is_left(kit: Any) -> None:
    kit.finish(kit.take())
    kit.finish(kit.take(approvals=["meri"]))
    status = read_status(kit.node.store, kit.node.trust.policy, kit.clock())
    refused, reported = status["jobs"]
    assert (refused["state"], refused["code"], reported["state"]) == ("refused", "approval-quorum", "reported")
    assert status["states"] == {"refused": 1, "reported": 1}
    assert status["datasets"][0]["rho_left_nano"] == 500_000_000 - 2_000_000


def test_broker_is_a_doorbell_and_nothing_else(tmp_path: Path, made: Path) -> None:
    settings = load_settings(made / "node", {})
    conf = make_app(settings).conf
    assert (conf.task_ignore_result, conf.result_backend, conf.task_acks_late) == (True, None, True)
    assert conf.task_reject_on_worker_lost is False
    assert (conf.worker_prefetch_multiplier, conf.task_time_limit, conf.visibility_timeout) == (1, 60, 300)
    options = conf.broker_transport_options
    assert (options["unacked_restore_interval"], options["unacked_restore_throttle"]) == (5, 1)
    assert options["visibility_timeout"] == conf.visibility_timeout
    assert "node-fi" in options["global_keyprefix"]
    assert conf.task_default_queue == queue_name(settings) == "node-fi.tick"


def test_names_of_a_worker_s_processes_begin_with_the_worker_s() -> None:
    assert owner_name("here", 77, 78).startswith(owner_prefix("here", 77))
    assert not owner_name("here", 777, 78).startswith(owner_prefix("here", 77))
    assert not owner_name("here", 77, 78).startswith(owner_prefix("there", 77))


def test_errors_say_how_a_command_ends() -> None:
    from sandbox.errors import BadInput, Conflict

    codes = [getattr(kind, "exit_code", None) for kind in (BadInput, Conflict, Unreachable, SafeconductError)]
    assert codes == [2, 3, 7, None]


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Undo what a test does to the logs of the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("logs_as_before")
def test_log_lines_carry_ids_and_codes_only(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("node-fi")
    secret = "the value of a person"

    def program(_input: bytes, _block: Path) -> Ending:
        raise ValueError(secret)

    kit.chamber = program
    kit.finish(kit.take(), rings=20)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert any(line["event"] == "step-ended" and line["error"] == "ValueError" for line in lines)
    allowed = {
        "event", "level", "timestamp", "node", "job", "fence", "state", "code", "error", "where", "loop",
    }  # fmt: skip
    assert {name for line in lines for name in line} <= allowed
    assert secret not in json.dumps(lines)


def test_moments_are_never_naive(kit: Any) -> None:
    from sqlalchemy.exc import StatementError

    from sandbox.store.mark import raise_mark

    def keep_naive() -> None:
        with kit.node.store.transaction() as session:
            raise_mark(session, "clock", dt.datetime(2026, 11, 23))  # noqa: DTZ001  what must not be

    with pytest.raises(StatementError, match="time zone"):
        keep_naive()


def test_clock_never_goes_back_not_even_over_a_restart(kit: Any) -> None:
    from sandbox.actions.clock import GuardedClock

    latest = kit.node.clock.now()
    kit.node.clock.save()
    kit.clock.advance(-3600)
    assert kit.node.clock.now() == latest
    assert GuardedClock(kit.node.store, kit.clock).now() == latest
