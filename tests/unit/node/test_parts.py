"""A node in parts: each loop belongs to one part, and a health check notices a part that fell silent."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.settings import load_settings
from sandbox.worker.names import ALIVE, LOOPS, Part
from sandbox.worker.service import Noted, Service

CHECK = Path(__file__).parents[3] / "compose/images/alive.py"


def test_parts_together_start_every_loop_once(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    loops = [name for name in vars(Service) if name in {f"_{loop}" for loop in sum(LOOPS.values(), ())}]
    for name in loops:
        monkeypatch.setattr(Service, name, lambda self, name=name: started.append(name))
    Service(node=kit.node, settings=load_settings(kit.folder / "node", {})).start()
    assert sorted(started) == sorted(loops)
    assert len(loops) == sum(len(names) for names in LOOPS.values())


def test_part_alone_starts_its_own_loops_only(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    for name in ("_relay", "_sweeper"):
        monkeypatch.setattr(Service, name, lambda self, name=name: started.append(name))
    for name in ("_agent", "_teller", "_reaper", "_janitor", "_checker"):
        monkeypatch.setattr(Service, name, lambda self: pytest.fail("a loop of another part was started"))
    Service(node=kit.node, settings=load_settings(kit.folder / "node", {})).start([Part.SWEEPER])
    assert sorted(started) == ["_relay", "_sweeper"]


def check(folder: Path, *names: str) -> int:
    """What the container's health check ends with."""
    return subprocess.run([sys.executable, "-I", str(CHECK), str(folder), *names], check=False).returncode


def test_part_that_said_so_in_the_database_is_alive(kit: Any) -> None:
    folder = kit.node.places.run / ALIVE
    assert check(folder, "relay") == 1
    Noted(kit.node, "relay").round(None)
    assert check(folder, "relay") == 0
    assert check(folder, "relay", "sweeper") == 1


def test_part_whose_rounds_fail_is_alive_all_the_same(kit: Any) -> None:
    """The registry's being away is no reason to restart the agent."""
    Noted(kit.node, "agent").round("registry-unreachable")
    assert check(kit.node.places.run / ALIVE, "agent") == 0


def test_part_that_fell_silent_is_not_alive(kit: Any) -> None:
    folder = kit.node.places.run / ALIVE
    Noted(kit.node, "relay").round(None)
    long_ago = time.time() - 121
    os.utime(folder / "relay", (long_ago, long_ago))
    assert check(folder, "relay") == 1
