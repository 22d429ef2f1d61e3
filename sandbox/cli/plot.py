"""Draw curves as one SVG file, by hand: no library, no script, no font or address from elsewhere.

Both axes are logarithmic. A curve is told by colour, dash and mark, so that it is read in grey as well; what has no
value is a cross at the foot, with its reason as a tooltip.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 760, 480
LEFT, RIGHT, TOP, FOOT = 70, 210, 50, 60
STYLES = (
    ("#1b6ca8", ""),
    ("#b3431d", "7 4"),
    ("#2c7a3f", "2 3"),
    ("#6b4c9a", "9 3 2 3"),
    ("#7a6a00", "4 4"),
    ("#444", "1 4"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A named curve: points (x, y), and for some x a reason why there is no y."""

    name: str
    points: Sequence[tuple[float, float]]
    missing: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Where the numbers are on the paper."""

    low_x: float
    high_x: float
    low_y: float
    high_y: float

    def x(self, value: float) -> float:
        """The place of a number on the horizontal axis."""
        return _between(value, self.low_x, self.high_x, LEFT, WIDTH - RIGHT)

    def y(self, value: float) -> float:
        """The place of a number on the vertical axis."""
        return _between(value, self.low_y, self.high_y, HEIGHT - FOOT, TOP)


def draw(curves: Sequence[Curve], *, title: str, x_name: str, y_name: str) -> str:
    """Draw the curves; `ValueError` if no curve has a point, for there is nothing to see then."""
    xs = sorted({x for curve in curves for x, _ in (*curve.points, *curve.missing)})
    ys = [y for curve in curves for _, y in curve.points]
    if not ys:
        raise ValueError("no curve has a point")
    frame = _Frame(
        low_x=xs[0] / 1.15, high_x=xs[-1] * 1.15, low_y=_decade(min(ys), floor), high_y=_decade(max(ys), ceil)
    )
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 24, title, 'font-size="15" font-weight="bold"'),
        *_axes(frame, xs, x_name, y_name),
        *(part for at, curve in enumerate(curves) for part in _curve(frame, curve, at)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axes(frame: _Frame, xs: Sequence[float], x_name: str, y_name: str) -> Iterable[str]:
    foot, end = HEIGHT - FOOT, WIDTH - RIGHT
    for y in _ticks(frame.low_y, frame.high_y):
        yield f'<path d="M{LEFT} {frame.y(y):.1f}H{end}" stroke="#ddd" fill="none"/>'
        yield _text(LEFT - 6, frame.y(y) + 4, f"{y:g}", 'text-anchor="end"')
    last = -99.0
    for x in xs:
        yield f'<path d="M{frame.x(x):.1f} {foot}v5" stroke="#333" fill="none"/>'
        if frame.x(x) - last > 26:
            last = frame.x(x)
            yield _text(last, foot + 18, f"{x:g}", 'text-anchor="middle"')
    yield f'<path d="M{LEFT} {TOP}V{foot}H{end}" stroke="#333" fill="none"/>'
    yield _text((LEFT + end) / 2, HEIGHT - 18, x_name, 'text-anchor="middle"')
    middle = (TOP + foot) / 2
    yield _text(18, middle, y_name, f'text-anchor="middle" transform="rotate(-90 18 {middle:.0f})"')


def _curve(frame: _Frame, curve: Curve, at: int) -> Iterable[str]:
    colour, dash = STYLES[at % len(STYLES)]
    line = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
    if curve.points:
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in curve.points)
        yield f'<polyline points="{path}" {line}/>'
    for x, y in curve.points:
        yield f"{_mark(frame.x(x), frame.y(y), at, colour)}<title>{escape(curve.name)}: {x:g}, {y:.3g}</title></path>"
    for x, why in curve.missing:
        place = f"M{frame.x(x) - 4:.1f} {HEIGHT - FOOT - 8 - 10 * at}l8 8m0 -8l-8 8"
        told = escape(f"{curve.name}, {x:g}: {why}")
        yield f'<path d="{place}" stroke="{colour}" fill="none"><title>{told}</title></path>'
    row = TOP + 12 + 20 * at
    yield f'<path d="M{WIDTH - RIGHT + 14} {row}h28" {line}/>'
    yield f"{_mark(WIDTH - RIGHT + 28, row, at, colour)}</path>"
    yield _text(WIDTH - RIGHT + 48, row + 4, curve.name)


def _mark(x: float, y: float, at: int, colour: str) -> str:
    """Open a path in the shape of the curve's mark: a square, a diamond or a triangle."""
    shape = ("m-3 -3h6v6h-6z", "m0 -5l5 5l-5 5l-5 -5z", "m0 -5l5 8h-10z")[at % 3]
    return f'<path d="M{x:.1f} {y:.1f}{shape}" fill="{colour}">'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _ticks(low: float, high: float) -> Iterable[float]:
    """1, 2 and 5 of each decade; the whole ones only when there are many."""
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    found = (round(step * 10.0**decade, -decade + 1) for decade in decades for step in steps)
    return (one for one in found if low * 0.999 <= one <= high * 1.001)


def _decade(value: float, rounding: type[int] | object) -> float:
    """The next 1, 2 or 5 of a decade below or above."""
    decade = 10.0 ** floor(log10(value))
    steps = (1, 2, 5, 10)
    if rounding is floor:
        return max(step for step in steps if step * decade <= value * 1.0001) * decade
    return min(step for step in steps if step * decade >= value * 0.9999) * decade


def _between(value: float, low: float, high: float, start: float, end: float) -> float:
    return start + (end - start) * log10(value / low) / log10(high / low)
