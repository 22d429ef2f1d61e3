"""How results look: values with the intervals they were released with, what was spent, and what it assumes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from client.results import Combination, Result
from protocol.documents.amount import write_nano
from protocol.documents.release import (
    Cover,
    Interval,
    Release,
    ReleasedCategory,
    ReleasedHistogram,
    ReleasedOutput,
    ReleasedValue,
)
from protocol.documents.statistic import LOG_ODDS_RATIO

LARGEST_LOGARITHM: Final = 300.0  # larger ones have no float; no table of people gives one


def show_results(console: Console, results: Sequence[Result], combined: Sequence[Combination]) -> None:
    """Print every result, then what the nodes say together."""
    for result in results:
        _show(console, result)
    for one in combined:
        _show_combination(console, one)


def show_previews(console: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Print for each node the price, what was last told to be left, and what would be refused."""
    for one in found:
        console.print(f"{one['node']} / {one['dataset']}: rho {nano(one['rho_nano'])} in all", markup=False)
        for output, share in one["outputs"].items():
            more = one["intervals"].get(output)
            interval = f", and {nano(more)} for its interval" if more else ""
            console.print(f"  {output}: {nano(share)}{interval}", markup=False)
        told = one["left_as_last_told"]
        left = f"{nano(told['rho_left_nano'])} at {told['told_at']:%Y-%m-%d %H:%M} UTC" if told else "never told to you"
        console.print(f"  left, as the node last told: {left}", markup=False)
        for refusal in one["expected_refusals"]:
            console.print(f"  would be refused: {refusal['sentence']} [{refusal['code']}]", markup=False)
        console.print(f"  not seen from here: {'; '.join(one['not_seen_from_here'])}", markup=False)


def _show(console: Console, result: Result) -> None:
    receipt = result.receipt
    console.print(f"{receipt.node} / {receipt.dataset}: {receipt.decision}, receipt verified", markup=False)
    if result.release is None:
        console.print(f"  {receipt.reason} [{receipt.code}]", markup=False)
    else:
        console.print(values(result.release))
        console.print(f"  epsilon {short(result.release.epsilon)} at delta {result.release.delta}", markup=False)
        for vote in (one for one in result.release.outputs if isinstance(one, ReleasedCategory)):
            console.print(f"  {vote.name}: {vote.claim}", markup=False)
        for assumption in result.release.assumptions:
            console.print(f"  - {assumption}", markup=False)
    left, charged = nano(receipt.rho_left_nano), nano(receipt.rho_charged_nano)
    console.print(f"  spent rho {charged}, left {left}", markup=False)


def values(release: Release) -> Table:
    """Return a release's values and intervals as a table: a row for each number, vote and bar."""
    table = Table("output", "value", *headings(release), "rho", box=None)
    for output in release.outputs:
        for row in rows_of(output):
            table.add_row(*(escape(cell) for cell in row))
    return table


def headings(release: Release) -> tuple[str, str]:
    """Head the columns of intervals with the level of the first interval in each."""
    bars = [output for output in release.outputs if isinstance(output, ReleasedHistogram)]
    noise: list[Interval | Cover] = [*(one.noise_interval for one in release.numbers), *(one.noise for one in bars)]
    total: list[Interval | Cover] = [
        *(one.total_interval for one in release.numbers if one.total_interval),
        *(one.total for one in bars),
    ]
    return f"noise {level(noise[0])}" if noise else "noise", f"total {level(total[0])}" if total else "total"


def rows_of(output: ReleasedOutput) -> list[list[str]]:
    """Return an output's rows: name, value, interval of the noise, total interval, rho."""
    rho = nano(output.rho_nano)
    if isinstance(output, ReleasedCategory):
        return [[output.name, output.category, "-", "-", rho]]
    if isinstance(output, ReleasedValue):
        row = [output.name, short(output.value), interval(output.noise_interval), interval(output.total_interval), rho]
        return [row, *_odds_ratio(output)]
    bars = [
        [
            f"{output.name} [{bar.category}]",
            short(bar.value),
            f"{short(bar.noise_low)} to {short(bar.noise_high)}",
            f"{short(bar.total_low)} to {short(bar.total_high)}",
            "together",
        ]
        for bar in output.bars
    ]
    bars[0][-1] = rho
    return bars


def _odds_ratio(output: ReleasedValue) -> Iterator[list[str]]:
    """A log odds ratio once more as people read it: with the ends of its intervals, as a ratio."""
    if output.name.rpartition("/")[2] == LOG_ODDS_RATIO:
        name = f"{output.name.removesuffix(LOG_ODDS_RATIO)}odds ratio"
        yield [name, _ratio(output.value), _ratios(output.noise_interval), _ratios(output.total_interval), "0"]


def _ratio(value: Decimal) -> str:
    return f"{math.exp(min(float(value), LARGEST_LOGARITHM)):.3f}"


def _ratios(found: Interval | None) -> str:
    return "-" if found is None else f"{_ratio(found.low)} to {_ratio(found.high)}"


def _show_combination(console: Console, one: Combination) -> None:
    console.print(
        f"{one.name} over {len(one.weights)} nodes: {one.value:.4f}, 95 % interval {one.low:.4f} to {one.high:.4f} "
        f"(SE {one.standard_error:.4f}, Q {one.q:.2f}, I2 {100 * one.i_squared:.0f} %)",
        markup=False,
    )
    for assumption in one.assumptions:
        console.print(f"  - {assumption}", markup=False)


def short(value: Decimal | float) -> str:
    """Write a number with four places."""
    return f"{float(value):.4f}"


def interval(found: Interval | None) -> str:
    """Write an interval."""
    return "-" if found is None else f"{short(found.low)} to {short(found.high)}"


def level(found: Interval | Cover) -> str:
    """Write an interval's level in per cent."""
    return f"{(100 * found.level).normalize():f} %"


def nano(amount: int) -> str:
    """Write nano-units of rho as rho."""
    return write_nano(amount)
