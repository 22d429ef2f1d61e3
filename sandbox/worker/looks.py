"""What a node looks at while it runs, and doctor at once; each look with how often it is taken."""

import datetime as dt
from collections.abc import Callable
from contextlib import closing

from sandbox.actions.clock import GuardedClock
from sandbox.actions.look import Look, see_accreditation, see_certificate, see_disk, see_staging
from sandbox.actions.node import Trust
from sandbox.actions.self_test import self_test
from sandbox.domain.checks import LOOK, PAPERS, SELF_TEST, Seen
from sandbox.settings import Settings
from sandbox.store.base import Store
from sandbox.worker.broker import check_broker
from sandbox.worker.wiring import open_bench, open_limits, open_registry


def make_looks(settings: Settings, trust: Trust, store: Store, clock: GuardedClock) -> tuple[Look, ...]:
    """Every look of one node, the quick ones first."""

    def broker() -> Seen:
        check_broker(settings)
        return Seen(at=clock.now())

    def engine() -> Seen:
        from sandbox.chambers.engine import Engine

        Engine(settings.docker_url).check_able(settings.oci_runtime)
        return Seen(at=clock.now())

    def staging() -> Seen | None:
        settings.run_directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        return see_staging(store, settings.run_directory, clock.now)

    def chamber() -> Seen:
        self_test(open_bench(settings, trust.policy), clock.now())
        return Seen(at=clock.now())

    def accreditation() -> Seen:
        with closing(open_registry(settings, clock)) as registry:
            return see_accreditation(registry, trust.root, settings.node, clock.now)

    def certificate() -> Seen:
        return see_certificate(settings.registry, clock.now)

    def disk() -> Seen:
        return see_disk(settings.directory, clock.now)

    def every(period: dt.timedelta, **acts: Callable[[], Seen | None]) -> tuple[Look, ...]:
        return tuple(Look(name=name.replace("_", "-"), every=period, act=act) for name, act in acts.items())

    return (
        *_limits(settings, clock),
        *every(LOOK, disk_database=disk, disk_staging=staging, broker=broker, engine=engine),
        *every(SELF_TEST, chamber=chamber),
        *every(PAPERS, accreditation=accreditation, certificate=certificate),
    )


def _limits(settings: Settings, clock: GuardedClock) -> tuple[Look, Look]:
    """What jobs may reserve on the worker's machine, for who tells it elsewhere: it changes with a restart only."""

    def memory() -> Seen:
        return Seen(at=clock.now(), amount=open_limits(settings).memory)

    def staging() -> Seen:
        return Seen(at=clock.now(), amount=open_limits(settings).staging)

    return (
        Look(name="limit-memory", every=SELF_TEST, act=memory),
        Look(name="limit-staging", every=SELF_TEST, act=staging),
    )
