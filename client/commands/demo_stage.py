"""How the demo speaks: chapters, tables and progress on a terminal; the same as plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH: Final = 118
QUARTERS: Final = 4  # without a terminal a running job says something four times, not a hundred


class Stage:
    """Where the story is told. It also keeps the time and remembers what did not come out as promised."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = stream or sys.stdout
        self.console = Console(file=stream, highlight=False, width=None if stream.isatty() else PLAIN_WIDTH)
        self.started = time.monotonic()
        self.timings: dict[str, float] = {}
        self.until_first_chamber: float | None = None
        self.broken_promises: list[str] = []
        self._chapter = 0

    @property
    def seconds(self) -> float:
        """How long the demo has been going."""
        return time.monotonic() - self.started

    def mark_first_chamber(self) -> None:
        """Note when the first chamber was seen to run."""
        self.until_first_chamber = round(self.seconds, 3)

    @contextmanager
    def chapter(self, phase: str, title: str) -> Iterator[None]:
        """Announce a part of the story and measure it; `phase` is its name in the timings."""
        self._chapter += 1
        self.console.print()
        self.console.print(Rule(Text(f"{self._chapter}  {title}", style="bold"), align="left"))
        start = time.monotonic()
        yield
        self.timings[phase] = round(time.monotonic() - start, 3)

    def tell(self, text: str) -> None:
        """Say something in a paragraph."""
        self.console.print(Padding(Text(" ".join(text.split())), (0, 2)))

    def point(self, text: str) -> None:
        """Say one thing of several."""
        self.console.print(Padding(Text("· " + " ".join(text.split())), (0, 2)))

    def line(self, text: str) -> None:
        """Say something that is to be copied: it is never broken into two lines."""
        self.console.print(Text(f"  {text}"), soft_wrap=True)

    def promise(self, kept: bool, text: str) -> bool:
        """Show whether something that the demo promises is so; a broken one fails the story."""
        mark = Text("✓ " if kept else "✗ ", style="green" if kept else "bold red")
        self.console.print(Padding(mark + Text(" ".join(text.split())), (0, 2)))
        if not kept:
            self.broken_promises.append(text)
        return kept

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows under headings; headings that start with `>` are set to the right."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for column in columns:
            table.add_column(
                column.removeprefix(">"), justify="right" if column.startswith(">") else "left", header_style="dim"
            )
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(Padding(table, (0, 2)))

    @contextmanager
    def waiting(self, names: Sequence[str]) -> Iterator[Waiting]:
        """Show how several jobs come along."""
        bars = Waiting(self.console, names, self)
        try:
            yield bars
        finally:
            bars.stop()

    def show_timings(self) -> None:
        """Say where the time went."""
        rows = [(phase.replace("_", " "), f"{seconds:7.1f} s") for phase, seconds in self.timings.items()]
        self.table(["phase", ">time"], rows)
        if self.until_first_chamber is not None:
            self.tell(f"The first chamber was seen to run after {self.until_first_chamber:.1f} s.")


class Waiting:
    """One line per job: moving bars on a terminal, a new line per change of state elsewhere."""

    def __init__(self, console: Console, names: Sequence[str], stage: Stage) -> None:
        self._console, self._stage = console, stage
        self._last: dict[str, str] = dict.fromkeys(names, "")
        self._bars: Progress | None = None
        if console.is_terminal:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[state]}"),
                TimeElapsedColumn(),
            )
            self._bars = Progress(*columns, console=console)
            self._tasks = {name: self._bars.add_task(name, total=100, state="sent") for name in names}
            self._bars.start()

    def update(self, states: Mapping[str, tuple[str, float]]) -> None:
        """Show each job's state and how far it is, from 0 to 1."""
        for name, (state, share) in states.items():
            if self._bars is not None:
                self._bars.update(self._tasks[name], completed=100 * share, state=state)
            elif self._last[name] != (step := f"{state.partition(',')[0]}{int(QUARTERS * share)}"):
                self._console.print(f"  {self._stage.seconds:6.1f} s  {name}: {state}")
                self._last[name] = step

    def stop(self) -> None:
        """Leave the last state standing."""
        if self._bars is not None:
            self._bars.stop()
