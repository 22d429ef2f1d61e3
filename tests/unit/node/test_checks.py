"""The checks of a node: what each says when its part is well, silent, broken, nearly or wholly expired, or unknown."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from factory import OFFICE

from sandbox.actions.checks import Watched, read_checks
from sandbox.actions.intake import note_statuses
from sandbox.actions.look import (
    Look,
    is_due,
    note_round,
    say_alive,
    see_accreditation,
    see_certificate,
    see_disk,
    see_staging,
    take_look,
)
from sandbox.actions.sweep import bury_worker, sweep
from sandbox.domain.checks import (
    BEAT,
    MEBI,
    REMEDIES,
    Check,
    Level,
    Seen,
    gather,
    judge_expiry,
    judge_paper,
    judge_room,
    judge_seen,
    judge_workers,
    make_check,
    on_beat,
    rounded_room,
    worst,
)
from sandbox.errors import Unreachable
from sandbox.store.log import keep_seen
from sandbox.worker.service import Noted

NOW = dt.datetime(2026, 11, 23, 8, 0, 7, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
OK, WARN, FAILED = Level


@pytest.mark.parametrize(
    ("seen", "level", "words"),
    [
        (None, FAILED, "never seen"),
        (Seen(at=NOW - MINUTE), OK, "is well"),
        (Seen(at=NOW - 3 * MINUTE), FAILED, "not been heard of"),
        (Seen(at=NOW, code="broker-unreachable"), FAILED, "broker-unreachable"),
        (Seen(at=NOW, code="x", sentence="Redis is gone."), FAILED, "Redis is gone."),
    ],
)
def test_part_is_judged_by_its_newest_look(seen: Seen | None, level: Level, words: str) -> None:
    check = judge_seen("broker", "The broker", seen, NOW, 2 * MINUTE)
    assert (check.level, check.at) == (level, seen.at if seen else None)
    assert words in check.sentence


@pytest.mark.parametrize(("ages", "level"), [((), FAILED), ((1, 50), WARN), ((1, 44), OK), ((60, 60), FAILED)])
def test_workers_are_counted_while_they_say_that_they_live(ages: tuple[int, ...], level: Level) -> None:
    parts = {f"worker:h:1:{i}": Seen(at=NOW - dt.timedelta(seconds=age)) for i, age in enumerate(ages)}
    assert judge_workers(parts | {"loop:agent": Seen(at=NOW)}, 2, NOW).level is level


@pytest.mark.parametrize(("days", "level"), [(-1, FAILED), (0, FAILED), (5, WARN), (30, OK)])
def test_paper_warns_before_it_expires(days: int, level: Level) -> None:
    until = NOW + dt.timedelta(days=days)
    assert judge_expiry("trust-root", "The trust root", until, NOW, dt.timedelta(days=30)).level is level
    assert judge_paper("accreditation", "It", Seen(at=NOW, until=until), NOW).level is level


@pytest.mark.parametrize("seen", [None, Seen(at=NOW, code="registry-unreachable")])
def test_paper_that_was_not_got_counts_as_failed(seen: Seen | None) -> None:
    assert judge_paper("accreditation", "It", seen, NOW).level is FAILED


@pytest.mark.parametrize(("mebi", "level"), [(None, FAILED), (63, FAILED), (64, WARN), (255, WARN), (256, OK)])
def test_room_is_judged_by_its_bounds(mebi: int | None, level: Level) -> None:
    seen = None if mebi is None else Seen(at=NOW, amount=mebi * MEBI)
    assert judge_room("disk-staging", "memory", seen, (64 * MEBI, 256 * MEBI)).level is level


def test_small_files_do_not_show_in_the_room() -> None:
    assert rounded_room(130 * MEBI) == rounded_room(129 * MEBI + 1) == 128 * MEBI
    assert rounded_room(64 * MEBI - 1) == 0


def test_life_is_told_by_the_clock_and_not_by_when_it_was_got_to() -> None:
    assert on_beat(NOW) == on_beat(NOW + dt.timedelta(seconds=2)) == NOW - dt.timedelta(seconds=7)
    assert is_due(None, NOW)
    assert is_due(NOW - BEAT, NOW)
    assert not is_due(NOW - BEAT / 2, NOW)


def test_worst_and_gather() -> None:
    ok, warn = (make_check("broker", level, "", NOW) for level in (OK, WARN))
    assert (worst([ok, warn]), worst([ok]), worst([])) == (WARN, OK, FAILED)
    assert gather([ok, warn], ok) is warn
    assert gather([], warn) is warn


def test_check_for_programs_has_its_age() -> None:
    said = make_check("broker", WARN, "Slow.", NOW - MINUTE).to_json(NOW)
    assert said == {
        "name": "broker",
        "level": "warn",
        "sentence": "Slow.",
        "remedy": REMEDIES["broker"],
        "at": NOW - MINUTE,
        "age_seconds": 60,
    }
    assert make_check("broker", FAILED, "", None).to_json(NOW)["age_seconds"] is None


# On a node


def watched(kit: Any, **changes: Any) -> Watched:
    values = {
        "node": kit.node.name,
        "store": kit.node.store,
        "root": kit.node.trust.root,
        "ledger_head": kit.node.places.ledger_head,
        "registry": "https://registry.test",
        "workers": 2,
        "sweep": dt.timedelta(seconds=1),
        "poll": dt.timedelta(seconds=25),
    }
    return Watched(**values | changes)


def checks(kit: Any, **changes: Any) -> dict[str, Check]:
    return {check.name: check for check in read_checks(watched(kit, **changes), kit.clock())}


def look(kit: Any, name: str, act: Callable[[], Seen | None]) -> None:
    take_look(kit.node.store, kit.clock, Look(name=name, every=MINUTE, act=act))


def make_well(kit: Any) -> None:
    """What a running node keeps of its parts."""
    for name in ("broker", "engine", "chamber"):
        look(kit, name, lambda: Seen(at=kit.clock()))
    for name in ("disk-database", "disk-staging"):
        look(kit, name, lambda: Seen(at=kit.clock(), amount=4096 * MEBI))
    for name in ("accreditation", "certificate"):
        look(kit, name, lambda: Seen(at=kit.clock(), until=kit.clock() + dt.timedelta(days=60)))
    for loop in ("agent", "relay", "sweeper"):
        note_round(kit.node.store, loop, None, kit.clock())
    for number in range(2):
        say_alive(kit.node.store, f"here:1:{number}", kit.clock())
    note_statuses(kit.node, [kit.world.sign(kit.world.status(), OFFICE)])


def test_node_that_works_has_nothing_to_say(kit: Any) -> None:
    make_well(kit)
    found = checks(kit)
    assert {name: check.sentence for name, check in found.items() if check.level is not OK} == {}
    assert list(found) == [name for name in REMEDIES if name not in ("settings", "key", "policy")]


def test_node_that_was_never_started_says_what_is_missing(kit: Any) -> None:
    failed = {name for name, check in checks(kit).items() if check.level is FAILED}
    assert {"broker", "engine", "chamber", "workers", "sweeper", "relay", "registry", "statuses"} <= failed


@pytest.mark.parametrize(
    ("name", "break_it", "word"),
    [
        ("broker", lambda kit: look(kit, "broker", lambda: _raise("broker-unreachable")), "does not answer"),
        ("chamber", lambda kit: look(kit, "chamber", lambda: _raise("chamber-root")), "does not answer"),
        ("registry", lambda kit: note_round(kit.node.store, "agent", "registry-unreachable", kit.clock()), "registry"),
        ("workers", lambda kit: bury_worker(kit.node, "here:1:"), "0 of 2"),
        ("ledger", lambda kit: kit.node.places.ledger_head.unlink(), "missing"),
    ],
)
def test_part_that_breaks_fails_its_check_and_no_other(kit: Any, name: str, break_it: Any, word: str) -> None:
    make_well(kit)
    break_it(kit)
    found = checks(kit)
    assert word in found[name].sentence
    assert {check.name for check in found.values() if check.level is not OK} == {name}


def _raise(code: str) -> Seen:
    raise Unreachable(code, "It does not answer.")


def test_time_alone_makes_parts_silent_and_papers_old(kit: Any) -> None:
    make_well(kit)
    kit.clock.advance(4 * 24 * 3600)
    found = checks(kit)
    assert {name for name, check in found.items() if check.level is FAILED} >= {"broker", "workers", "sweeper"}
    assert found["statuses"].level is WARN
    kit.clock.advance(2 * 24 * 3600)
    assert checks(kit)["statuses"].level is FAILED


def test_clock_that_was_set_back_fails(kit: Any) -> None:
    sweep(kit.node)
    kit.clock.advance(-3600)
    assert checks(kit)["clock"].level is FAILED


def test_node_that_its_office_revoked_is_told(kit: Any) -> None:
    raw = kit.world.sign(kit.world.status(revoked={"nodes": [kit.node.name]}), OFFICE)
    note_statuses(kit.node, [raw])
    assert "revoked this node" in checks(kit)["statuses"].sentence


def test_roster_that_expires_warns_before(kit: Any) -> None:
    kit.take()
    expires = kit.world.roster().expires
    levels = []
    for days in (40, 10, 0):
        kit.clock.at = expires - dt.timedelta(days=days)
        levels.append(checks(kit)["rosters"].level)
    assert levels == [OK, WARN, FAILED]


def test_registry_without_tls_is_for_tests(kit: Any) -> None:
    assert checks(kit, registry="http://registry.test")["certificate"].level is WARN


def test_log_says_how_far_it_is_and_what_was_wrong(kit: Any) -> None:
    from factory import key_entry

    from protocol.documents.checkpoint import origin_of

    root = kit.world.trust_root(log_key=key_entry("log"))
    key = root.log_key.to_public()
    assert checks(kit, root=root)["log"].level is FAILED
    with kit.node.store.transaction() as session:
        keep_seen(session, origin_of(key), "checkpoint", 7, kit.clock())
    assert "7 entries" in checks(kit, root=root)["log"].sentence
    with kit.node.store.transaction() as session:
        from sandbox.store.log import raise_alarm

        raise_alarm(session, origin_of(key), "log-fork", "The log forked.", "other", kit.clock())
    assert checks(kit, root=root)["log"].sentence == "The log forked."


def test_room_for_staging_is_not_measured_while_a_job_is_between_charge_and_release(kit: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=600)
    assert see_staging(kit.node.store, kit.folder, kit.clock) is not None
    order = kit.take()
    row = kit.tick(order)
    while row.state != "sealed":
        kit.clock.at = max(kit.clock.at, row.due_at)
        row = kit.tick(order)
        assert see_staging(kit.node.store, kit.folder, kit.clock) is None
    assert kit.clock.at < row.release_at
    kit.clock.at = row.release_at
    assert see_staging(kit.node.store, kit.folder, kit.clock) is not None


def test_disk_is_measured(kit: Any) -> None:
    assert see_disk(kit.folder, kit.clock).amount > 0  # type: ignore[operator]


def test_accreditation_counts_if_an_office_of_the_trust_root_signed_it_for_this_node(kit: Any) -> None:
    class Courier:
        def __init__(self, raw: bytes) -> None:
            self.accreditation = lambda: raw

    def seen(raw: bytes) -> Seen:
        look(kit, "accreditation", lambda: see_accreditation(Courier(raw), kit.node.trust.root, "node-fi", kit.clock))
        from sandbox.store.checks import read_observations

        with kit.node.store.reading() as session:
            return read_observations(session)["accreditation"]

    document = kit.world.accreditation("node-fi")
    assert seen(kit.world.sign(document, OFFICE)).until == document.valid_until
    assert seen(kit.world.sign(document, "stranger")).code == "key-unknown"
    assert seen(kit.world.sign(kit.world.accreditation("node-es"), OFFICE)).code == "accreditation-other"


def test_certificate_of_an_address_that_does_not_answer_is_a_fault(kit: Any) -> None:
    assert see_certificate("http://registry.test", kit.clock).until is None
    with pytest.raises(Unreachable, match="registry-unreachable"):
        see_certificate("https://127.0.0.1:1", kit.clock)


def test_round_of_a_loop_is_kept_by_the_clock_and_at_once_when_it_changes(kit: Any) -> None:
    from sandbox.store.checks import read_observations

    noted = Noted(kit.node, "agent")

    def kept(code: str | None) -> Seen:
        noted.round(code)
        with kit.node.store.reading() as session:
            return read_observations(session)["loop:agent"]

    first = kept(None)
    kit.clock.advance(3)
    assert kept(None) == first
    assert kept("registry-unreachable").code == "registry-unreachable"
    kit.clock.advance(12)
    well = kept(None)
    assert (well.code, well.at) == (None, on_beat(kit.clock()))


def test_worker_process_says_that_it_lives(kit: Any) -> None:
    from sandbox.worker.beats import start_beats

    start_beats(kit.node, "here:1:9")
    for _ in range(100):
        if "1 of 2" in checks(kit)["workers"].sentence:
            break
        threading.Event().wait(0.02)
    assert checks(kit)["workers"].level is WARN
