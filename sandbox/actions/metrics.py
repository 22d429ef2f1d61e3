"""What Prometheus is told of a node: queue, reservations, ledger, parts, checks. Ids of datasets and codes only.

Of jobs on real data scheduled and reserved quantities only (DESIGN 9): a padded job counts as charged until its
chambers start by schedule, as running until its release is due, and as ended from then on; how it ended is not counted.
Everything is read from the database at each scrape; there is no state here that a restart could lose.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from protocol.documents.policy import Policy
from sandbox.actions.checks import Watched, read_checks, read_statuses
from sandbox.actions.status import describe_datasets, describe_pool
from sandbox.domain.admission import Admission
from sandbox.domain.checks import LOOP, WORKER, Check, Level, Seen
from sandbox.domain.job import JobState
from sandbox.errors import SafeconductError
from sandbox.store import job
from sandbox.store.admission import read_admission
from sandbox.store.base import Session
from sandbox.store.checks import read_observations
from sandbox.store.metrics import read_refusals, read_waits
from sandbox.store.turns import read_standing

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ENDED_ALIKE = frozenset({JobState.SEALED, JobState.REPORTED, JobState.FAILED, JobState.CANCELLED})
DISKS = ("disk-database", "disk-staging")
LOOPS = ("agent", "teller", "relay", "sweeper")  # those whose silence means something


class NodeCollector(Collector):
    """One scrape reads one state of the database; without a database it tells that, and nothing else."""

    def __init__(self, watched: Watched, policy: Policy, at_once: int, wall: Callable[[], dt.datetime]) -> None:
        """`at_once` is how many jobs may be under way; `wall` is the machine's clock."""
        self._watched, self._policy, self._at_once, self._wall = watched, policy, at_once, wall

    def collect(self) -> Iterator[Metric]:
        """Everything, in a fixed order."""
        now = self._wall()
        yield from _checks(read_checks(self._watched, now), now)
        try:
            with self._watched.store.reading() as session:
                parts = read_observations(session)
                yield from _queue(session, now)
                yield from _reserved(session, parts, self._at_once, now)
                yield from _ledger(session, self._policy)
                yield from _parts(parts, self._watched.workers, now)
                yield from (_refusals(session), _disks(parts), *_statuses(session, now))
        except SafeconductError:
            return


def metrics_text(collector: NodeCollector) -> bytes:
    """What a scrape of this node gets; whoever serves it adds `CONTENT_TYPE`."""
    return generate_latest(metrics_registry(collector))


def metrics_registry(collector: NodeCollector) -> CollectorRegistry:
    """The same for a server of prometheus_client's own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def _checks(checks: tuple[Check, ...], now: dt.datetime) -> Iterator[Metric]:
    level = _gauges("check_level", "0 ok, 1 warns, 2 failed.", "check")
    age = _gauges("check_age_seconds", "Since when what a check tells was seen.", "check")
    for check in checks:
        level.add_metric([check.name], list(Level).index(check.level))
        if check.at is not None:
            age.add_metric([check.name], _age(check.at, now))
    yield from (level, age)


def _queue(session: Session, now: dt.datetime) -> Iterator[Metric]:
    states = _gauges("jobs", "Jobs by the state that is shown of them.", "state")
    counted = Counter[str]()
    for state, count in job.count_by_shown_state(session, now).items():
        counted["ended" if state in _ENDED_ALIKE else state] += count
    for name, count in sorted(counted.items()):
        states.add_metric([name], count)
    waiting = _gauges("waiting_jobs", "Jobs that wait before their charge, by reason.", "reason")
    oldest = _gauges("oldest_wait_seconds", "How long the oldest of them has waited since it came.", "reason")
    for reason, count, since in read_waits(session):
        waiting.add_metric([reason], count)
        oldest.add_metric([reason], _age(since, now))
    admission = _gauges("admission", "1 for what the node lets begin.", "admission")
    said = read_admission(session).admission
    for one in Admission:
        admission.add_metric([one.value], int(one is said))
    yield from (states, waiting, oldest, admission)


def _reserved(session: Session, parts: Mapping[str, Seen], at_once: int, now: dt.datetime) -> Iterator[Metric]:
    """What is reserved by schedule, and what there is to reserve: its bytes as the worker's own machine has them."""
    reserved = read_standing(session, now).reserved
    values = {
        "jobs": (len(reserved), at_once),
        "memory_bytes": (sum(one.need.memory for one in reserved), _amount(parts, "limit-memory")),
        "staging_bytes": (sum(one.need.staging for one in reserved), _amount(parts, "limit-staging")),
    }
    for name, (taken, there) in values.items():
        yield _gauge(f"reserved_{name}", "Reserved by schedule.", taken)
        yield _gauge(f"reservable_{name}", "As much as there is to reserve.", there)
    chambers, seconds = job.scheduled(session, now)
    yield _gauge("scheduled_chambers", "Chambers of jobs that are under way by schedule.", chambers)
    yield _gauge("scheduled_seconds", "Their time, from the first slot's start to the last slot's end.", seconds)


def _ledger(session: Session, policy: Policy) -> Iterator[Metric]:
    spent = _gauges("rho_spent_nano", "Nano-rho spent of a dataset's budget.", "dataset")
    left = _gauges("rho_left_nano", "Nano-rho left of it.", "dataset")
    for dataset in describe_datasets(session, policy):
        spent.add_metric([dataset["dataset"]], dataset["rho_spent_nano"])
        left.add_metric([dataset["dataset"]], dataset["rho_left_nano"])
    pool = describe_pool(session, policy)
    yield from (spent, left)
    yield _gauge("pool_rho_spent_nano", "Nano-rho spent of the budget of all people together.", pool["rho_spent_nano"])
    yield _gauge("pool_rho_left_nano", "Nano-rho left of it.", pool["rho_left_nano"])


def _parts(parts: Mapping[str, Seen], wanted: int, now: dt.datetime) -> Iterator[Metric]:
    """When workers and loops were heard of last; workers are counted, the freshest first, as names change."""
    beats = _gauges("worker_beat_age_seconds", "Since when a worker process did not say that it lives.", "worker")
    ages = sorted(_age(seen.at, now) for name, seen in parts.items() if name.startswith(WORKER))
    for number, age in enumerate(ages, start=1):
        beats.add_metric([str(number)], age)
    rounds = _gauges("loop_age_seconds", "Since the newest round of a loop, however it went.", "loop")
    well = _gauges("loop_well_age_seconds", "Since its newest round that went well: of the agent, a poll.", "loop")
    for loop, seen in ((name, parts[LOOP + name]) for name in LOOPS if LOOP + name in parts):
        rounds.add_metric([loop], _age(seen.at, now))
        if seen.well_at is not None:
            well.add_metric([loop], _age(seen.well_at, now))
    yield from (beats, _gauge("workers_wanted", "Worker processes that there should be.", wanted), rounds, well)


def _refusals(session: Session) -> Metric:
    refusals = _gauges("refusals", "Orders refused before their charge, by code.", "code")
    for code, count in read_refusals(session):
        refusals.add_metric([code], count)
    return refusals


def _disks(parts: Mapping[str, Seen]) -> Metric:
    free = _gauges("disk_free_bytes", "Free bytes in steps of 64 MiB; of staging, as it was between jobs.", "disk")
    for name in DISKS:
        amount = _amount(parts, name)
        if amount is not None:
            free.add_metric([name], amount)
    return free


def _statuses(session: Session, now: dt.datetime) -> Iterator[Metric]:
    age = _gauges("status_age_seconds", "Since when an office's newest status was issued.", "office")
    left = _gauges("status_left_seconds", "How long it is valid still; below zero it is not.", "office")
    for status in read_statuses(session):
        age.add_metric([status.office], _age(status.issued, now))
        left.add_metric([status.office], int((status.expires - now).total_seconds()))
    yield from (age, left)


def _amount(parts: Mapping[str, Seen], name: str) -> int | None:
    return parts[name].amount if name in parts else None


def _age(moment: dt.datetime, now: dt.datetime) -> int:
    return max(0, int((now - moment).total_seconds()))


def _gauges(name: str, what: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"safeconduct_node_{name}", what, labels=[label])


def _gauge(name: str, what: str, value: float | None) -> GaugeMetricFamily:
    """One number; without a sample where it is not known."""
    return GaugeMetricFamily(f"safeconduct_node_{name}", what, value)
