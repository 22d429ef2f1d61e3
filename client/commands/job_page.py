"""Results as one page to keep: values with intervals, drawn and as tables, what they assume, what was refused and why.

The registry cannot show this: it holds ciphertext. So the researcher's own machine writes the page, after it has
verified the receipts and opened the releases. It is one file without script, and its policy on content allows exactly
its own style sheet; whatever came from outside is text.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from itertools import islice
from typing import Final

from client.commands.job_plot import Mark, draw
from client.commands.job_tables import headings, nano, rows_of, short
from client.results import Combination, Result
from protocol.advice import next_step
from protocol.documents.release import Interval, Release, ReleasedCategory, ReleasedHistogram, ReleasedValue

PLOTS_MOST: Final = 40
"""More pictures than this nobody looks at; the tables are always complete."""

LEGEND: Final = (
    "A square is a node's value, a diamond what the nodes say together. The thick line is how far noise alone may have "
    "moved it; the thin line, where there is one, noise and sampling. Levels stand in the tables."
)
STYLE: Final = """:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0;background:Canvas;color:CanvasText}main{max-width:60rem;margin:0 auto;padding:1.5rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid;vertical-align:top;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(9rem,1fr) 3fr;gap:.2rem 1rem}dt{font-weight:600}
dd{margin:0;overflow-wrap:anywhere}svg{width:100%;height:auto}figure{margin:1rem 0}
.scroll:focus-visible{outline:3px solid Highlight}"""

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Results</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Results</h1>
{body}
</main>
</body>
</html>
"""


def results_page(results: Sequence[Result], combined: Sequence[Combination]) -> str:
    """Return the page about these results; they have been verified before."""
    body = [*_pictures(results, combined), *_together(combined), *(part for one in results for part in _node(one))]
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    return _PAGE.format(digest=digest, style=STYLE, body="\n".join(body))


def _pictures(results: Sequence[Result], combined: Sequence[Combination]) -> Iterator[str]:
    marks = _marks(results, combined)
    if marks:
        yield "<h2>At a glance</h2>"
        yield f"<p>{LEGEND}</p>"
    for name, found in islice(marks.items(), PLOTS_MOST):
        yield f"<figure>{draw(f'{name}: values and intervals, as in the tables below', found)}"
        yield f"<figcaption>{escape(name)}</figcaption></figure>"
    if len(marks) > PLOTS_MOST:
        yield f"<p>The first {PLOTS_MOST} of {len(marks)} are drawn; the tables have all.</p>"


def _marks(results: Iterable[Result], combined: Iterable[Combination]) -> dict[str, list[Mark]]:
    found: dict[str, list[Mark]] = {}
    bars: dict[str, str] = {}
    for result in results:
        for output in result.release.outputs if result.release else ():
            if isinstance(output, ReleasedValue):
                found.setdefault(output.name, []).append(_number(result.receipt.node, output))
            elif isinstance(output, ReleasedHistogram):
                found.setdefault(output.name, []).extend(_bars(result.receipt.node, output))
                bars |= {f"{output.name} [{bar.category}]": bar.category for bar in output.bars}
    for one in combined:
        label = f"{bars[one.name]}, together" if one.name in bars else "together"
        mark = Mark(label=label, value=one.value, noise=None, total=(one.low, one.high), together=True)
        of = one.name.removesuffix(f" [{bars[one.name]}]") if one.name in bars else one.name
        found.setdefault(of, []).append(mark)
    return found


def _number(node: str, output: ReleasedValue) -> Mark:
    noise, total = _ends(output.noise_interval), _ends(output.total_interval)
    return Mark(label=node, value=float(output.value), noise=noise, total=total)


def _bars(node: str, output: ReleasedHistogram) -> Iterator[Mark]:
    for bar in output.bars:
        noise = (float(bar.noise_low), float(bar.noise_high))
        total = (float(bar.total_low), float(bar.total_high))
        yield Mark(label=f"{bar.category}, {node}", value=float(bar.value), noise=noise, total=total)


def _ends(found: Interval | None) -> tuple[float, float] | None:
    return None if found is None else (float(found.low), float(found.high))


def _together(combined: Sequence[Combination]) -> Iterator[str]:
    if not combined:
        return
    yield "<h2>What the nodes say together</h2>"
    heads = ("output", "nodes", "value", "95 % interval", "standard error", "Q", "I²")
    rows = [
        (one.name, str(len(one.weights)), short(one.value), f"{short(one.low)} to {short(one.high)}",
         short(one.standard_error), f"{one.q:.2f}", f"{100 * one.i_squared:.0f} %")
        for one in combined
    ]  # fmt: skip
    yield _table("Inverse-variance means over nodes", heads, rows)
    yield _list(combined[0].assumptions)


def _node(result: Result) -> Iterator[str]:
    receipt, release = result.receipt, result.release
    yield f"<h2>{escape(receipt.node)}, {escape(receipt.dataset)}</h2>"
    facts = {
        "Decision": f"{receipt.decision}, receipt verified",
        "Order": result.order,
        "To verify it again": f"safeconduct job results {result.order}",
        "Spent, in ρ": nano(receipt.rho_charged_nano),
        "Left of your project's budget, in ρ": nano(receipt.rho_left_nano),
        "Ledger head": receipt.ledger_head,
    }
    if release is None:
        facts |= {"Code": receipt.code, "Why": receipt.reason, "What to do next": next_step(receipt.code)}
    else:
        facts |= _guarantee(release)
    yield f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in facts.items())}</dl>"
    if release is not None:
        yield from _released(f"Released by {receipt.node}, order {result.order[:12]}", release)


def _guarantee(release: Release) -> dict[str, str]:
    return {
        "Guarantee": f"ρ {nano(release.rho_nano)}, that is ε {short(release.epsilon)} at δ {release.delta}",
        "People, rounded": str(release.people),
        "Mode": f"{release.mode}, {release.blocks} blocks" if release.blocks else release.mode,
        "Timing and isolation": f"{release.timing}, {release.profile}",
        "Snapshot": release.snapshot,
    }


def _released(caption: str, release: Release) -> Iterator[str]:
    heads = ("output", "value", *headings(release), "ρ")
    yield _table(caption, heads, [row for output in release.outputs for row in rows_of(output)])
    yield _list(f"{one.name}: {one.claim}" for one in release.outputs if isinstance(one, ReleasedCategory))
    yield "<h3>What the intervals cover</h3>"
    yield _list(dict.fromkeys(_covers(release)))
    yield "<h3>What it assumes</h3>"
    yield _list(release.assumptions)


def _covers(release: Release) -> Iterator[str]:
    for output in release.outputs:
        if isinstance(output, ReleasedValue):
            yield output.noise_interval.covers
            if output.total_interval:
                yield output.total_interval.covers
        elif isinstance(output, ReleasedHistogram):
            yield output.noise.covers
            yield output.total.covers


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    table = f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">{table}</div>'


def _list(items: Iterable[str]) -> str:
    found = [f"<li>{escape(item)}</li>" for item in items]
    return f"<ul>{''.join(found)}</ul>" if found else ""
