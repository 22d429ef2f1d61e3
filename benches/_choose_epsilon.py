"""The measured tables and the curve of docs/how-to/choose-epsilon.md.

    python -m benches._choose_epsilon measure    run the real gate some 100 000 times (minutes), then render
    python -m benches._choose_epsilon render     write tables and curve again from what was measured

What was measured is kept in ``choose-epsilon.json`` beside the document; a test renders it and compares, computes every
prediction again, and measures two cells anew. OpenDP's noise has no seed, so a new measurement differs a little.

The example is an adjusted log odds ratio: one person's share of its variance is such that 10 000 people give a standard
error of 0.0345 (a third of them ill, an allele frequency near 0.3), and the spec's range is -3 to 3. Block values are
drawn as Normal, except in `small`, where the regressions of algorithms/association are fitted for real.
"""

import json
import sys
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.cli.plot import Curve, draw
from sandbox.domain.plan import GatePlan
from sandbox.gate import release
from sandbox.gate.accuracy import expected_error
from tests.gate_plans import gate_plan, output_plan, raws

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "how-to" / "choose-epsilon.md"
MEASURED, CURVE = DOCUMENT.with_suffix(".json"), DOCUMENT.with_suffix(".svg")
NANO = 10**9

PERSON = 3.45  # the standard deviation of a log odds ratio times the root of the number of people
RANGE = 3.0
LEAST_PEOPLE = 80  # of a block: 20 for each of the four parameters
RHOS = (0.0078125, 0.03125, 0.125)
PEOPLE = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
BLOCKS = (32, 64, 128, 256, 512, 1024)
RUNS = 800

CLIFF_BLOCKS, CLIFF_RUNS = 256, 4000
RESOLUTIONS = (16, 32, 48, 64, 96)
SPANS = (10, 100, 1000)

HALVES = (2.5, 5, 15, 30, 300)  # the range on either side of the truth, in spreads of a block
SMALL = (39, 78, 156, 312)  # people in a block
FITS, EFFECT = 3000, 0.3148


def plan_of(aggregator: str, blocks: int, rho: float, half: float, spread: float) -> GatePlan:
    """A plan of one output; nothing is refused here, so that what a refusal prevents can be measured."""
    output = output_plan(
        aggregator=aggregator,
        low=_decimal(-half),
        high=_decimal(half),
        spread=_decimal(spread),
        rho_nano=round(rho * NANO),
    )
    return gate_plan(output, blocks=blocks)


def errors(plan: GatePlan, runs: int, seed: int) -> tuple[Any, Any, Any]:
    """Released values against the median of the blocks' values, their mean, and their centre: arrays of `runs`."""
    generator = np.random.default_rng(seed)
    spread, half = float(plan.outputs[0].spread or 0), float(plan.outputs[0].high)
    centres = generator.uniform(-min(0.5, half / 8), min(0.5, half / 8), runs)
    values = generator.normal(centres[:, None], spread, (runs, plan.blocks))
    found = np.array([float(release(plan, raws("x", row.tolist()))[0].value) for row in values])
    return found - np.median(values, axis=1), found - values.mean(axis=1), found - centres


def rms(numbers: Any) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(numbers))))


def allowed_blocks(people: int, rho: float) -> list[int]:
    """The numbers of blocks that a node would not refuse for a median with this ρ."""
    return [k for k in (*BLOCKS, people // LEAST_PEOPLE) if k * sqrt(8 * rho) >= 64 and people // k >= LEAST_PEOPLE]


def predict(aggregator: str, people: int, rho: float, blocks: int) -> float:
    """The expected added error of the example, in standard errors of everybody's data."""
    plan = plan_of(aggregator, blocks, rho, RANGE, PERSON / sqrt(people / blocks))
    expected = expected_error(plan, plan.outputs[0])
    return ((expected and expected.added) or 0) / (PERSON / sqrt(people))


def measure_cell(aggregator: str, people: int, rho: float, blocks: int, runs: int = RUNS) -> float:
    """The measured added error, in the same unit, of answers that do not miss by more than a block's spread."""
    spread = PERSON / sqrt(people / blocks)
    against_median, added, _ = errors(plan_of(aggregator, blocks, rho, RANGE, spread), runs, seed=blocks)
    hit = added[np.abs(against_median) <= spread] if aggregator == "median" else added
    return rms(hit) / (PERSON / sqrt(people))


def measure() -> dict[str, Any]:
    """Everything that the document shows."""
    return {
        "people": [
            _cell("median", n, rho, k) for n in PEOPLE for rho in RHOS for k in sorted({*allowed_blocks(n, rho)})
        ],
        "cliff": [_cliff(span, resolution) for span in SPANS for resolution in RESOLUTIONS],
        "range": [_range(half) for half in HALVES],
        "small": [_small(people) for people in SMALL],
    }


def _cell(aggregator: str, people: int, rho: float, blocks: int) -> dict[str, Any]:
    _say(f"{aggregator} {people} people, rho {rho}, {blocks} blocks")
    return {
        "aggregator": aggregator,
        "people": people,
        "rho": rho,
        "blocks": blocks,
        "predicted": _short(predict(aggregator, people, rho, blocks)),
        "measured": _short(measure_cell(aggregator, people, rho, blocks)),
    }


def _cliff(span: int, resolution: int) -> dict[str, Any]:
    """How often a median misses by more than one spread of a block."""
    _say(f"cliff, range {span} spreads, k epsilon {resolution}")
    plan = plan_of("median", CLIFF_BLOCKS, (resolution / CLIFF_BLOCKS) ** 2 / 8, span / 2, 1.0)
    missed = np.abs(errors(plan, CLIFF_RUNS, seed=span)[2]) > 1
    return {"span": span, "resolution": resolution, "missed": _short(float(missed.mean()))}


def _range(half: float) -> dict[str, Any]:
    _say(f"range of {half} spreads on either side")
    found = {name: rms(errors(plan_of(name, 128, RHOS[1], half, 1.0), RUNS, seed=1)[2]) for name in ("median", "mean")}
    return {"half": half} | {name: _short(value) for name, value in found.items()}


def _small(people: int) -> dict[str, Any]:
    """Fit the regression of algorithms/association in blocks of this size; effect and noise are known."""
    _say(f"regressions in blocks of {people}")
    program = _association()
    generator = np.random.default_rng(people)
    fitted = np.array([_fit(program, generator, people) for _ in range(FITS)])
    found = fitted[np.isfinite(fitted)]
    return {
        "people": people,
        "spread": _short(float(found.std())),
        "bias_of_median": _short(float(np.median(found)) - EFFECT),
        "bias_of_mean": _short(float(found.mean()) - EFFECT),
        "failed": FITS - len(found),
    }


def _fit(program: Any, generator: np.random.Generator, people: int) -> float:
    dosage = generator.binomial(2, 0.28, people)
    age = generator.uniform(-3, 4, people)
    male = generator.integers(0, 2, people)
    ill = generator.random(people) < 1 / (1 + np.exp(-(-1.2 + EFFECT * dosage + 0.3 * age + 0.35 * male)))
    design = np.column_stack([np.ones(people), dosage, age, male]).astype(float)
    try:
        return float(program.fit(design, ill.astype(float))[1])
    except ArithmeticError:
        return float("nan")


def _association() -> Any:
    spec = spec_from_file_location("association_main", ROOT / "algorithms" / "association" / "main.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("algorithms/association/main.py cannot be imported")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def best(found: Sequence[dict[str, Any]], people: int, rho: float) -> dict[str, Any] | None:
    """The cell with the least predicted error; none where a node refuses every number of blocks."""
    cells = [one for one in found if (one["people"], one["rho"]) == (people, rho)]
    return min(cells, key=lambda one: float(one["predicted"]), default=None)


def tables(measured: dict[str, Any]) -> dict[str, str]:
    """Every table of the document by the name of its marker."""
    return {name: make(measured) for name, make in _TABLES.items()}


def _table_people(measured: dict[str, Any]) -> str:
    head = ["people (standard error)", *(f"ρ = {rho:g}" for rho in RHOS)]
    rows = []
    for people in PEOPLE:
        cells = [best(measured["people"], people, rho) for rho in RHOS]
        told = [f"{one['measured']:.2f} (k = {one['blocks']})" if one else "refused" for one in cells]
        rows.append([f"{people:,} ({PERSON / sqrt(people):.3f})".replace(",", " "), *told])
    return _table(head, rows)


def _table_blocks(measured: dict[str, Any]) -> str:
    cells = [one for one in measured["people"] if one["people"] == 20_000]
    rows = [
        [f"{one['rho']:g}", str(one["blocks"]), str(20_000 // one["blocks"]), f"{one['predicted']:.2f}",
         f"{one['measured']:.2f}"]
        for one in cells
    ]  # fmt: skip
    return _table(["ρ", "k", "people in a block", "predicted", "measured"], rows)


def _table_cliff(measured: dict[str, Any]) -> str:
    found = {(one["span"], one["resolution"]): one["missed"] for one in measured["cliff"]}
    rows = [[f"{span} spreads", *(f"{found[span, at]:.4f}" for at in RESOLUTIONS)] for span in SPANS]
    return _table(["range", *(f"k·ε = {at}" for at in RESOLUTIONS)], rows)


def _table_range(measured: dict[str, Any]) -> str:
    rows = [[f"± {one['half']:g}", f"{one['median']:.3f}", f"{one['mean']:.3f}"] for one in measured["range"]]
    return _table(["range, in spreads of a block", "median", "mean"], rows)


def _table_small(measured: dict[str, Any]) -> str:
    rows = [
        [str(one["people"]), f"{one['spread']:.3f}", f"{one['bias_of_median']:+.3f}", f"{one['bias_of_mean']:+.3f}"]
        for one in measured["small"]
    ]
    return _table(["people in a block", "spread of its value", "bias of the median", "bias of the mean"], rows)


_TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "people": _table_people,
    "blocks": _table_blocks,
    "cliff": _table_cliff,
    "range": _table_range,
    "small": _table_small,
}


def curve(measured: dict[str, Any]) -> str:
    """The curve for 20 000 people: predicted lines, measured marks."""
    cells = [one for one in measured["people"] if one["people"] == 20_000]
    curves = [
        Curve(name=f"{name}, ρ {rho:g}", points=[(c["blocks"], c[name]) for c in cells if c["rho"] == rho],
              missing=[(k, "refused") for k in BLOCKS if k not in allowed_blocks(20_000, rho)])
        for rho in RHOS
        for name in ("predicted", "measured")
    ]  # fmt: skip
    return draw(
        [one for one in curves if one.points],
        title="Log odds ratio, 20 000 people: error that privacy adds",
        x_name="blocks k (logarithmic)",
        y_name="added error, in standard errors of all data",
    )


def fill(text: str, measured: dict[str, Any]) -> str:
    """The document with every table put between its markers anew."""
    for name, table in tables(measured).items():
        start, end = f"<!-- measured: {name} -->\n", f"<!-- end: {name} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}{table}{end}{after}"
    return text


def render() -> None:
    """Write the document's tables and curve from what was measured."""
    measured = json.loads(MEASURED.read_text())
    DOCUMENT.write_text(fill(DOCUMENT.read_text(), measured))
    CURVE.write_text(curve(measured))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _decimal(number: float) -> Any:
    from decimal import Decimal

    return Decimal(f"{number:.6f}")


def _short(number: float) -> float:
    return float(f"{number:.4g}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        MEASURED.write_text(json.dumps(measure(), indent=1) + "\n")
    render()
