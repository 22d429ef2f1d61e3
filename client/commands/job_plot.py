"""Draw released values with their intervals as one SVG: a row for each node, bar or combination, on one scale.

By hand: no library, no script, no style, no font or address from elsewhere. What is drawn stands in a table as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Final

WIDTH: Final = 720
LEFT, RIGHT, TOP, ROW, FOOT = 230, 20, 12, 26, 34
TICKS: Final = 5
LABEL_CHARACTERS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One value with the interval of its noise, and the wider one of noise and sampling where it was released."""

    label: str
    value: float
    noise: tuple[float, float] | None
    total: tuple[float, float] | None
    together: bool = False

    @property
    def reach(self) -> tuple[float, ...]:
        """Every number that has to be on the paper."""
        return (self.value, *(self.noise or ()), *(self.total or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    low: float
    high: float

    def x(self, value: float) -> str:
        """The place of a number, as SVG writes it."""
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * (value - self.low) / (self.high - self.low):.1f}"


def draw(title: str, marks: Sequence[Mark]) -> str:
    """Draw the marks below one another; the title is what a screen reader says."""
    numbers = [number for mark in marks for number in mark.reach]
    step = _step(max(numbers) - min(numbers))
    scale = _Scale(low=floor(min(numbers) / step) * step, high=(floor(max(numbers) / step) + 1) * step)
    foot = TOP + ROW * len(marks)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {foot + FOOT}" role="img" font-size="13">',
        f"<title>{escape(title)}</title>",
        *_axis(scale, step, foot),
        *(part for at, mark in enumerate(marks) for part in _row(scale, mark, TOP + ROW * at + ROW // 2)),
        "</svg>",
    ]
    return "\n".join(parts)


def _row(scale: _Scale, mark: Mark, y: int) -> Iterator[str]:
    told = mark.label if len(mark.label) <= LABEL_CHARACTERS else f"{mark.label[: LABEL_CHARACTERS - 1]}…"
    yield f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end" fill="currentColor">{escape(told)}</text>'
    for found, width in ((mark.total, 1.5), (mark.noise, 5)):
        if found is not None:
            line = f'stroke="currentColor" stroke-width="{width}" stroke-opacity="{0.9 if width < 2 else 0.45}"'
            yield f'<path d="M{scale.x(found[0])} {y}H{scale.x(found[1])}" {line}/>'
    shape = "m-6 0l6 -6l6 6l-6 6z" if mark.together else "m-4 -4h8v8h-8z"
    yield f'<path d="M{scale.x(mark.value)} {y}{shape}" fill="currentColor"/>'


def _axis(scale: _Scale, step: float, foot: int) -> Iterable[str]:
    digits = max(0, -floor(log10(step)))
    yield f'<path d="M{LEFT} {foot}H{WIDTH - RIGHT}" stroke="currentColor"/>'
    for at in range(round((scale.high - scale.low) / step) + 1):
        value = scale.low + at * step
        colour = f'stroke="currentColor" stroke-opacity="{1 if abs(value) < step / 2 else 0.15}"'
        yield f'<path d="M{scale.x(value)} {TOP}V{foot}" {colour}/>'
        place = f'x="{scale.x(value)}" y="{foot + 20}" text-anchor="middle" fill="currentColor"'
        yield f"<text {place}>{value + 0.0:.{digits}f}</text>"


def _step(span: float) -> float:
    """The next 1, 2 or 5 of a decade that gives about `TICKS` steps."""
    rough = (span or 1.0) / TICKS
    decade = 10.0 ** floor(log10(rough))
    return float(next(times for times in (1, 2, 5, 10) if times * decade >= rough * (1 - 1e-9)) * decade)
