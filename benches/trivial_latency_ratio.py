"""From submitting a trivial order to its sealed release, over a bare hardened container of the same image.

One registry, one node, one chamber, timing `immediate`: everything else is the price of signatures, policy, ledger,
gate, sealing and two programs that talk over loopback. Order and bare container take turns.
"""

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import docker

from benches.harness import CannotMeasureError, Figure, beside, judge, seconds, side_by_side
from sandbox.data.synthesise import synthesise

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factory import AUTHOR, RESEARCHER
from node_lab import Lab

UNIT = "ratio"
REACH = "<= 2"
PEOPLE = 400
ROUNDS = 10
WARM_UP = 2
RHO_NANO = 1_000_000
LONGEST_WAIT = 60.0
LOOK_EVERY = 0.01


def measure() -> Figure:
    """The ratio of each pair, beside the bare container's milliseconds."""
    engine, redis = os.environ.get("DOCKER_HOST"), os.environ.get("SAFECONDUCT_REDIS_URL")
    if not engine or not redis:
        raise CannotMeasureError("no Docker engine or no Redis is named: run `make bench`, which finds or starts them")
    with _lab(redis) as lab, closing(docker.DockerClient(base_url=engine)) as client:
        algorithm = lab.algorithm({"share": 0.5})
        _answer(lab, algorithm)  # the node fetches and loads the image with the first order
        image = algorithm["image"]["config_digest"]
        ours, bare = side_by_side(
            lambda: _answer(lab, algorithm),
            lambda: _bare(client, image, algorithm["entrypoint"]),
            rounds=ROUNDS,
            warm_up=WARM_UP,
            clock=_Stopwatch.read,
        )
        client.images.remove(image, force=True)
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    baseline = beside("a bare hardened container of the same image", [1000 * second for second in bare], "ms")
    return judge(ratios, unit=UNIT, reach=2, better="less", beside=baseline)


class _Stopwatch:
    """Time without what is not measured: signing an order beforehand."""

    away = 0.0

    @classmethod
    def read(cls) -> float:
        return time.perf_counter() - cls.away

    @classmethod
    def leave_out(cls, spent: float) -> None:
        cls.away += spent


@contextmanager
def _lab(redis: str) -> Iterator[Lab]:
    """A registry and a node that runs, under caps that allow one-chamber blocks and as many orders as are measured."""
    with tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        synthesise("FI", PEOPLE, 1, folder / "data")
        lab = Lab(folder, redis)
        try:
            lab.start_registry()
            lab.make_node(folder / "data", blocks_minimum=1, block_people_minimum=20)
            lab.start_node()
            yield lab
        finally:
            lab.close()


def _answer(lab: Lab, algorithm: dict[str, Any]) -> None:
    """Submit an order and wait for its sealed release."""
    order = b""

    def sign() -> None:
        nonlocal order
        order = _signed(lab, algorithm)

    _Stopwatch.leave_out(seconds(sign))
    registry = lab.client(RESEARCHER)
    order_id = registry.publish("orders", order)
    until = time.monotonic() + LONGEST_WAIT
    while not (state := registry.order(order_id))["release_ready"]:
        if time.monotonic() > until:
            raise CannotMeasureError(f"no release within {LONGEST_WAIT:g} s; the order is {state['state']}")
        time.sleep(LOOK_EVERY)


def _signed(lab: Lab, algorithm: dict[str, Any]) -> bytes:
    """Approve the algorithm for many runs and sign an order that was not there before."""
    conditions = lab.world.conditions(runs_per_node=1000)
    changes = {
        "blocks": 1,
        "parameters": {},
        "nonce": secrets.token_hex(16),
        "rho": [{"output": "share", "nano": RHO_NANO}],
    }
    approvals = {member: {"conditions": conditions} for member in lab.world.members[:2]}
    bundle = lab.world.bundle(algorithm=algorithm, approvals=approvals, order=changes)
    lab.client(AUTHOR).publish("algorithms", bundle.algorithm)
    for raw in bundle.approvals:
        lab.client().publish("approvals", raw)
    return bundle.order


def _bare(engine: docker.DockerClient, image: str, entrypoint: list[str]) -> None:
    """What a careful person would type: `docker run --rm` with the usual hardening."""
    engine.containers.run(
        image,
        entrypoint=entrypoint,
        network_mode="none",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        read_only=True,
        user="65000:65000",
        pids_limit=64,
        mem_limit="64m",
        memswap_limit="64m",
        log_config=docker.types.LogConfig(type="none"),
        init=True,
        remove=True,
    )
