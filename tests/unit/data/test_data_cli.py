"""`safeconduct data`: data on stdout, narration on stderr, exit codes of the table."""

import json
from pathlib import Path

import pytest

from client.cli import run


def test_synthesise_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["data", "synthesise", "--country", "IT", "--people", "40", "--seed", "2", "--out", str(tmp_path), "--json"]
    assert run(asked) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert (printed["country"], printed["people"], printed["seed"]) == ("IT", 40, 2)
    assert all(Path(path).is_file() for path in printed["files"])
    assert said.err == ""


def test_synthesise_for_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "synthesise", "--country", "IT", "--people", "4", "--seed", "2", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert str(tmp_path / "cohort.vcf.gz") in said.out.splitlines()
    assert "Writing genotypes" in said.err


def test_synthesise_for_a_country_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "synthesise", "--country", "XX", "--people", "4", "--seed", "2", "--out", str(tmp_path)]) == 2
    assert "[country-unknown]" in capsys.readouterr().err


def test_genomes_of_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["data", "genomes", "--source", str(tmp_path), "--population", "FIN", "--out", str(tmp_path / "out")]
    assert run(asked) == 2
    assert "[genomes-missing]" in capsys.readouterr().err


def test_usage_is_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "synthesise", "--people", "many"]) == 2
