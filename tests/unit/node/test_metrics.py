"""What Prometheus is told: everything that is asked for, and of a padded job the same whatever its data made of it."""

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from factory import OFFICE
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from sandbox.actions.checks import Watched
from sandbox.actions.intake import note_statuses
from sandbox.actions.look import Look, note_round, say_alive, take_look
from sandbox.actions.metrics import NodeCollector, metrics_text
from sandbox.chambers.fake import Ending
from sandbox.cli.node import app
from sandbox.domain.checks import SELF_TEST, Seen
from sandbox.store.tables import JobEvent

EPOCH, STEP = 120, 2  # seconds
HONEST = Ending(wrote=b'{"share": 0.5}')


def be_honest(kit: Any) -> Ending:
    return HONEST


def crash(kit: Any) -> Ending:
    return Ending(exit_code=139)


def sleep(kit: Any) -> Ending:
    """Keep the worker busy for a while, so that the seal comes later."""
    kit.clock.advance(7)
    return HONEST


def scrape(kit: Any) -> str:
    watched = Watched(
        node=kit.node.name,
        store=kit.node.store,
        root=kit.node.trust.root,
        ledger_head=kit.node.places.ledger_head,
        registry="http://registry.test",
        workers=2,
        sweep=dt.timedelta(seconds=1),
        poll=dt.timedelta(seconds=25),
    )
    collector = NodeCollector(watched, kit.node.trust.policy, kit.node.limits.at_once, kit.clock)
    return metrics_text(collector).decode()


def values(text: str) -> dict[tuple[str, str], float]:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name.removeprefix("safeconduct_node_"), "".join(one.labels.values())): one.value for one in samples}


def run(kit: Any, person: Any) -> tuple[dict[dt.datetime, str], dt.datetime]:
    """Run a padded job whose last chamber meets this person; what is scraped by the way, and when it was sealed."""
    kit.with_policy(timing="padded", epoch_seconds=EPOCH)
    met = iter([be_honest, be_honest, be_honest, person])
    kit.chamber = lambda _input, _block: next(met)(kit)
    order = kit.take()
    start, texts = kit.clock.at, {}
    for second in range(0, EPOCH + STEP + 1, STEP):
        moment = start + dt.timedelta(seconds=second)
        while (due := kit.row(order).due_at) is not None and due <= moment:
            kit.clock.at = max(kit.clock.at, due)
            kit.tick(order)
        if kit.clock.at <= moment:  # else the worker was busy then
            kit.clock.at = moment
            texts[moment] = scrape(kit)
    assert kit.row(order).state == "reported"
    with kit.node.store.reading() as session:
        sealed = session.query(JobEvent).filter_by(job_id=order, state="sealed").one()
    return texts, sealed.at


@pytest.mark.parametrize("person", [crash, sleep])
def test_metrics_of_neighbouring_datasets_are_the_same_at_every_instant(kit: Any, twin: Any, person: Any) -> None:
    honest, sealed = run(kit, be_honest)
    hostile, sealed_hostile = run(twin, person)
    instants = honest.keys() & hostile.keys()

    assert {at for at in instants if honest[at] != hostile[at]} == set()
    assert (sealed != sealed_hostile) == (person is sleep)  # it did something that could have shown
    states = [values(honest[at]) for at in sorted(instants)]
    assert [("jobs", "running") in one for one in states].count(True) > 10
    assert ("jobs", "ended") in states[-1]


def test_everything_that_is_asked_for_is_told(kit: Any) -> None:
    kit.finish(kit.take())
    kit.finish(kit.take(order={"node": "node-es"}, approvals=None))
    kit.take()
    kit.clock.advance(90)

    found = values(scrape(kit))

    assert found["jobs", "ended"] == 1
    assert found["refusals", "order-wrong-node"] == 1
    assert (found["waiting_jobs", "next"], found["oldest_wait_seconds", "next"]) == (1, 90)
    assert found["rho_spent_nano", kit.world.dataset] == 2_000_000
    assert found["rho_left_nano", kit.world.dataset] == kit.node.trust.policy.dataset_cap_nano - 2_000_000
    assert (found["reservable_jobs", ""], found["reserved_jobs", ""]) == (kit.node.limits.at_once, 0)
    assert found["check_level", "database"] == 0
    assert found["check_level", "sweeper"] == found["check_level", "workers"] == found["check_level", "registry"] == 2
    assert found["admission", "accepting"] == 1
    assert found["pool_rho_left_nano", ""] == kit.node.trust.policy.pool_cap_nano - found["pool_rho_spent_nano", ""]


def test_parts_are_told_by_when_they_were_heard_of(kit: Any) -> None:
    store, start = kit.node.store, kit.clock()
    for name in ("a:1:2", "a:1:3"):
        say_alive(store, name, start)
    status = kit.world.status()
    note_statuses(kit.node, [kit.world.sign(status, OFFICE)])
    note_round(store, "agent", None, start)
    note_round(store, "sweeper", None, start)
    for name in ("limit-memory", "disk-database"):
        take_look(store, kit.clock, Look(name=name, every=SELF_TEST, act=lambda: Seen(at=start, amount=7 << 30)))
    kit.clock.advance(30)
    say_alive(store, "a:1:3", kit.clock())
    note_round(store, "agent", "registry-unreachable", kit.clock())

    found = values(scrape(kit))

    assert [found["worker_beat_age_seconds", number] for number in "12"] == [0, 30]
    assert found["workers_wanted", ""] == 2
    assert (found["loop_age_seconds", "agent"], found["loop_well_age_seconds", "agent"]) == (0, 30)
    assert found["loop_age_seconds", "sweeper"] == 30
    assert found["reservable_memory_bytes", ""] == found["disk_free_bytes", "disk-database"] == 7 << 30
    assert ("reservable_staging_bytes", "") not in found  # nobody has looked at it
    age, left = (found[f"status_{what}_seconds", OFFICE] for what in ("age", "left"))
    assert age == (kit.clock() - status.issued).total_seconds()
    assert left == (status.expires - kit.clock()).total_seconds()


def test_command_prints_and_serves_the_same(kit: Any) -> None:
    where = ["--dir", str(kit.folder / "node")]
    printed = CliRunner().invoke(app, ["metrics", *where])
    assert printed.exit_code == 0
    assert ("rho_spent_nano", kit.world.dataset) in values(printed.stdout)
    program = "from sandbox.cli.node import app; app()"
    command = [sys.executable, "-c", program, "metrics", *where, "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(__file__).parents[3])
    assert process.stderr is not None
    address = process.stderr.readline().decode().split()[-1]
    answer = httpx.get(address)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stderr.close()
    assert ("rho_spent_nano", kit.world.dataset) in values(answer.text)


@pytest.mark.parametrize(
    ("listen", "code"),
    [("9464", "address-malformed"), ("0.0.0.0:9464", "metrics-beyond-loopback"), ("node:1", "metrics-beyond-loopback")],
)
def test_nobody_beyond_this_machine_reads_them_by_mistake(kit: Any, listen: str, code: str) -> None:
    bad = CliRunner().invoke(app, ["metrics", "--dir", str(kit.folder / "node"), "--listen", listen])
    assert getattr(bad.exception, "code", "") == code
