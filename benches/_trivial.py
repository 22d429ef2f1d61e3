"""A registry and a node under the bench policy, trivial orders for them, and the bare container beside which they run.

The bench policy (`bench_policy.json`) allows one-chamber blocks and a thousand jobs. It names the holder "bench" and
the node "node-bench", so that no other node opens with it, whoever signs it.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import docker

from benches.harness import CannotMeasureError
from sandbox.data.synthesise import synthesise

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factory import AUTHOR
from node_lab import Lab

POLICY = Path(__file__).with_name("bench_policy.json")
PEOPLE = 400
RHO_NANO = 1_000_000


@contextmanager
def running() -> Iterator[tuple[Lab, docker.DockerClient]]:
    """A node that runs under the bench policy, and the engine that it uses."""
    engine, redis = os.environ.get("DOCKER_HOST"), os.environ.get("SAFECONDUCT_REDIS_URL")
    if not engine or not redis:
        raise CannotMeasureError("no Docker engine or no Redis is named: run `make bench`, which finds or starts them")
    with ExitStack() as stack:
        client = stack.enter_context(closing(docker.DockerClient(engine)))
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="safeconduct-bench-"))
        folder = Path(name)
        (folder / "data").mkdir()
        synthesise("FI", PEOPLE, 1, folder / "data")
        lab = Lab(folder, redis)
        lab.world.node = "node-bench"
        try:
            lab.start_registry()
            lab.make_node(folder / "data", policy_file=POLICY)
            lab.start_node()
            yield lab, client
        finally:
            lab.close()


def signed(lab: Lab, algorithm: dict[str, Any]) -> bytes:
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


def bare(engine: docker.DockerClient, algorithm: dict[str, Any]) -> None:
    """What a careful person would type: `docker run --rm` with the usual hardening."""
    engine.containers.run(
        algorithm["image"]["config_digest"],
        entrypoint=algorithm["entrypoint"],
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
