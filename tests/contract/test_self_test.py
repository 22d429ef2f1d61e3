"""The chamber self-test: passes on each real engine, and names the wall that does not hold when one is taken away."""

import datetime as dt
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import chamber_help as help_
import docker
import pytest
from docker.types import Mount

from sandbox.actions.self_test import FOLDER, Bench, self_test
from sandbox.chambers import flags, probe
from sandbox.chambers.desk import Desk
from sandbox.chambers.fake import Ending, FakeRuntime
from sandbox.domain.chamber import ChamberPlan, Profile
from sandbox.domain.self_test import QUESTIONS, check_walls
from sandbox.errors import InfrastructureLost

Weaken = Callable[[dict[str, Any], Path], dict[str, Any]]
NAME = f"self-test-{os.getpid()}"


@pytest.fixture
def run() -> Iterator[Path]:
    yield from help_.run_directory()


def bench(run: Path, engine: str, profile: Profile = Profile.STANDARD, **changes: Any) -> Bench:
    start = partial(help_.engine_runtime, engine, NAME, run / FOLDER / "roots")
    values = {"start_runtime": start, "oci_runtime": "runc", "profile": profile} | changes
    return Bench(run=run, **({"seccomp": help_.list_of_calls(profile)} | values))


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.mark.docker
@pytest.mark.parametrize(
    ("engine", "profile"),
    [("container", Profile.STANDARD), ("cell", Profile.STANDARD), ("cell", Profile.STRICT)],
)
def test_every_wall_holds_and_nothing_is_left_behind(run: Path, engine: str, profile: Profile) -> None:
    self_test(bench(run, engine, profile), now())

    assert list(run.iterdir()) == []
    with closing(docker.DockerClient(base_url=help_.engine_url())) as client:
        assert client.containers.list(all=True, filters={"label": f"{flags.LABEL}.node={NAME}"}) == []


def as_root(host: dict[str, Any], block: Path) -> dict[str, Any]:
    return host


def beside_the_block(host: dict[str, Any], block: Path) -> dict[str, Any]:
    block.chmod(0o777)
    mounts = [mount | {"ReadOnly": False} if mount["Source"] == str(block) else mount for mount in host["mounts"]]
    return host | {"mounts": mounts}


def with_the_other_block(host: dict[str, Any], block: Path) -> dict[str, Any]:
    return host | {"mounts": [*host["mounts"], Mount(str(block.parent), str(block.parent), "bind", read_only=True)]}


def in_the_network(host: dict[str, Any], block: Path) -> dict[str, Any]:
    return host | {"network_mode": "host"}


@pytest.mark.docker
@pytest.mark.parametrize(
    ("weaken", "code"),
    [
        (as_root, "chamber-root"),
        (beside_the_block, "chamber-writes"),
        (with_the_other_block, "chamber-sees-others"),
        (in_the_network, "chamber-network"),
    ],
)
def test_wall_that_was_taken_away_is_named(run: Path, monkeypatch: Any, weaken: Weaken, code: str) -> None:
    network = weaken is in_the_network
    if network and subprocess.run(["ip", "route", "get", "192.0.2.1"], capture_output=True, check=False).returncode:
        pytest.skip("this machine has no route to anywhere, so a chamber in its network has none either")
    host_config, container_config = flags.host_config, flags.container_config

    def host(plan: ChamberPlan, desk: Desk, block: Path) -> dict[str, Any]:
        return weaken(host_config(plan, desk, block), block)

    def container(*given: Any) -> dict[str, Any]:
        made = container_config(*given)
        made |= {"user": "0:0"} if weaken is as_root else {}
        return made | ({"network_disabled": False} if network else {})

    monkeypatch.setattr(flags, "host_config", host)
    monkeypatch.setattr(flags, "container_config", container)

    # Of this wall there are two: no network, and no sockets. Both must be gone before the program gets through.
    calls = help_.list_of_calls(Profile.STANDARD)
    changes = {"seccomp": calls.replace('"writev"', '"writev", "socket", "connect"')} if network else {}

    with pytest.raises(InfrastructureLost) as caught:
        self_test(bench(run, "container", **changes), now())

    assert caught.value.code == code
    assert list(run.iterdir()) == []


def test_chamber_that_says_nothing_is_a_failure(run: Path) -> None:
    runtime = FakeRuntime({(probe.PROGRAM,): lambda _input, _block: Ending()})

    with pytest.raises(InfrastructureLost, match="chamber-silent"):
        self_test(bench(run, "fake", start_runtime=lambda: runtime), now())


def answer(secret: bytes, **numbers: int) -> bytes:
    """What the program would write where every call fails but getuid, except for some."""
    said = dict.fromkeys(QUESTIONS, -1) | {"user": 1 << 20} | {key.replace("_", "-"): n for key, n in numbers.items()}
    return secret + bytes(256) + struct.pack(f"<{len(QUESTIONS)}q", *(said[question] for question in QUESTIONS))


SECRETS = [b"a" * 32, b"b" * 32]


def test_answers_of_sealed_chambers_are_accepted() -> None:
    check_walls([answer(secret, socket=3) for secret in SECRETS], SECRETS)


@pytest.mark.parametrize(
    ("outputs", "code"),
    [
        ([answer(SECRETS[0]), answer(SECRETS[0])], "chamber-sees-others"),
        ([answer(SECRETS[0]), answer(SECRETS[1])[:-1]], "chamber-silent"),
        ([answer(SECRETS[0], user=0), None], "chamber-root"),
        ([answer(SECRETS[0], become_root=0), None], "chamber-root"),
        ([answer(SECRETS[0], namespace=0), None], "chamber-root"),
        ([answer(SECRETS[0], write_root=5), None], "chamber-writes"),
        ([answer(SECRETS[0], write_block=5), None], "chamber-writes"),
        ([answer(SECRETS[0], change_block=5), None], "chamber-writes"),
        ([answer(SECRETS[0], socket=3, route=0), None], "chamber-network"),
        ([answer(SECRETS[0], other_block=7), None], "chamber-sees-others"),
    ],
)
def test_each_answer_that_must_not_be_is_named_for_its_wall(outputs: list[bytes | None], code: str) -> None:
    with pytest.raises(InfrastructureLost) as caught:
        check_walls(outputs, SECRETS)
    assert caught.value.code == code
