"""How results look: values with the intervals they were released with, what was spent, and what it assumes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from client.results import Combination, Result
from protocol.documents.release import Interval, Release


def show_results(console: Console, results: Sequence[Result], combined: Sequence[Combination]) -> None:
    """Print every result, then what the nodes say together."""
    for result in results:
        _show(console, result)
    for one in combined:
        _show_combination(console, one)


def _show(console: Console, result: Result) -> None:
    receipt = result.receipt
    console.print(f"{receipt.node} / {receipt.dataset}: {receipt.decision}, receipt verified", markup=False)
    if result.release is None:
        console.print(f"  {receipt.reason} [{receipt.code}]", markup=False)
    else:
        console.print(values(result.release))
        console.print(f"  epsilon {short(result.release.epsilon)} at delta {result.release.delta}", markup=False)
        for assumption in result.release.assumptions:
            console.print(f"  - {assumption}", markup=False)
    left, charged = nano(receipt.rho_left_nano), nano(receipt.rho_charged_nano)
    console.print(f"  spent rho {charged}, left {left}", markup=False)


def values(release: Release) -> Table:
    """Return a release's values and intervals as a table."""
    first = release.outputs[0]
    total = f"total {level(first.total_interval)}" if first.total_interval else "total"
    table = Table("output", "value", f"noise {level(first.noise_interval)}", total, "rho", box=None)
    for output in release.outputs:
        table.add_row(
            output.name,
            short(output.value),
            interval(output.noise_interval),
            interval(output.total_interval),
            nano(output.rho_nano),
        )
    return table


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


def level(found: Interval) -> str:
    """Write an interval's level in per cent."""
    return f"{(100 * found.level).normalize():f} %"


def nano(amount: int) -> str:
    """Write nano-units of rho as rho."""
    return f"{Decimal(amount).scaleb(-9).normalize():f}"
