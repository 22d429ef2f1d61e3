"""What a researcher sees of a release: every number, vote and bar, and nothing that could be markup."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from factory import World
from rich.console import Console
from vectors.receipt_cases import COUNTED, VOTED

from client.commands.job_tables import show_results
from client.results import Result, estimates

WORLD = World()
ORDER = WORLD.order()
NUMBER = WORLD.release(ORDER, "0" * 64).numbers[0].model_dump()


def result(*outputs: Any, node: str = "node-fi") -> Result:
    receipt = WORLD.receipt(ORDER, "0" * 64, node=node, issued=datetime(2026, 11, 23, tzinfo=UTC))
    return Result(order="0" * 64, receipt=receipt, release=WORLD.release(ORDER, "0" * 64, outputs=list(outputs)))


def shown(*outputs: Any) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    show_results(console, [result(*outputs)], [])
    return console.export_text()


def test_vote_is_shown_with_its_claim() -> None:
    text = shown(VOTED)

    assert "commonest_allele" in text
    assert VOTED["claim"] in text


def test_each_bar_is_shown_with_both_intervals() -> None:
    text = shown(COUNTED)

    assert "alleles [A]" in text
    assert "alleles [none seen]" in text
    assert "2.0000 to 22.0000" in text
    assert "3.0000 to 21.0000" in text
    assert "noise 99.9 %" in text
    assert "total 95 %" in text


def test_numbers_stand_beside_votes_and_bars() -> None:
    text = shown(NUMBER, VOTED, COUNTED)

    assert text.index("0.3100") < text.index("commonest_allele") < text.index("alleles [A]")


@pytest.mark.parametrize("category", ["[red]A[/red]", "[link=x]", "[/]"])
def test_category_is_text_and_never_markup(category: str) -> None:
    assert category in shown({**VOTED, "category": category})


def test_bars_of_several_nodes_can_be_combined() -> None:
    found = estimates([result(COUNTED), result(COUNTED, node="node-es")])

    assert {name: len(each) for name, each in found.items()} == {"alleles [A]": 2, "alleles [none seen]": 2}
