"""Set-up with real processes: started once, found again, ended without harm to others."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import broker
import daemons
import engine
import leftovers
import pytest
from machine import Machine

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path, {"SAFECONDUCT_REDIS_URL": NOBODY_LISTENS})
    with machine.alone():
        pass
    yield machine
    engine.remove(machine)
    broker.remove(machine)
    leftovers.remove(machine)


def test_redis_is_started_once_and_found_again(machine):
    first = broker.prepare(machine)
    number = (machine.run / "redis.pid").read_text()

    second = broker.prepare(machine)

    assert first == second
    assert broker.answers(first["SAFECONDUCT_REDIS_URL"])
    assert (machine.run / "redis.pid").read_text() == number
    assert daemons.stop(machine, "redis")
    assert not broker.answers(first["SAFECONDUCT_REDIS_URL"])


def test_redis_that_answers_is_used_and_left_alone(machine, tmp_path):
    url = broker.prepare(machine)["SAFECONDUCT_REDIS_URL"]
    (tmp_path / "other").mkdir()
    other = Machine(tmp_path / "other", {"SAFECONDUCT_REDIS_URL": url})
    with other.alone():
        pass

    assert broker.prepare(other) == {"SAFECONDUCT_REDIS_URL": url}
    broker.remove(other)

    assert broker.answers(url)


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="starting a private engine needs root")
def test_private_engine_leaves_nothing_behind(machine, monkeypatch):
    monkeypatch.setattr(engine, "_hosts", lambda machine: [engine._our_host(machine)])

    settings = engine.prepare(machine)
    found = engine.find(machine)
    again = engine.prepare(machine)

    assert found.is_ours
    assert settings == again
    assert (machine.run / "bin/docker").resolve().exists()
    engine.remove(machine)
    assert engine.find(machine) is None
    assert not (machine.run / "engine").exists()
    assert str(machine.run) not in Path("/proc/self/mounts").read_text()


def test_process_that_took_over_a_number_is_not_ended(machine):
    other = subprocess.Popen(["sleep", "60"])
    (machine.run / "redis.pid").write_text(str(other.pid))

    ended = daemons.stop(machine, "redis")
    alive = other.poll() is None
    other.kill()
    other.wait()

    assert not ended
    assert alive


@contextmanager
def program_that_names(path):
    code = "import time; print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # only then does it show its arguments
        yield child
        child.kill()


def test_program_of_an_interrupted_demo_is_ended(machine):
    with program_that_names(machine.run / "demo/nodes/node-fi") as child:
        leftovers.remove(machine)

        assert child.wait(timeout=5) != 0


def test_what_a_killed_container_manager_leaves_running_ends_with_the_engine(machine):
    with (
        program_that_names(machine.sockets / "containerd.sock") as shim,
        program_that_names(machine.sockets / "containerd.sock.of-another") as other,
    ):
        engine.remove(machine)

        assert shim.wait(timeout=5) != 0
        assert other.poll() is None


def test_second_set_up_waits_for_the_first(machine):
    order = []

    def later():
        with machine.alone():
            order.append("second")

    with machine.alone():
        waiting = threading.Thread(target=later)
        waiting.start()
        waiting.join(timeout=0.3)
        order.append("first")
    waiting.join(timeout=10)

    assert order == ["first", "second"]
