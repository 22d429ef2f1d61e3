"""Specifications of mode ``statistic``, and their faults: refused as soon as they are parsed."""

from collections.abc import Iterator
from typing import Any

from factory import AUTHOR
from statistic_specs import STATISTICS, statistic
from vectors.forge import WORLD, broken, keys_of, setting, vector, without

Case = tuple[str, dict[str, Any]]
_CONDITION = {"column": "sex", "values": ["female"]}


def vectors() -> Iterator[Case]:
    yield _case("every-kind", "Every kind of statistic.", None, WORLD.sign(statistic(), AUTHOR))
    yield from _whole()
    yield from _statistics()


def _case(name: str, says: str, code: str | None, data: bytes) -> Case:
    context = {"check": "document", "kind": "algorithm", "keys": keys_of(AUTHOR), "threshold": 1}
    return f"algorithm/statistic-{name}", vector(says, code, data, **context)


def _changed(path: str, value: Any) -> bytes:
    return broken(statistic(), AUTHOR, setting(path, value))


def _whole() -> Iterator[Case]:
    image, count = WORLD.image.model_dump(), STATISTICS[0]
    faults: dict[str, tuple[str, str, str, Any]] = {
        "image": ("It brings an image.", "spec-statistic-mode", "image", image),
        "entrypoint": ("It brings a program.", "spec-statistic-mode", "entrypoint", ["/app/run"]),
        "slot": ("It reserves a slot.", "spec-statistic-mode", "slot_milliseconds", 1000),
        "none": ("It declares nothing.", "spec-statistic-none", "statistics", []),
        "twice": ("Two have one name.", "spec-duplicate-output", "statistics", [count, count]),
        "inputs-less": ("It reads a column that it hides.", "spec-statistic-inputs", "inputs.columns", ["age", "sex"]),
        "inputs-genotypes": ("It hides genotypes.", "spec-statistic-inputs", "inputs.variants", False),
        "inputs-nothing": (
            "It reads nothing.",
            "spec-statistic-inputs",
            "statistics",
            [{"name": "n", "kind": "count"}],
        ),
        "variants-optional": ("The variants may be missing.", "spec-statistic-variants", "parameters.required", []),
        "variants-unknown": ("The variants are no parameter.", "spec-statistic-variants", "statistics.4.variants", "x"),
    }
    for name, (says, code, path, value) in faults.items():
        yield _case(name, says, code, _changed(path, value))
    repeating = _changed("parameters.properties.variants.uniqueItems", False)
    yield _case("variants-repeating", "Variants may repeat.", "spec-statistic-variants", repeating)
    with_statistics = broken(WORLD.algorithm(), AUTHOR, setting("statistics", [count]))
    yield _case("beside-image", "A program brings statistics.", "spec-statistic-mode", with_statistics)
    for name in ("image", "slot_milliseconds", "model_parameters"):
        says, code = f"A program lacks {name}.", "document-malformed"
        yield _case(f"other-mode-without-{name.replace('_', '-')}", says, code, _lacking(name))


def _lacking(name: str) -> bytes:
    return broken(WORLD.algorithm(), AUTHOR, without(name))


def _statistics() -> Iterator[Case]:
    one = "statistics"
    faults: dict[str, tuple[str, str, str, Any]] = {
        "kind-unknown": ("The maximum.", "document-malformed", f"{one}.0.kind", "maximum"),
        "own-noise": ("It brings its own noise.", "document-malformed", f"{one}.0.noise", "laplace"),
        "formula": ("It brings a formula.", "document-malformed", f"{one}.1.formula", "exp(bmi)"),
        "members-none": ("No member of a unit counts.", "document-malformed", f"{one}.0.members", 0),
        "sum-range-reversed": ("A range is reversed.", "spec-range", f"{one}.1.range", ["60", "10"]),
        "sum-spread-zero": ("A spread is zero.", "spec-spread", f"{one}.1.spread", "0"),
        "sum-unit-above-zero": ("A unit must add.", "spec-statistic-bound", f"{one}.1.unit_range", ["1", "99"]),
        "sum-unit-below-zero": ("A unit must take away.", "spec-statistic-bound", f"{one}.1.unit_range", ["-9", "-1"]),
        "mean-range-empty": ("A range is empty.", "spec-range", f"{one}.2.range", ["1", "1.0"]),
        "mean-bound-zero": ("A unit counts nothing.", "spec-statistic-bound", f"{one}.2.unit_bound", "0"),
        "frequency-bound-negative": ("A bound is negative.", "spec-statistic-bound", f"{one}.4.unit_bound", "-1"),
        "bars-none": ("There are no bars.", "spec-statistic-categories", f"{one}.3.edges", []),
        "bars-both": ("Categories and edges.", "spec-statistic-categories", f"{one}.3.categories", ["a", "b"]),
        "bars-one": ("There is one bar.", "spec-statistic-categories", f"{one}.3.edges", ["0", "1"]),
        "bars-disordered": ("Edges fall.", "spec-statistic-categories", f"{one}.3.edges", ["0", "9", "5"]),
        "condition-empty": ("It asks nothing.", "spec-statistic-condition", f"{one}.0.where", [{"column": "sex"}]),
        "condition-both": (
            "Values and bounds.",
            "spec-statistic-condition",
            f"{one}.0.where",
            [_CONDITION | {"below": "9"}],
        ),
        "condition-repeats": (
            "A value is repeated.",
            "spec-statistic-condition",
            f"{one}.0.where",
            [_CONDITION | {"values": ["female", "female"]}],
        ),
        "condition-reversed": (
            "Bounds are reversed.",
            "spec-statistic-condition",
            f"{one}.0.where",
            [{"column": "age", "at_least": "60", "below": "40"}],
        ),
        "no-cases": ("A table without cases.", "document-malformed", f"{one}.5.cases", []),
        "range-number": ("A bound is a number.", "document-malformed", f"{one}.1.range", [10, 60]),
    }
    for name, (says, code, path, value) in faults.items():
        yield _case(name, says, code, _changed(path, value))
    repeated = {"name": "by_sex", "kind": "histogram", "column": "sex", "categories": ["male", "female", "male"]}
    yield _case("bars-repeated", "A bar is repeated.", "spec-statistic-categories", _changed(f"{one}.3", repeated))
