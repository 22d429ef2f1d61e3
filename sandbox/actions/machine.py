"""Keep one machine of a node: say that it lives, and remove from it what no job needs any more (decision 23).

1. First it is looked at what is there: chambers and staged blocks. The database is read after that, so that whatever
   was begun meanwhile is left alone.
2. In the same transaction the machine says that it lives: its engine answered, and it reaches the database.
3. What a job left that is over, or has a higher fence by now (it was taken over, perhaps by another machine), goes.
4. A machine that is cut off from the database kills its chambers before another takes its jobs over, so that no two
   attempts at a job run at once. One that knew of no other machine lets them run on: nobody would take anything over.
"""

import datetime as dt
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog

from sandbox.actions.node import Node
from sandbox.errors import InfrastructureLost
from sandbox.store import job
from sandbox.store.machines import living, say_living

log = structlog.get_logger()

Live = Mapping[str, tuple[int, int | None]]  # a job's run fence, and the fence that names its staged blocks


@dataclass(kw_only=True)
class Keeper:
    """Keeps the machine of one node; `heard_at` is when the database answered last, `alone` what it said then."""

    node: Node
    heard_at: dt.datetime
    alone: bool = True

    def keep(self) -> None:
        """Do one round; raises InfrastructureLost when engine or database did not answer."""
        attempts, staged = self.node.runtime.attempts(), self.node.staged()
        try:
            live = self._report()
        except InfrastructureLost:
            self._surrender()
            raise
        self._remove_chambers(attempts, live)
        self._remove_blocks(staged, live)

    def _report(self) -> Live:
        node, now = self.node, self.node.clock.now()
        with node.store.transaction() as session:
            say_living(session, node.machine, now)
            others = living(session, now - node.times.silence) - {node.machine}
            live = job.live_jobs(session)
        self.heard_at, self.alone = now, not others
        return live

    def _surrender(self) -> None:
        """Step 4."""
        if self.alone or self.node.clock.now() - self.heard_at < self.node.times.surrender:
            return
        if ended := self.node.runtime.reap(()):
            log.warning("cut-off", chambers=ended)

    def _remove_chambers(self, attempts: Collection[tuple[str, int]], live: Live) -> None:
        for order, fence in attempts:
            if order not in live or fence < live[order][0]:
                self.node.runtime.remove_below(order, fence + 1)

    def _remove_blocks(self, staged: Mapping[str, Collection[int]], live: Live) -> None:
        for order, fences in staged.items():
            place = self.node.run_directory(order)
            if order not in live:
                shutil.rmtree(place, ignore_errors=True)
            for fence in fences:
                if order in live and fence < (live[order][1] or 0):
                    shutil.rmtree(place / str(fence), ignore_errors=True)
