"""What set-up asks for and refuses before it changes anything: one sentence with the remedy, and nothing made."""

from pathlib import Path

import base_image
import broker
import engine
import pytest
import virtualenv
from errors import CannotSetUp
from machine import Machine, cause


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without root, on which nothing answers and nothing is installed."""
    monkeypatch.setattr(Machine, "root", None)
    for module in (broker, engine, base_image):
        monkeypatch.setattr(module.shutil, "which", lambda name, path=None: None)
    monkeypatch.setattr(virtualenv, "find_spec", lambda name: None)
    monkeypatch.setattr(engine, "find", lambda machine: None)
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "pyproject.toml").write_text("[tool.hatch]\n")
    return Machine(tmp_path, {})


@pytest.mark.parametrize(
    ("step", "remedy"),
    [
        (virtualenv, "install the package python3-venv"),
        (broker, "set SAFECONDUCT_REDIS_URL"),
        (engine, "set DOCKER_HOST"),
        (base_image, "install the package mmdebstrap"),
    ],
)
def test_step_that_cannot_be_done_says_how_it_can(machine, step, remedy):
    with pytest.raises(CannotSetUp, match=remedy) as refusal:
        step.needs(machine)

    assert str(refusal.value).count(".") - str(refusal.value).count("`.") <= 1
    assert sorted(path.name for path in machine.checkout.iterdir()) == ["pyproject.toml", "requirements.lock"]


@pytest.mark.parametrize(
    ("step", "package"), [(virtualenv, "python3-venv"), (broker, "redis-server"), (engine, "docker.io")]
)
def test_step_names_the_package_that_root_may_install(machine, monkeypatch, step, package):
    monkeypatch.setattr(Machine, "root", ())
    monkeypatch.setattr(Machine, "can_install", True)

    assert package in step.needs(machine)


def test_sockets_of_a_deep_checkout_are_elsewhere(tmp_path):
    deep = Machine(tmp_path / ("x" * 100), {})

    assert len(str(deep.sockets / "engine-run/containerd/containerd.sock.ttrpc")) < 108
    assert deep.sockets != Machine(tmp_path / ("y" * 100), {}).sockets


def test_socket_folder_of_somebody_else_is_refused(tmp_path):
    machine = Machine(tmp_path, {})
    machine.run.mkdir()
    machine.run.chmod(0o777)

    with pytest.raises(CannotSetUp, match="others may write to it"):
        machine.make_folders()


def test_first_error_is_the_cause():
    said = "Get:1 http://…\nE: no such release\nW: hook\nE: it failed to run\n"

    assert cause(said) == "E: no such release"


def test_other_checkouts_clients_are_not_taken_for_the_machines(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path('/elsewhere/.run/bin')}:/usr/bin")

    assert engine._path_without_ours() == "/usr/bin"
