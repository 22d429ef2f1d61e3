"""A chamber's desk: what lies on it, what is read from it, and what is left of it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from chamber_plans import plan

from sandbox.chambers import desk as desk_module
from sandbox.chambers.desk import Desk, sweep
from sandbox.errors import InfrastructureLost


@pytest.fixture
def work() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


@pytest.fixture
def desk(work: Path) -> Iterator[Desk]:
    desk = Desk(work, plan(output_bytes=8, input_json=b'{"parameters":{}}'), 0)
    desk.lay()
    yield desk
    desk.clear()
    assert list(work.iterdir()) == []


def test_desk_holds_launcher_input_and_an_empty_result(desk: Desk) -> None:
    assert desk.input.read_bytes() == b'{"parameters":{}}'
    assert desk.result.read_bytes() == b""
    assert [path.stat().st_mode & 0o777 for path in (desk.launcher, desk.input, desk.result)] == [0o555, 0o444, 0o666]
    assert desk.result.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("written", "read"), [(b"", None), (b"1", b"1"), (b"12345678", b"12345678"), (b"123456789", None)]
)
def test_result_is_read_up_to_its_limit(desk: Desk, written: bytes, read: bytes | None) -> None:
    desk.result.write_bytes(written)

    assert desk.read() == read


def test_result_that_was_replaced_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    desk.result.write_bytes(b"1")
    desk.result.unlink()
    desk.result.symlink_to(secret)

    assert desk.read() is None  # the file that was opened before has no name any more


def test_result_with_a_second_name_is_not_read(desk: Desk) -> None:
    desk.result.write_bytes(b"1")
    second = desk.result.with_name("second")
    os.link(desk.result, second)

    assert desk.read() is None
    second.unlink()


def test_sparse_result_is_not_read(desk: Desk) -> None:
    os.truncate(desk.result, 1 << 40)

    assert desk.read() is None


def test_next_process_opens_the_result_again(desk: Desk, work: Path) -> None:
    desk.result.write_bytes(b"1")
    again = Desk(work, plan(output_bytes=8), 0)

    assert again.resume()
    assert again.read() == b"1"
    again.leave()


def test_link_in_the_results_place_is_not_resumed(work: Path, desk: Desk) -> None:
    desk.result.unlink()
    desk.result.symlink_to("/etc/passwd")

    assert not Desk(work, plan(), 0).resume()


def test_launcher_lies_elsewhere_if_nothing_runs_on_the_tmpfs(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "_is_noexec", lambda directory: directory == work)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    desk = Desk(work, plan(), 0)
    desk.lay()

    assert desk.launcher.parent == tmp_path
    desk.clear()
    assert list(tmp_path.iterdir()) == []


def test_machine_where_nothing_can_be_run_is_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "_is_noexec", lambda _: True)

    with pytest.raises(InfrastructureLost, match="launcher-noexec"):
        Desk(work, plan(), 0)


def test_sweep_removes_lower_fences_only(work: Path) -> None:
    for fence in (1, 2, 3):
        desk = Desk(work, plan(fence=fence), 0)
        desk.lay()
        desk.leave()

    sweep(work, 3)

    assert [path.name for path in work.iterdir()] == ["3-0"]
