"""Statistics from the command line: signed without an image, ordered with a share each, read as odds ratios."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from factory import World
from rich.console import Console
from typer.testing import CliRunner

from client.algorithm_folder import read_spec
from client.commands.algorithm import app
from client.commands.job_tables import values
from client.documents import Wish, unsigned_order
from protocol.crypto.hpke import RecipientKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.release import Release
from protocol.documents.strict import build

FOLDER = Path(__file__).parents[3] / "algorithms" / "case_control"
WORLD = World()


@pytest.fixture
def declared() -> Algorithm:
    """The reference algorithm as its author signs it."""
    return build(Algorithm, {**read_spec(FOLDER), "author": "ada", "image": None, "source_commit": "0" * 40})


def test_reference_algorithm_is_a_declaration(declared: Algorithm) -> None:
    (table,) = declared.statistics

    assert not declared.runs_image
    assert "cases (dx_e11 1) and controls (dx_e11 0)" in table.in_words()
    assert "age of at least 18" in table.in_words()


def test_there_is_no_image_to_build() -> None:
    done = CliRunner().invoke(app, ["build", str(FOLDER), "--base", "some-image"])

    assert getattr(done.exception, "code", None) == "no-image"


def test_order_splits_rho_over_statistics_not_over_variants(declared: Algorithm) -> None:
    wish = Wish(
        algorithm=declared,
        algorithm_digest="a" * 64,
        approvals=("b" * 64,),
        project="p",
        purpose="DUO:0000006",
        node="node-fi",
        dataset="fi",
        parameters={"variants": ["rs1", "rs2", "rs3"]},
        blocks=0,
        rho=31_250_000,
    )

    made = unsigned_order(wish, researcher="ada", recipient=RecipientKey.generate().public_bytes, now=WORLD.now)

    assert [(share.output, share.nano) for share in made.rho] == [("type_2_diabetes", 31_250_000)]


@pytest.mark.parametrize("name", ["log_odds_ratio", "type_2_diabetes/rs7903146/log_odds_ratio"])
def test_log_odds_ratio_is_also_shown_as_an_odds_ratio(name: str) -> None:
    shown = printed(released(name=name, value="0.6931", low="0", high="1.0986"))

    assert f"{name.removesuffix('log_odds_ratio')}odds ratio" in shown
    assert "2.000" in shown
    assert "1.000 to 3.000" in shown


def test_other_values_have_no_odds_ratio() -> None:
    assert "odds ratio" not in printed(released(name="frequency", value="0.5", low="0.4", high="0.6"))


def test_absurd_odds_ratio_is_no_error() -> None:
    assert "odds ratio" in printed(released(name="log_odds_ratio", value="5000", low="0", high="9999"))


def released(*, name: str, value: str, low: str, high: str) -> Release:
    order = WORLD.order()
    plain = WORLD.release(order, "0" * 64)
    interval = {"low": low, "high": high, "level": "0.999", "covers": "The table."}
    output: dict[str, Any] = {**plain.outputs[0].model_dump(mode="json"), "name": name, "value": value}
    return WORLD.release(order, "0" * 64, outputs=[{**output, "noise_interval": interval}])


def printed(release: Release) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(values(release))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()
