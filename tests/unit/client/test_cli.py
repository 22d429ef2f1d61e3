"""The frame of the command: exit codes, JSON, no traceback, nothing imported that is not used."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from client import cli, errors
from protocol.errors import Refused, SafeconductError

DECLARED = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["entry-points"]
HEAVY = ("opendp", "celery", "docker", "sqlalchemy", "fastapi", "pysam", "numpy", "httpx")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SafeconductError("a-code", "It failed."), 1),
        (errors.ClientError("a-code", "It failed."), 1),
        (errors.UsageProblem("a-code", "It failed."), 2),
        (errors.Conflict("a-code", "It failed."), 3),
        (errors.NotAuthorised("a-code", "It failed."), 4),
        (Refused("a-code", "It failed."), 5),
        (errors.JobFailed("a-code", "It failed."), 6),
        (errors.Unreachable("a-code", "It failed."), 7),
        (PermissionError(13, "Permission denied", "/x"), 1),
    ],
)
def test_exit_code_of_each_error_is_that_of_the_table(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(noun: str) -> object:
        raise error

    monkeypatch.setattr(cli, "load", fail)

    found = cli.run(["doctor"])

    assert found == code
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "Traceback" not in told.err


def test_error_with_json_is_one_document_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = cli.run(["key", "show", "nobody", "--home", str(tmp_path), "--json"])

    told = capsys.readouterr()
    assert found == errors.USAGE
    assert told.out == ""
    assert json.loads(told.err) == {
        "code": "key-missing",
        "sentence": f"There is no key {tmp_path}/keys/nobody.public.json. Make one with `safeconduct key new nobody`.",
        "exit_code": errors.USAGE,
    }


def test_unknown_noun_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    found = cli.run(["nonsense"])

    assert found == errors.USAGE
    assert "nonsense" in capsys.readouterr().err


def test_help_lists_the_nouns_of_every_program(capsys: pytest.CaptureFixture[str]) -> None:
    found = cli.run(["--help"])

    listed = capsys.readouterr().out
    assert found == errors.OK
    for noun in (*cli.OWN, *cli.THEIRS):
        assert f"  {noun} " in listed


@pytest.mark.parametrize("line", [["--help"], ["key", "show", "x"], ["verify", "--help"]])
def test_light_commands_do_not_import_heavy_libraries(line: list[str], tmp_path: Path) -> None:
    program = (
        "import sys; from client import cli; cli.run(sys.argv[1:]);"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )

    found = subprocess.run(
        [sys.executable, "-c", program, *line],
        capture_output=True,
        text=True,
        env={"SAFECONDUCT_HOME": str(tmp_path)},
        check=True,
    )

    assert found.stderr.splitlines()[-1] == "[]"


@pytest.fixture
def as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry points of pyproject.toml, which an older installation may not have yet."""
    points = {name: EntryPoint(name, where, cli.GROUP) for name, where in DECLARED[cli.GROUP].items()}
    monkeypatch.setattr(cli, "_theirs", lambda: points)


def test_every_declared_entry_point_loads_and_has_a_summary(as_declared: None) -> None:
    for name, where in DECLARED[cli.GROUP].items():
        noun, _, verb = name.partition(".")
        assert EntryPoint(name, where, cli.GROUP).load()
        assert cli.VERBS[name] if verb else cli.THEIRS[noun]


def test_verb_of_another_program_is_listed_without_importing_it(as_declared: None, tmp_path: Path) -> None:
    program = (
        "import sys, tomllib; from importlib.metadata import EntryPoint; from client import cli;"
        f"points = {{n: EntryPoint(n, w, cli.GROUP) for n, w in {DECLARED[cli.GROUP]!r}.items()}};"
        "cli._theirs = lambda: points; cli.run(['algorithm', '--help']);"
        "print(sorted(name for name in sys.modules if name.startswith('sandbox')), file=sys.stderr)"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stderr.splitlines()[-1] == "[]"
    for name in cli.VERBS:
        assert f"  {name.partition('.')[2]} " in found.stdout


def test_verb_of_another_program_runs_with_its_own_exit_codes(
    as_declared: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["algorithm", "accuracy", str(tmp_path / "none.toml"), "--people", "1000", "--rho", "0.01", "--json"]

    found = cli.run(line)

    assert found == errors.USAGE
    assert json.loads(capsys.readouterr().err)["code"] == "file-missing"


def test_verb_of_another_program_is_no_noun(as_declared: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["algorithm.accuracy"]) == errors.USAGE
    cli.run(["--help"])
    assert "  algorithm.accuracy" not in capsys.readouterr().out


def test_own_nouns_all_load() -> None:
    for noun in cli.OWN:
        assert cli.load(noun).name == noun


def test_missing_library_of_a_noun_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: str) -> object:
        raise ModuleNotFoundError("No module named 'celery'", name="celery")

    monkeypatch.setattr(cli.importlib, "import_module", fail)

    with pytest.raises(errors.ClientError) as refused:
        cli.load("doctor")

    assert refused.value.code == "not-installed"
    assert "celery" in refused.value.sentence


def test_fault_in_our_own_code_is_not_taken_for_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: str) -> object:
        raise ModuleNotFoundError("No module named 'client.gone'", name="client.gone")

    monkeypatch.setattr(cli.importlib, "import_module", fail)

    with pytest.raises(ModuleNotFoundError):
        cli.load("doctor")
