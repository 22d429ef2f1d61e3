"""`safeconduct algorithm accuracy`: what an answer would be worth, before anything is spent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sandbox.cli.algorithm import (
    DEFAULT_LIMITS,
    FamilySize,
    Limits,
    Param,
    Params,
    Spec,
    facts_of,
    nano,
    parameters_of,
)
from sandbox.cli.common import JsonFlag, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sandbox.actions.accuracy import Question, Row
    from sandbox.cli.plot import Curve
    from sandbox.gate.accuracy import ExpectedError

NOTED_MISSES = 1e-5

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("accuracy")
def accuracy(
    spec: Spec,
    people: Annotated[int, typer.Option(min=1, help="The dataset's public, rounded number of people.")],
    rho: Annotated[list[str], typer.Option(help="Total rho of the order; repeat to compare several.")],
    blocks: Annotated[list[int] | None, typer.Option(min=1, help="Number of blocks; repeat. Else usual ones.")] = None,
    param: Param = None,
    params: Params = None,
    policy: Limits = DEFAULT_LIMITS,
    family_size: FamilySize = 8,
    slots: Annotated[int | None, typer.Option(min=1, help="Public number of units (unit mode); else people.")] = None,
    spread_people: Annotated[
        int | None,
        typer.Option(min=1, help="The spec's spread holds for blocks of so many people; else of people/128."),
    ] = None,
    interval: Annotated[str, typer.Option(help="Rho that buys the total interval of each median, on top.")] = "0",
    plot: Annotated[Path | None, typer.Option(help="Write the curves to this SVG file.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the expected error of each output for several numbers of blocks, mechanisms and rho. Nothing is spent.

    noise: the released value against the blocks' own. added: against the same estimator on everybody. total: against
    the truth, sampling included. worth: a plain answer from so many people would be as good. +-: half the width of a
    bought interval. lead: by how many blocks a category must be ahead for a vote to name it in 999 of 1000 releases.
    """
    from sandbox.actions.accuracy import USUAL_BLOCKS, Question, tabulate
    from sandbox.actions.proposal import read_limits, read_proposal

    algorithm, limits = read_proposal(spec).algorithm, read_limits(policy)
    facts = facts_of(people, algorithm.unit, family_size, slots)
    question = Question(
        algorithm=algorithm,
        policy=limits,
        facts=facts,
        parameters=parameters_of(param, params),
        blocks=sorted(set(blocks or _usual(people, limits.block_people_minimum, algorithm.model_parameters))),
        rhos_nano=[nano(one) for one in rho],
        spread_people=spread_people or max(people // USUAL_BLOCKS, 1),
        interval_nano=nano(interval) if interval != "0" else 0,
    )
    rows = tabulate(question)
    if plot:
        _write_plot(plot, question, rows)
    if as_json:
        print(json.dumps({"people": people, "spread_people": question.spread_people, "rows": _json(rows)}, indent=2))
    else:
        _show(question, rows)


def _usual(people: int, least: int, model_parameters: int) -> list[int]:
    """The usual numbers of blocks, and the largest that the size of blocks allows."""
    from sandbox.actions.accuracy import BLOCKS
    from sandbox.domain.plan_checks import PEOPLE_PER_PARAMETER

    return [*BLOCKS, max(1, people // max(least, PEOPLE_PER_PARAMETER * model_parameters))]


def _json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [row.to_json() for row in rows]


def _show(question: Question, rows: Sequence[Row]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    algorithm, people = question.algorithm, question.facts.people
    spread = f"; the spec's spread is for blocks of {question.spread_people}" if algorithm.mode == "block" else ""
    told = f"{algorithm.name} {algorithm.version}, mode {algorithm.mode}, {people} people{spread}."
    console.print(told, markup=False, soft_wrap=True)
    for name, found in _grouped(rows).items():
        console.print(f"\n{name}", markup=False, style="bold", soft_wrap=True)
        console.print(_table(question, found))
    _advise(console, question, rows)


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        output = row.output if row.like == 1 else f"{row.like} outputs such as {row.output}"
        share = f", ρ {_rho(row)}" if row.blocks else ""  # a statistic has nothing else to choose
        found.setdefault(f"{output} by {row.aggregator}{share}", []).append(row)
    return found


def _table(question: Question, rows: Sequence[Row]) -> Table:
    from rich.table import Table

    table, blocks = Table(box=None, pad_edge=False), question.algorithm.mode != "statistic"
    extra = {name: found for name, found in _extras(rows).items() if any(found)}
    for name in (*(("blocks", "people each", "k·ε") if blocks else ("ρ",)), "noise", "added", "total", "worth", *extra):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("a node says", overflow="fold")
    for place, row in enumerate(rows):
        more = [_number(found[place]) for found in extra.values()]
        where = (str(row.blocks), str(row.block_people), f"{row.resolution:.0f}") if blocks else (_rho(row),)
        table.add_row(*where, *_errors(question, row), *more, _word(row), style="dim" if row.refused else None)
    return table


def _extras(rows: Sequence[Row]) -> dict[str, list[float | None]]:
    return {"±": [row.interval for row in rows], "lead": [row.lead for row in rows]}


def _errors(question: Question, row: Row) -> tuple[str, ...]:
    found = row.expected
    worth = f"{found.worth * question.facts.people:.0f}" if found and found.worth else ""
    return (*(_number(error) for error in _three(found)), worth)


def _three(found: ExpectedError | None) -> tuple[float | None, float | None, float | None]:
    return (found.noise, found.added, found.total) if found else (None, None, None)


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.3g}"


def _word(row: Row) -> str:
    if row.refused:
        return row.refused.code
    return _misses(row.expected.missed) if row.expected else ""


def _rho(row: Row) -> str:
    from protocol.documents.amount import write_nano

    return write_nano(row.rho_nano)


def _misses(share: float) -> str:
    """Say how often a median misses altogether, where that is worth knowing."""
    return f"1 in {1 / share:.0f} misses" if share > NOTED_MISSES else ""


def _advise(console: Console, question: Question, rows: Sequence[Row]) -> None:
    """Name the choice with the least error among those that the spec, as it is, allows; or the commonest refusal."""
    own = {one.aggregator for one in question.algorithm.outputs} | {one.kind for one in question.algorithm.statistics}
    allowed = [row for row in rows if _height(row) and not row.refused and row.aggregator in own]
    if allowed:
        best = min(allowed, key=lambda row: _height(row) or 0)
        where = f"{best.blocks} blocks, " if question.algorithm.mode == "block" else ""
        console.print(f"Least error as the spec is: {where}rho {_rho(best)}.", markup=False)
        return
    refusals = [row.refused for row in rows if row.refused]
    say(f"Nothing of this would run. {refusals[-1].sentence} [{refusals[-1].code}]" if refusals else "No output.")


def _write_plot(path: Path, question: Question, rows: Sequence[Row]) -> None:
    from sandbox.cli.plot import draw
    from sandbox.errors import BadInput

    try:
        drawn = draw(
            _curves(rows),
            title=f"{question.algorithm.name}: expected error, {question.facts.people} people",
            x_name="rho (logarithmic)" if question.algorithm.mode == "statistic" else "blocks k (logarithmic)",
            y_name="total error, else noise, else a vote's safe lead (logarithmic)",
        )
    except ValueError as error:
        raise BadInput("plot-empty", "A node would refuse every choice, so there is no curve to draw.") from error
    path.write_text(drawn, encoding="utf-8")
    say(f"The curves are in {path}.")


def _curves(rows: Sequence[Row]) -> list[Curve]:
    from sandbox.cli.plot import Curve

    return [
        Curve(
            name=name,
            points=[(_place(row), height) for row in found if (height := _height(row))],
            missing=[(_place(row), row.refused.code) for row in found if row.refused and not _height(row)],
        )
        for name, found in _grouped(rows).items()
    ]


def _place(row: Row) -> float:
    return row.blocks or row.rho_nano / 10**9


def _height(row: Row) -> float | None:
    """What a curve shows of a choice, and what is to be small."""
    return (row.expected.total or row.expected.noise) if row.expected else row.lead
