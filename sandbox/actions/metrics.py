"""What Prometheus is told of a node: queue, reservations, ledger, checks. Ids of datasets and codes only.

Of jobs on real data scheduled and reserved quantities only (DESIGN 9): a padded job counts as charged until its
chambers start by schedule, as running until its release is due, and as ended from then on; how it ended is not counted.
Everything is read from the database at each scrape; there is no state here that a restart could lose.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from protocol.documents.policy import Policy
from sandbox.actions.checks import Watched, read_checks
from sandbox.actions.status import describe_datasets
from sandbox.domain.admission import Admission
from sandbox.domain.checks import Check, Level
from sandbox.domain.job import JobState
from sandbox.domain.turns import Limits
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


class NodeCollector(Collector):
    """One scrape reads one state of the database; without a database it tells that, and nothing else."""

    def __init__(self, watched: Watched, policy: Policy, limits: Limits, wall: Callable[[], dt.datetime]) -> None:
        self._watched, self._policy, self._limits, self._wall = watched, policy, limits, wall

    def collect(self) -> Iterator[Metric]:
        """Everything, in a fixed order."""
        now = self._wall()
        yield from _checks(read_checks(self._watched, now), now)
        try:
            with self._watched.store.reading() as session:
                yield from [*_queue(session, now), *_reserved(session, self._limits, now), *_told(session)]
                yield from _ledger(session, self._policy)
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
    level = _gauge("check_level", "0 ok, 1 warns, 2 failed.", "check")
    age = _gauge("check_age_seconds", "Since when what a check tells was seen.", "check")
    for check in checks:
        level.add_metric([check.name], list(Level).index(check.level))
        if check.at is not None:
            age.add_metric([check.name], max(0, int((now - check.at).total_seconds())))
    yield from (level, age)


def _queue(session: Session, now: dt.datetime) -> Iterator[Metric]:
    states = _gauge("jobs", "Jobs by the state that is shown of them.", "state")
    counted = Counter[str]()
    for state, count in job.count_by_shown_state(session, now).items():
        counted["ended" if state in _ENDED_ALIKE else state] += count
    for name, count in sorted(counted.items()):
        states.add_metric([name], count)
    waiting = _gauge("waiting_jobs", "Jobs that wait before their charge, by reason.", "reason")
    oldest = _gauge("oldest_wait_seconds", "How long the oldest of them has waited since it came.", "reason")
    for reason, count, since in read_waits(session):
        waiting.add_metric([reason], count)
        oldest.add_metric([reason], max(0, int((now - since).total_seconds())))
    admission = _gauge("admission", "1 for what the node lets begin.", "admission")
    said = read_admission(session).admission
    for one in Admission:
        admission.add_metric([one.value], int(one is said))
    yield from (states, waiting, oldest, admission)


def _reserved(session: Session, limits: Limits, now: dt.datetime) -> Iterator[Metric]:
    """What is reserved by schedule, and what there is to reserve."""
    reserved = read_standing(session, now).reserved
    values = {
        "jobs": (len(reserved), limits.at_once),
        "memory_bytes": (sum(one.need.memory for one in reserved), limits.memory),
        "staging_bytes": (sum(one.need.staging for one in reserved), limits.staging),
    }
    for name, (taken, there) in values.items():
        yield GaugeMetricFamily(f"safeconduct_reserved_{name}", "Reserved by schedule.", taken)
        yield GaugeMetricFamily(f"safeconduct_reservable_{name}", "As much as there is to reserve.", there)
    slots = _gauge("scheduled_chambers", "Chambers of jobs that are under way by schedule.", "what")
    length = _gauge("scheduled_seconds", "Their time, from the first slot's start to the last slot's end.", "what")
    chambers, seconds = job.scheduled(session, now)
    slots.add_metric(["under-way"], chambers)
    length.add_metric(["under-way"], seconds)
    yield from (slots, length)


def _told(session: Session) -> Iterator[Metric]:
    refusals = _gauge("refusals", "Orders refused before their charge, by code.", "code")
    for code, count in read_refusals(session):
        refusals.add_metric([code], count)
    free = _gauge("disk_free_bytes", "Free bytes in steps of 64 MiB; of staging, as it was between jobs.", "disk")
    parts = read_observations(session)
    for name in DISKS:
        if name in parts and parts[name].amount is not None:
            free.add_metric([name], parts[name].amount or 0)
    yield from (refusals, free)


def _ledger(session: Session, policy: Policy) -> Iterator[Metric]:
    spent = _gauge("rho_spent_nano", "Nano-rho spent of a dataset's budget.", "dataset")
    left = _gauge("rho_left_nano", "Nano-rho left of it.", "dataset")
    for dataset in describe_datasets(session, policy):
        spent.add_metric([dataset["dataset"]], dataset["rho_spent_nano"])
        left.add_metric([dataset["dataset"]], dataset["rho_left_nano"])
    yield from (spent, left)


def _gauge(name: str, what: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"safeconduct_{name}", what, labels=[label])
