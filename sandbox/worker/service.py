"""What runs beside the worker as long as the node runs: agent, relay, sweeper, teller of progress, reaper, janitor, and
the checker, which looks at the node itself.

Each is a loop around one action in a thread of its own; a failure is logged by its code and tried again after a pause.
None of them holds state that matters: all of them may die at any instant and start anew.
"""

import datetime as dt
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from kombu.exceptions import OperationalError

from sandbox.actions.catalogue import Budgets, publish_budgets, publish_catalogue
from sandbox.actions.images import forget_images
from sandbox.actions.intake import Intake, note_statuses, take_in
from sandbox.actions.look import is_due, note_round, take_look
from sandbox.actions.machine import Keeper
from sandbox.actions.node import Node
from sandbox.actions.progress import acknowledge, last_event, tell_progress
from sandbox.actions.relay import relay
from sandbox.actions.sweep import reap, sweep
from sandbox.actions.watch_log import watch
from sandbox.domain.checks import on_beat
from sandbox.domain.job import JobState
from sandbox.errors import Held, InfrastructureLost, SafeconductError
from sandbox.hub.registry import Registry
from sandbox.settings import Settings
from sandbox.worker.app import TASK, make_app, queue_name
from sandbox.worker.looks import make_looks
from sandbox.worker.names import LOOPS, Part, show_alive

RELAY_SECONDS = 0.1
PROGRESS_SECONDS = 0.5
PAUSE_AFTER_FAILURE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
IMAGES_SECONDS = 3600.0
CHECKER_SECONDS = 1.0
ROUNDS_PER_LEASE = 4
IDLE_POLL_SECONDS = 1.0  # between two polls that brought nothing new, whatever the registry does

log = structlog.get_logger()


@dataclass(kw_only=True)
class Service:
    """The loops of one node. `wake` rings the relay at once; `stop` ends all of them."""

    node: Node
    settings: Settings
    wake: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def start(self, parts: Collection[Part] = tuple(Part)) -> None:
        """Start every loop of these parts as a daemon thread: what they do may be cut short at any instant."""
        loops = {
            "agent": self._agent,
            "relay": self._relay,
            "sweeper": self._sweeper,
            "teller": self._teller,
            "reaper": self._reaper,
            "janitor": self._janitor,
            "checker": self._checker,
        }
        for name in (name for part in parts for name in LOOPS[part]):
            threading.Thread(target=loops[name], name=name, daemon=True).start()

    def _agent(self) -> None:
        """Publish catalogue and budgets when they changed, wait for orders, look at the log, take the orders in."""
        registry = self.node.connect()
        published: list[frozenset[str]] = [frozenset()]
        told: list[Budgets] = [None]
        patience = [0.0]  # the first poll is answered at once: whether the registry is reached shows with the start

        def poll() -> float:
            published[0] = publish_catalogue(self.node, registry, published[0], self.settings.sites_per_catalogue)
            told[0] = publish_budgets(self.node, registry, told[0])
            handed = registry.wait_for_orders(patience[0])
            patience[0] = self.settings.poll_seconds
            note_statuses(self.node, handed.statuses)
            self._watch(registry)
            outcomes = [self._take(registry, *order) for order in handed.orders]
            return 0.0 if Intake.TAKEN in outcomes or not outcomes else IDLE_POLL_SECONDS

        self._repeat("agent", poll)

    def _watch(self, registry: Registry) -> None:
        """Look at the registry's log; as long as it is not to be believed, orders are taken in and held."""
        try:
            watch(self.node, registry)
        except Held as held:
            log.warning("log-not-believed", code=held.code)

    def _take(self, registry: Registry, called: str, bundle: bytes) -> Intake:
        """Take one order in, and clear it from the registry's queue by a word on it: else it would come again at once.

        If that word is lost it does come again, and is known.
        """
        outcome, order = take_in(self.node, bundle)
        self.wake.set()
        if order is None:
            registry.tell_progress(called, JobState.REFUSED)
        else:
            acknowledge(self.node, registry, order)
        return outcome

    def _relay(self) -> None:
        """Send rings to the broker as soon as there are any."""
        app = make_app(self.settings)

        def ring(job_id: str, machine: str | None) -> None:
            app.send_task(TASK, (job_id,), ignore_result=True, queue=queue_name(self.settings, machine))

        def send() -> float:
            self.wake.clear()
            try:
                sent = relay(self.node, ring)
            except OperationalError as error:
                raise SafeconductError("broker-unreachable", "Redis does not answer.") from error
            if not sent:
                self.wake.wait(RELAY_SECONDS)
            return 0.0

        self._repeat("relay", send)

    def _sweeper(self) -> None:
        """Ring for what fell silent."""

        def look() -> float:
            if sweep(self.node):
                self.wake.set()
            return self.settings.sweep_seconds

        self._repeat("sweeper", look)

    def _teller(self) -> None:
        """Tell the registry how far orders are."""
        registry = self.node.connect()
        told = [last_event(self.node)]

        def tell() -> float:
            told[0] = tell_progress(self.node, registry, told[0])
            return PROGRESS_SECONDS

        self._repeat("teller", tell)

    def _reaper(self) -> None:
        """As soon as the engine answers, and from then on: remove what jobs that are over left on this machine."""
        keeper = Keeper(node=self.node, heard_at=self.node.clock.now())
        pause = self.node.times.lease / ROUNDS_PER_LEASE / dt.timedelta(seconds=1)
        begun = False

        def keep() -> float:
            nonlocal begun
            keeper.keep()
            if not begun:
                reap(self.node)
                begun = True
            return pause

        self._repeat("reaper", keep, longest=pause)

    def _janitor(self) -> None:
        """Forget images that nothing refers to."""

        def forget() -> float:
            forget_images(self.node)
            return IMAGES_SECONDS

        self._repeat("janitor", forget)

    def _checker(self) -> None:
        """Look at broker, engine, chambers, disks and papers, each as often as it is due."""
        node = self.node
        looks = make_looks(self.settings, node.trust, node.store, node.clock)
        due = dict.fromkeys((look.name for look in looks), node.clock.now())

        def look_around() -> float:
            for look in looks:
                now = node.clock.now()
                if due[look.name] <= now:
                    take_look(node.store, node.clock.now, look)
                    due[look.name] = now + look.every
            return CHECKER_SECONDS

        self._repeat("checker", look_around)

    def _repeat(self, name: str, action: Callable[[], float], longest: float = LONGEST_PAUSE_SECONDS) -> None:
        """Do an action until the end; it returns how long to wait before the next time."""
        failures, noted = 0, Noted(self.node, name)
        while not self.stop.is_set():
            try:
                pause = action()
                failures = 0
                noted.round(None)
            except Exception as error:  # a loop must not end because one round of it failed
                code = error.code if isinstance(error, SafeconductError) else type(error).__name__
                if not failures:
                    log.warning("loop-failed", loop=name, code=code)
                failures += 1
                noted.round(code[:100])
                pause = min(PAUSE_AFTER_FAILURE_SECONDS * 2 ** min(failures - 1, 8), longest)
            self.stop.wait(pause)


class Noted:
    """Keeps how the newest round of a loop went: by the clock, and at once when it goes otherwise than before."""

    def __init__(self, node: Node, loop: str) -> None:
        self._node, self._loop = node, loop
        self._at: dt.datetime | None = None
        self._code: str | None = None

    def round(self, code: str | None) -> None:
        """Note one round; a database that does not answer shows by itself."""
        now = self._node.clock.now()
        if code == self._code and not is_due(self._at, now):
            return
        with suppress(InfrastructureLost):
            note_round(self._node.store, self._loop, code, now)
            show_alive(self._node.places.run, self._loop)
            self._at, self._code = on_beat(now), code
