"""How a rehearsal is shown to a person. Text that came from the program is escaped already, and is never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from protocol.documents.rehearsal import Rehearsal, RehearsedOutput, Watched

FAILURES_SHOWN = 12


def show(made: Rehearsal) -> None:
    """Show the whole report: verdict last, where the eye is."""
    from rich.console import Console

    console = Console(highlight=False)
    _head(console, made)
    if made.outputs:
        _outputs(console, made)
    if made.failures:
        _failures(console, made)
    for seen in made.watched:
        _words(console, seen)
    _verdict(console, made)


def _head(console: Console, made: Rehearsal) -> None:
    _line(console, f"{made.name} {made.version} on a twin of {made.dataset}: {made.twin_people} synthetic people.")
    for note in made.notes:
        _line(console, f"  {note}", "dim")
    if made.chambers:
        ran = made.chambers - made.chambers_empty
        slowest = max((one.milliseconds for one in made.watched), default=0)
        _line(
            console,
            f"{made.chambers_good} of {ran} chambers were read, {made.chambers_empty} had nobody in them; all took "
            f"{made.run_milliseconds / 1000:.1f} s with engine {made.engine}. The slowest that was watched took "
            f"{slowest} of its {made.slot_milliseconds} ms.",
        )
    _line(
        console, f"Price: {made.price_nano} nano-ρ of the {made.rho_asked_nano} asked for, in {made.blocks} chambers."
    )


def _outputs(console: Console, made: Rehearsal) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=None)
    for name in ("output", "by", "released", "without noise", "clamped", "spread", "declared", "noise ±", "total ±"):
        table.add_column(name, justify="left" if name in ("output", "by") else "right", overflow="fold")
    for one in made.outputs:
        table.add_row(*_cells(one))
    console.print()
    console.print(table)


def _cells(one: RehearsedOutput) -> tuple[str, ...]:
    from rich.markup import escape

    numbers = (one.spread, one.spread_declared, one.noise, one.total)
    return (
        escape(one.name),
        one.aggregator,
        escape(one.value),
        escape(one.noiseless),
        f"{one.clamped}/{one.read}",
        *("" if number is None else f"{number:.3g}" for number in numbers),
    )


def _failures(console: Console, made: Rehearsal) -> None:
    console.print()
    _line(console, "Chambers that count with the default", "bold")
    for one in made.failures[:FAILURES_SHOWN]:
        _line(console, f"  chamber {one.chamber}: {one.detail} [{one.code}]")
    if len(made.failures) > FAILURES_SHOWN:
        _line(console, f"  and {len(made.failures) - FAILURES_SHOWN} more; the report and --json have them all.")


def _words(console: Console, seen: Watched) -> None:
    """What one chamber printed, if it printed anything."""
    for stream, words in (("stdout", seen.stdout), ("stderr", seen.stderr)):
        if words.strip():
            console.print()
            _line(console, f"chamber {seen.chamber}, {stream}:", "bold")
            for line in words.rstrip("\n").split("\n"):
                _line(console, f"  {line}")


def _verdict(console: Console, made: Rehearsal) -> None:
    console.print()
    for finding in made.findings:
        _line(
            console,
            f"{finding.level}: {finding.sentence} [{finding.code}]",
            "red" if finding.level == "fault" else "yellow",
        )
    _line(console, "Fit to submit." if made.fit else "Not fit to submit.", "bold")


def _line(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, markup=False, style=style, soft_wrap=True)
