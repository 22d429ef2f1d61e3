"""``chaos_jobs``: of 200 jobs under faults at random instants, how many were lost, doubled, or left something behind.

The course of `tests/integration/test_chaos.py`, only longer, and once on each database: workers, agent, relay and
sweeper killed, the broker flushed and gone for half a minute, the registry gone for a minute, workers frozen past their
lease, the clock set back, rings delivered again. One broken statement ends the course: the figure counts broken ones.
"""

import sys
import tempfile
from pathlib import Path

from benches.harness import Figure, beside, judge

UNIT = "faulty courses"
REACH = "<= 0"
CHAOS = True
JOBS, ROUNDS = 200, 4
REDIS_SECONDS, REGISTRY_SECONDS, LONGEST_SECONDS = 30, 60, 1800
HELPERS = str(Path(__file__).parents[1] / "tests")


def measure() -> Figure:
    """The courses that broke, of one on SQLite and one on PostgreSQL."""
    if HELPERS not in sys.path:
        sys.path.append(HELPERS)
    from postgresql import running

    faults = [0, 0]
    done = _course("", faults)
    for cluster in running():
        done += _course(cluster.create(), faults)
    met = beside(f"of {2 * JOBS} jobs, those released while faults happened", [done], "jobs")
    return judge([sum(faults)], unit=UNIT, reach=0, better="less", beside=met)


def _course(database: str, faults: list[int]) -> int:
    """One course; return how many jobs were over before the last fault."""
    from chaos_place import Chaos

    with tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as folder:
        chaos = Chaos(Path(folder), database=database, seed=11)
        try:
            chaos.start()
            chaos.order(JOBS // 2)
            chaos.order(JOBS // 2, seconds=1)
            _torment(chaos)
            met = chaos.count_over()
            chaos.finish(LONGEST_SECONDS)
            chaos.check()
        except AssertionError as fault:
            print(f"chaos_jobs: {database or 'SQLite'}: {fault}", file=sys.stderr)
            faults[bool(database)] = 1
            met = 0
        finally:
            chaos.close()
    return met


def _torment(chaos: object) -> None:
    """Every fault several times, in random order, at random instants."""
    from chaos_place import Chaos

    assert isinstance(chaos, Chaos)
    kinds = [chaos.kill_workers, chaos.kill_node, chaos.flush, chaos.freeze_worker, chaos.ring_twice, chaos.jump]
    once = [lambda: chaos.lose_redis(REDIS_SECONDS), lambda: chaos.lose_registry(REGISTRY_SECONDS)]
    course = [*kinds * ROUNDS, *once]
    chaos.chance.shuffle(course)
    for fault in course:
        chaos.wait_a_moment()
        fault()
