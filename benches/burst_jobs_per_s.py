"""Trivial orders that come all at once, from the first one's submission to the last sealed release, under bench policy.

Beside it: the same image in bare hardened containers, two at a time, as many as there are cores to run them.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from benches._trivial import bare, running, signed
from benches.harness import CannotMeasureError, Figure, beside, judge, seconds

UNIT = "jobs/s"
REACH = ">= 5"
JOBS = 40
ROUNDS = 3
AT_ONCE = 2
LONGEST_WAIT = 120.0
LOOK_EVERY = 0.2  # it adds a fortieth to a burst's time at most; looking more often takes the machine from the jobs


def measure() -> Figure:
    """The rate of each burst, beside the rate of bare containers."""
    from factory import RESEARCHER

    ours, theirs = [], []
    with running() as (lab, engine):
        algorithm = lab.algorithm({"share": 0.5})
        registry = lab.client(RESEARCHER)

        def burst(count: int) -> float:
            orders = [signed(lab, algorithm) for _ in range(count)]
            start = time.perf_counter()
            waiting = [registry.publish("orders", order) for order in orders]
            while waiting:  # one look at a time: what watches must not take what is watched
                if registry.order(waiting[-1])["release_ready"]:
                    waiting.pop()
                    continue
                if time.perf_counter() - start > LONGEST_WAIT:
                    raise CannotMeasureError(f"{len(waiting)} of {count} orders had no release in {LONGEST_WAIT:g} s")
                time.sleep(LOOK_EVERY)
            return count / (time.perf_counter() - start)

        def containers() -> None:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda _: bare(engine, algorithm), range(JOBS)))

        burst(2)  # the node fetches and loads the image with the first order
        for _ in range(ROUNDS):
            ours.append(burst(JOBS))
            theirs.append(JOBS / seconds(containers))
    baseline = beside(f"bare hardened containers of the same image, {AT_ONCE} at a time", theirs, UNIT)
    return judge(ours, unit=UNIT, reach=5, better="more", beside=baseline)
