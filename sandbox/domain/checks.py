"""What makes a node work, as checks that doctor, admin page and metrics show alike.

A check has a stable name, a level, one plain sentence, a remedy and the moment of what it tells. `ok`: nothing to do.
`warn`: the node works, and will not for ever. `failed`: jobs wait or are refused until somebody does what the remedy
says. What was never seen counts as failed. No check tells what a running job makes of its data: the room for staging
is measured between jobs, and workers say that they live by the clock, whatever they do.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BEAT = dt.timedelta(seconds=10)  # how often a living part says so, on a grid of the clock
SILENT = dt.timedelta(seconds=45)  # after how long without a word a part counts as gone
LOOK = dt.timedelta(seconds=30)  # how often broker and engine are asked
SELF_TEST = dt.timedelta(hours=1)
PAPERS = dt.timedelta(hours=6)  # how often accreditation and certificate are asked for

LONG_WARNING = dt.timedelta(days=30)
SHORT_WARNING = dt.timedelta(days=2)  # of a status, which lives for a week at most

MEBI = 1 << 20
DATABASE_BYTES = (256 * MEBI, 2048 * MEBI)  # free: less than the first fails, less than the second warns
STAGING_BYTES = (64 * MEBI, 256 * MEBI)

WORKER = "worker:"  # before the names of worker processes
LOOP = "loop:"  # before the names of the node's loops
MACHINE = "machine:"  # before the names of the machines whose workers do the node's jobs


class Level(StrEnum):
    """How well something is, from the best on."""

    OK = "ok"
    WARN = "warn"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look at a part: when, what was wrong (None: nothing), until when it holds, how much of it there is."""

    at: dt.datetime
    code: str | None = None
    sentence: str | None = None
    until: dt.datetime | None = None
    amount: int | None = None
    well_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that makes a node work. `at` is when what it tells was seen; None: never."""

    name: str
    level: Level
    sentence: str
    remedy: str
    at: dt.datetime | None

    def to_json(self, now: dt.datetime) -> dict[str, Any]:
        """The check for programs, with its age in whole seconds."""
        age = None if self.at is None else max(0, int((now - self.at).total_seconds()))
        words = {"name": self.name, "level": self.level.value, "sentence": self.sentence, "remedy": self.remedy}
        return words | {"at": self.at, "age_seconds": age}


# Every check, in the order in which one thing needs the other, with the remedy of its failure.
REMEDIES = {
    "settings": "Correct the setting that is named in node.toml or in the environment.",
    "key": "Put the node's key back under keys/, readable by its owner only, and its passphrase file too.",
    "policy": "Have the holder sign the policy for the trust root and the Cedar files that are in this directory.",
    "database": "Free or mount its disk, or start the database server; database_url in node.toml says where it is.",
    "clock": "Set the machine's clock right, best by NTP; nothing is decided while it lies behind.",
    "disk-database": "Free room on the disk of the node's directory, or move the directory to a larger one.",
    "disk-staging": "Give the node a larger tmpfs: run_directory in node.toml, in a container --shm-size.",
    "trust-root": "Ask the holder for the next trust root: `safeconduct node trust-root update`.",
    "ledger": "Charge nothing, keep both files, and follow `safeconduct ledger restore`.",
    "broker": "Start Redis, or correct redis_url in node.toml.",
    "engine": "Start the Docker engine, on the worker's own machine, or correct docker_url and oci_runtime.",
    "chamber": "Run no job, and look at the engine: `safeconduct node doctor` tells which wall does not hold.",
    "workers": "Start the node with `safeconduct node run`, or look in its log for why workers end.",
    "sweeper": "Start the node with `safeconduct node run`; one that runs already needs a restart.",
    "relay": "Look at the broker first, then restart the node.",
    "registry": "Look at the way out to the registry, its certificate and this node's accreditation.",
    "certificate": "Tell the registry's operator to renew its certificate.",
    "accreditation": "Ask the accreditation office to accredit this node anew.",
    "statuses": "Ask the accreditation office for a new status, and look whether the registry is reached.",
    "rosters": "Ask the accreditation office for the committee's new roster.",
    "log": "Find out why the log went back; then `safeconduct node accept-log --reason …`.",
}


def make_check(name: str, level: Level, sentence: str, at: dt.datetime | None) -> Check:
    """A check with the remedy that belongs to its name."""
    return Check(name=name, level=level, sentence=sentence, remedy=REMEDIES[name], at=at)


def worst(checks: Sequence[Check]) -> Level:
    """The level of the whole: the worst of its parts; of nothing, failed."""
    order = list(Level)
    return max((check.level for check in checks), key=order.index, default=Level.FAILED)


def judge_seen(name: str, what: str, seen: Seen | None, now: dt.datetime, fresh: dt.timedelta) -> Check:
    """Judge a part by the newest look at it, which must not be older than `fresh`."""
    if seen is None:
        return make_check(name, Level.FAILED, f"{what} was never seen.", None)
    if seen.code is not None:
        return make_check(name, Level.FAILED, seen.sentence or f"{what} failed: {seen.code}.", seen.at)
    if now - seen.at > fresh:
        return make_check(name, Level.FAILED, f"{what} has not been heard of since {told(seen.at)}.", seen.at)
    return make_check(name, Level.OK, f"{what} is well.", seen.at)


def judge_workers(parts: Mapping[str, Seen], wanted: int, now: dt.datetime) -> Check:
    """Judge how many worker processes said lately that they live."""
    beats = [seen.at for name, seen in parts.items() if name.startswith(WORKER)]
    alive = sum(now - at <= SILENT for at in beats)
    level = Level.OK if alive >= wanted else Level.WARN if alive else Level.FAILED
    return make_check("workers", level, f"{alive} of {wanted} worker processes live.", max(beats, default=None))


def judge_expiry(
    name: str, what: str, until: dt.datetime, now: dt.datetime, warn: dt.timedelta, at: dt.datetime | None = None
) -> Check:
    """Judge a paper by when it expires; `at` is when it was seen."""
    seen_at = at or now
    if until <= now:
        return make_check(name, Level.FAILED, f"{what} expired at {told(until)}.", seen_at)
    level = Level.WARN if until - now < warn else Level.OK
    return make_check(name, level, f"{what} is valid until {told(until)}.", seen_at)


def judge_paper(name: str, what: str, seen: Seen | None, now: dt.datetime) -> Check:
    """Judge a paper that had to be asked for: whether it was got, and until when it is valid."""
    if seen is None or seen.code is not None or seen.until is None:
        return judge_seen(name, what, seen, now, PAPERS)
    return judge_expiry(name, what, seen.until, now, LONG_WARNING, seen.at)


def judge_room(name: str, where: str, seen: Seen | None, bounds: tuple[int, int]) -> Check:
    """Judge the free bytes of a place, rounded down to 64 MiB, against what fails and what warns."""
    if seen is None or seen.amount is None:
        return make_check(name, Level.FAILED, f"The room of {where} is not known.", seen.at if seen else None)
    fails, warns = bounds
    level = Level.FAILED if seen.amount < fails else Level.WARN if seen.amount < warns else Level.OK
    return make_check(name, level, f"{seen.amount // MEBI} MiB are free in {where}.", seen.at)


def judge_clock(mark: dt.datetime | None, wall: dt.datetime, tolerated: dt.timedelta) -> Check:
    """Judge the machine's clock against the latest moment that the node ever saved."""
    if mark is not None and mark - wall > tolerated:
        return make_check("clock", Level.FAILED, f"The machine's clock is {mark - wall} behind the node's.", wall)
    return make_check("clock", Level.OK, "The machine's clock is not behind the node's.", wall)


def gather(found: Sequence[Check], otherwise: Check) -> Check:
    """One check for several of a kind: the worst of them, or `otherwise` if there is none."""
    order = list(Level)
    return max(found, key=lambda check: order.index(check.level), default=otherwise)


def rounded_room(free: int) -> int:
    """Free bytes as they are told: in steps of 64 MiB, so that no small file shows."""
    return free // (64 * MEBI) * 64 * MEBI


def on_beat(now: dt.datetime) -> dt.datetime:
    """The last moment of the grid on which living parts say so: when exactly they got to it is not told."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return epoch + (now - epoch) // BEAT * BEAT


def told(moment: dt.datetime) -> str:
    """A moment as people read it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
