"""The supervisor's program: the same bytes everywhere, and no argument that it stumbles over."""

import random
import shutil
import subprocess
from pathlib import Path

import chamber_plans
import pytest

from sandbox.chambers import supervisor
from sandbox.domain.chamber import Timing
from sandbox.errors import InfrastructureLost

WRONG = 64
GOOD = supervisor.arguments(chamber_plans.plan(timing=Timing.IMMEDIATE), 0, 0, 0.0)


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same source with a C library, the address sanitizer and the one for undefined behaviour."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no gcc here, which builds the supervisor with sanitizers")
    program = tmp_path_factory.mktemp("sanitized") / "supervisor"
    options = ["-DHOSTED", "-g", "-O1", "-Wall", "-Wextra", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    built = subprocess.run(
        [compiler, *options, str(supervisor.SOURCE), "-o", str(program)], capture_output=True, text=True, check=False
    )
    if "cannot find -lasan" in built.stderr or "libasan" in built.stderr:
        pytest.skip("gcc's sanitizers are not installed here")
    assert built.returncode == 0, built.stderr
    return program


def call(program: Path, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(program), *arguments], capture_output=True, timeout=60, check=False)


def test_program_is_the_same_wherever_it_is_built(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "supervisor", tmp_path / "b" / "deeper" / "other-name"
    for out in (first, second):
        out.parent.mkdir(parents=True)
        supervisor.build(out)  # refuses any bytes but the expected ones

    assert first.read_bytes() == second.read_bytes()


def test_program_needs_nothing_of_the_machine(tmp_path: Path) -> None:
    supervisor.build(tmp_path / "supervisor")

    content = (tmp_path / "supervisor").read_bytes()
    assert content[:4] == b"\x7fELF"
    assert b"/lib" not in content  # no loader, no library


def test_altered_program_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "supervisor"
    supervisor.build(program)
    program.write_bytes(program.read_bytes()[:-1] + b"?")

    with pytest.raises(InfrastructureLost, match="not the supervisor of this version"):
        supervisor.check(program)


def test_missing_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureLost, match="cannot be read"):
        supervisor.check(tmp_path / "supervisor")


@pytest.mark.parametrize("missing", range(1, len(GOOD) + 2))
def test_too_few_arguments_are_a_wrong_call(sanitized: Path, missing: int) -> None:
    ended = call(sanitized, [*GOOD, "/program"][:-missing])

    assert (ended.returncode, ended.stderr) == (WRONG, b"")


@pytest.mark.parametrize("place", range(11))
@pytest.mark.parametrize("word", ["", "-1", "+1", " 1", "1.5", "0x10", "9" * 20, "1" * 5000, "\xff", "%s%n"])
def test_word_that_is_no_number_is_a_wrong_call(sanitized: Path, place: int, word: str) -> None:
    ended = call(sanitized, [*GOOD[:place], word, *GOOD[place + 1 :], "/program"])

    assert (ended.returncode, ended.stderr) == (WRONG, b"")


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, 0), (0, 65535), (0, 2**31), (1, 2), (2, 0), (3, 1_000_001), (3, 2**62), (7, 0), (8, 10**18)],
    ids=["root", "account", "uid", "lane", "lanes", "chambers", "overflow", "slot", "reading"],
)
def test_number_out_of_its_range_is_a_wrong_call(sanitized: Path, place: int, value: int) -> None:
    ended = call(sanitized, [*GOOD[:place], str(value), *GOOD[place + 1 :], "/program"])

    assert (ended.returncode, ended.stderr) == (WRONG, b"")


def test_arguments_at_random_never_trip_a_sanitizer(sanitized: Path) -> None:
    """Without rights and files of a cell it ends before its first mount: 64 a wrong call, 69 a machine that forbids."""
    chance = random.Random(20261126)
    for _ in range(200):
        numbers = [str(chance.choice((0, 1, 2, 65536, 2**31 - 2, 10**9, chance.getrandbits(62)))) for _ in range(11)]
        words = ["".join(chance.choices("size=09,\x01\x7f", k=chance.randrange(40))) for _ in range(3)]
        ended = call(sanitized, [*numbers, *words, "/program"][: chance.randrange(10, 17)])
        assert ended.returncode in (WRONG, supervisor.FORBIDDEN), ended.stderr
        assert ended.stderr == b""
