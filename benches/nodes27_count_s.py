"""``nodes27_count_s``: one count at 27 nodes, from the first order's submission to the last sealed release.

One registry and 27 whole nodes (agent, sweeper, workers, database and ledger each), all on this machine: what 27
hospitals would do at once takes turns here on its cores. Beside it, the same count at one of these nodes.
"""

import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benches._trivial import Lab
from benches.harness import CannotMeasureError, Figure, beside, judge, side_by_side
from sandbox.data.synthesise import synthesise
from tests.factory import AUTHOR, OFFICE, RESEARCHER, digest_of
from tests.statistic_specs import statistic

UNIT = "s"
REACH = "<= 10"
NODES, PEOPLE, ROUNDS = 27, 400, 5
RHO_NANO = 1_000_000
MEMORY_BYTES = 14 * 2**30
AT_ONCE = 2
LONGEST_WAIT = 120.0
LOOK_EVERY = 0.05
COUNT = {"name": "women", "kind": "count", "where": [{"column": "sex", "values": ["female"]}]}


def measure() -> Figure:
    """The time of a few counts, each beside the same count at one node."""
    with running() as labs:
        algorithm, approvals = _approve(labs)

        def count(at: Sequence[Lab]) -> None:
            _count(at, algorithm, approvals)

        everywhere, alone = side_by_side(lambda: count(labs), lambda: count(labs[:1]), rounds=ROUNDS, warm_up=1)
    return judge(everywhere, unit=UNIT, reach=10, better="less", beside=beside("the same at one node", alone, UNIT))


@contextmanager
def running() -> Iterator[list[Lab]]:
    """The nodes; the first one's lab has the registry."""
    redis = os.environ.get("SAFECONDUCT_REDIS_URL")
    if not redis:
        raise CannotMeasureError("no Redis is named: run `make bench`, which finds or starts one")
    if _available() < MEMORY_BYTES:
        raise CannotMeasureError(f"{NODES} nodes need {MEMORY_BYTES >> 30} GiB of free memory: close other programs")
    with tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "data").mkdir()
        synthesise("FI", PEOPLE, 1, folder / "data")
        labs = list(_labs(folder, redis, stack))
        labs[0].start_registry()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda lab: _start(lab, folder / "data"), labs))
        yield labs


def _labs(folder: Path, redis: str, stack: ExitStack) -> Iterator[Lab]:
    first: Lab | None = None
    for number in range(NODES):
        (folder / str(number)).mkdir()
        lab = Lab(folder / str(number), redis, at=first)
        lab.world.node = f"node-{number + 1:02}"
        first = first or lab
        stack.callback(lab.close)
        yield lab


def _start(lab: Lab, data: Path) -> None:
    lab.make_node(data)
    lab.start_node()


def _approve(labs: Sequence[Lab]) -> tuple[str, list[str]]:
    """Have one count approved for every node; return the digests of algorithm and approvals."""
    first = labs[0]
    world = first.world
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    spec = statistic(inputs={"variants": False, "columns": ["sex"]}, parameters=parameters, statistics=[COUNT])
    algorithm = first.client(AUTHOR).publish("algorithms", world.sign(spec, AUTHOR))
    roster = digest_of(world.sign(world.roster(), OFFICE))
    terms = world.conditions(nodes=[lab.world.node for lab in labs], runs_per_node=1000)
    votes = [
        world.sign(world.approval(member, algorithm, roster, conditions=terms), member) for member in world.members[:2]
    ]
    return algorithm, [first.client().publish("approvals", vote) for vote in votes]


def _count(labs: Sequence[Lab], algorithm: str, approvals: list[str]) -> None:
    """Order the count at these nodes, and wait for each release."""
    registry = labs[0].client(RESEARCHER)
    start = time.perf_counter()
    waiting = [registry.publish("orders", _order(lab, algorithm, approvals)) for lab in labs]
    while waiting:
        if registry.order(waiting[-1])["release_ready"]:
            waiting.pop()
            continue
        if time.perf_counter() - start > LONGEST_WAIT:
            raise CannotMeasureError(f"{len(waiting)} of {len(labs)} nodes had no release in {LONGEST_WAIT:g} s")
        time.sleep(LOOK_EVERY)


def _order(lab: Lab, algorithm: str, approvals: list[str]) -> bytes:
    changes: dict[str, Any] = {
        "parameters": {},
        "blocks": 0,
        "rho": [{"output": "women", "nano": RHO_NANO}],
        "nonce": secrets.token_hex(16),
    }
    return lab.world.sign(lab.world.order(algorithm, approvals, **changes), RESEARCHER)


def _available() -> int:
    """Free memory, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
