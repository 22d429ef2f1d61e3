"""Faults of an algorithm's specification: refused as soon as it is parsed."""

from collections.abc import Iterator
from typing import Any

from factory import AUTHOR
from vectors.forge import WORLD, broken, keys_of, setting, signed, statement_of, to_bytes, vector, without

Case = tuple[str, dict[str, Any]]
_VARIANTS = {
    "type": "object",
    "properties": {
        "variants": {
            "type": "array",
            "items": {"type": "string", "maxLength": 60, "pattern": "^rs[0-9]+$"},
            "minItems": 1,
            "maxItems": 64,
            "uniqueItems": True,
        }
    },
    "required": ["variants"],
    "additionalProperties": False,
}
_FREQUENCY = {
    "name": "allele_frequency",
    "each": "variants",
    "kind": "number",
    "range": ["0", "2"],
    "range_per": "person",
    "default": "0",
    "spread": None,
    "aggregator": "sum",
    "divide_by": "alleles",
}
VOTE: dict[str, Any] = {
    "name": "commonest_allele",
    "kind": "category",
    "categories": ["A", "C", "G", "T", "none seen"],
    "default_category": "none seen",
    "aggregator": "vote",
}
UNIT_MODE: dict[str, Any] = {"mode": "unit", "outputs": [_FREQUENCY], "parameters": _VARIANTS}

_HISTOGRAM: dict[str, Any] = {"mode": "unit", "outputs": [VOTE | {"aggregator": "histogram", "divide_by": "people"}]}


def vectors() -> Iterator[Case]:
    yield from _accepted()
    yield from _outputs()
    yield from _categories()
    yield from _schemas()
    yield from _fields()


def _case(name: str, says: str, code: str | None, data: bytes) -> Case:
    context = {"check": "document", "kind": "algorithm", "keys": keys_of(AUTHOR), "threshold": 1}
    return f"algorithm/{name}", vector(says, code, data, **context)


def _changed(path: str, value: Any) -> bytes:
    return broken(WORLD.algorithm(), AUTHOR, setting(path, value))


def _accepted() -> Iterator[Case]:
    frequency = WORLD.sign(WORLD.algorithm(**UNIT_MODE), AUTHOR)
    yield _case("output-per-variant", "One output per item of a parameter.", None, frequency)
    every_keyword = {
        "type": "object",
        "title": "Everything",
        "description": "Each keyword once.",
        "properties": {
            "text": {"type": "string", "maxLength": 9, "pattern": "^[a-z]*$", "enum": ["a", "b"]},
            "number": {"type": "integer", "minimum": -1, "maximum": 1},
            "flag": {"type": "boolean"},
            "list": {"type": "array", "items": {"type": "integer"}, "minItems": 0, "maxItems": 2, "uniqueItems": True},
            "inner": {"type": "object", "additionalProperties": False},
        },
        "required": [],
        "additionalProperties": False,
    }
    yield _case("every-keyword", "Every keyword that may be used.", None, _changed("parameters", every_keyword))
    reviewed = broken(WORLD.algorithm(), AUTHOR, setting("mode", "reviewed"))
    yield _case("mode-reviewed", "The gate refuses this mode, not the reader.", None, reviewed)


def _outputs() -> Iterator[Case]:
    output = statement_of(WORLD.algorithm())["predicate"]["outputs"][0]
    faults: dict[str, tuple[str, str, str, Any]] = {
        "range-null": ("A range is null.", "spec-range", "outputs.0.range", None),
        "range-one-bound": ("A range has one bound.", "spec-range", "outputs.0.range", ["0"]),
        "range-nan": ("A bound is NaN.", "spec-range", "outputs.0.range", ["0", "NaN"]),
        "range-infinite": ("A bound is infinite.", "spec-range", "outputs.0.range", ["-Infinity", "1"]),
        "range-number": ("A bound is a number.", "spec-range", "outputs.0.range", [0, 1]),
        "range-exponent": ("A bound has an exponent.", "spec-range", "outputs.0.range", ["0", "1e3"]),
        "range-empty": ("The bounds are the same.", "spec-range", "outputs.0.range", ["1", "1.0"]),
        "range-reversed": ("The bounds are reversed.", "spec-range", "outputs.0.range", ["2", "-2"]),
        "default-outside": ("The default is outside.", "spec-default", "outputs.0.default", "2.5"),
        "default-nan": ("The default is NaN.", "spec-default", "outputs.0.default", "NaN"),
        "default-null": ("There is no default.", "spec-default", "outputs.0.default", None),
        "spread-zero": ("The spread is zero.", "spec-spread", "outputs.0.spread", "0"),
        "spread-negative": ("The spread is negative.", "spec-spread", "outputs.0.spread", "-1"),
        "duplicate-output": ("Two outputs share a name.", "spec-duplicate-output", "outputs", [output, output]),
        "sum-in-block-mode": ("A sum over blocks.", "spec-aggregator", "outputs.0.aggregator", "sum"),
        "aggregator-unknown": ("The maximum.", "document-malformed", "outputs.0.aggregator", "maximum"),
        "output-name-path": ("An output is a path.", "document-malformed", "outputs.0.name", "../x"),
        "outputs-none": ("It has no output.", "document-malformed", "outputs", []),
        "output-text": ("An output is a text.", "document-malformed", "outputs", ["log_odds_ratio"]),
        "output-own-noise": ("An output brings its own noise.", "document-malformed", "outputs.0.noise", "laplace"),
        "each-unknown": ("Outputs follow no parameter.", "spec-each", "outputs.0.each", "variants"),
        "each-text": ("Outputs follow a text.", "spec-each", "outputs.0.each", "variant"),
    }
    for name, (says, code, path, value) in faults.items():
        yield _case(name, says, code, _changed(path, value))
    algorithm = WORLD.algorithm()
    yield _case(
        "range-missing", "The range is missing.", "spec-range", broken(algorithm, AUTHOR, without("outputs.0.range"))
    )
    yield _case(
        "default-missing",
        "The default is missing.",
        "spec-default",
        broken(algorithm, AUTHOR, without("outputs.0.default")),
    )
    unit = WORLD.algorithm(**UNIT_MODE)
    yield _case(
        "median-in-unit-mode",
        "A median over units.",
        "spec-aggregator",
        broken(unit, AUTHOR, setting("outputs.0.aggregator", "median")),
    )
    twice = [_FREQUENCY, _FREQUENCY | {"name": "other"}]
    yield _case(
        "each-twice", "Two outputs follow one parameter.", "spec-each", broken(unit, AUTHOR, setting("outputs", twice))
    )
    optional = _VARIANTS | {"required": []}
    yield _case(
        "each-optional",
        "The parameter may be missing.",
        "spec-each",
        broken(unit, AUTHOR, setting("parameters", optional)),
    )
    repeating = "parameters.properties.variants.uniqueItems"
    yield _case("each-repeating", "Items may repeat.", "spec-each", broken(unit, AUTHOR, setting(repeating, False)))


def _categories() -> Iterator[Case]:
    vote, bars = WORLD.algorithm(outputs=[VOTE]), WORLD.algorithm(**_HISTOGRAM)
    yield _case("vote", "Blocks vote for a category.", None, WORLD.sign(vote, AUTHOR))
    yield _case("histogram", "Units are counted by category.", None, WORLD.sign(bars, AUTHOR))
    many = [f"category {i}" for i in range(257)]
    both = VOTE | {"range": ["0", "1"], "default": "0"}
    faults: dict[str, tuple[str, str, str, Any]] = {
        "categories-one": ("There is no choice.", "spec-categories", "outputs.0.categories", ["none seen"]),
        "categories-twice": ("One is there twice.", "spec-categories", "outputs.0.categories", ["none seen"] * 2),
        "categories-many": ("There are 257.", "spec-categories", "outputs.0.categories", ["none seen", *many]),
        "category-default-none": ("It has no default.", "spec-categories", "outputs.0.default_category", None),
        "category-default-other": ("Its default is none.", "spec-categories", "outputs.0.default_category", "N"),
        "category-with-range": ("It is a number as well.", "spec-categories", "outputs.0", both),
        "category-with-spread": ("It has a spread.", "spec-categories", "outputs.0.spread", "1"),
        "category-per-person": ("It is counted per person.", "spec-categories", "outputs.0.range_per", "person"),
        "category-median": ("The median of categories.", "spec-aggregator", "outputs.0.aggregator", "median"),
        "histogram-in-block-mode": ("Blocks are counted.", "spec-aggregator", "outputs.0.aggregator", "histogram"),
        "category-alike": ("A category looks like another.", "document-malformed", "outputs.0.categories.0", "\u0410"),
        "category-space": ("A category ends in a space.", "document-malformed", "outputs.0.categories.0", "A "),
        "category-quoted": ("A category has to be escaped.", "document-malformed", "outputs.0.categories.0", 'A"'),
        "category-empty": ("A category is empty.", "document-malformed", "outputs.0.categories.0", ""),
        "category-number": ("A category is a number.", "document-malformed", "outputs.0.categories.0", 1),
    }
    for name, (says, code, path, value) in faults.items():
        yield _case(name, says, code, broken(vote, AUTHOR, setting(path, value)))
    yield _case(
        "number-voted-for",
        "A vote over numbers.",
        "spec-aggregator",
        broken(WORLD.algorithm(), AUTHOR, setting("outputs.0.aggregator", "vote")),
    )
    named = _changed("outputs.0.categories", ["0", "1"])
    yield _case("number-with-categories", "A number has categories.", "spec-categories", named)
    named = _changed("outputs.0.default_category", "0")
    yield _case("number-with-category-default", "A number has a default category.", "spec-categories", named)


def _schemas() -> Iterator[Case]:
    deep: dict[str, Any] = {"type": "boolean"}
    for _ in range(8):
        deep = {"type": "array", "items": deep}
    one = "parameters.properties.variant"
    faults: dict[str, tuple[str, str, Any]] = {
        "schema-keyword-unknown": ("A keyword would be ignored.", f"{one}.format", "email"),
        "schema-reference": ("A schema points elsewhere.", f"{one}.$ref", "#/definitions/x"),
        "schema-number": ("Documents hold no fractions.", one, {"type": "number"}),
        "schema-type-list": ("A type is a choice.", f"{one}.type", ["string", "null"]),
        "schema-type-missing": ("A type is missing.", one, {"maxLength": 3}),
        "schema-not-object": ("The top is an array.", "parameters", {"type": "array", "items": {"type": "boolean"}}),
        "schema-empty": ("It says nothing.", "parameters", {}),
        "schema-open": ("Anything more is allowed.", "parameters.additionalProperties", True),
        "schema-required-unknown": ("It requires what it does not describe.", "parameters.required", ["age"]),
        "schema-required-twice": ("It requires a name twice.", "parameters.required", ["variant", "variant"]),
        "schema-property-text": ("A property is a text.", one, "string"),
        "schema-properties-list": ("The properties are a list.", "parameters.properties", []),
        "schema-pattern-broken": ("A pattern cannot be read.", f"{one}.pattern", "("),
        "schema-pattern-long": ("A pattern is long.", f"{one}.pattern", "a" * 201),
        "schema-pattern-backtracks": ("A pattern looks behind.", f"{one}.pattern", "(?<=a)b"),
        "schema-pattern-huge": ("A pattern repeats a million times.", f"{one}.pattern", "((a{1000}){1000}){1000}"),
        "schema-bound-negative": ("A length is negative.", f"{one}.maxLength", -1),
        "schema-bound-text": ("A length is a text.", f"{one}.maxLength", "9"),
        "schema-keyword-of-other-type": ("A text has a minimum.", f"{one}.minimum", 1),
        "schema-enum-empty": ("There is no choice.", f"{one}.enum", []),
        "schema-items-missing": ("A list of anything.", one, {"type": "array"}),
        "schema-deep": ("It is nested nine levels deep.", one, deep),
    }
    for name, (says, path, value) in faults.items():
        yield _case(name, says, "spec-parameters", _changed(path, value))
    no_word = broken(WORLD.algorithm(), AUTHOR, without("parameters.additionalProperties"))
    yield _case("schema-open-silently", "It does not say that it is closed.", "spec-parameters", no_word)


def _fields() -> Iterator[Case]:
    image = "image"
    faults: dict[str, tuple[str, str, Any]] = {
        "image-by-tag": ("The image is a tag.", image, "registry.example/association:latest"),
        "image-config-bare": ("The image id lacks its prefix.", f"{image}.config_digest", "0" * 64),
        "image-no-layers": ("The image has no layers.", f"{image}.layers", []),
        "image-size-zero": ("The image is empty.", f"{image}.uncompressed_bytes", 0),
        "purpose-none": ("It has no purpose.", "purpose", []),
        "entrypoint-text": ("The entry point is one text.", "entrypoint", "/app/run"),
        "entrypoint-nul": ("The entry point holds a NUL.", "entrypoint", ["/app/run\x00"]),
        "slot-zero": ("A slot takes no time.", "slot_milliseconds", 0),
        "slot-week": ("A slot takes a week.", "slot_milliseconds", 604_800_000),
        "memory-tiny": ("It wants one byte of memory.", "memory_bytes", 1),
        "output-bytes-huge": ("It wants to say a gigabyte.", "output_bytes", 2**30),
        "unit-country": ("The privacy unit is a country.", "unit", "country"),
        "version-word": ("The version is a word.", "version", "latest"),
        "commit-short": ("The source commit is short.", "source_commit", "abc123"),
        "column-twice": ("A column is wanted twice.", "inputs.columns", ["age", "age"]),
        "summary-hidden": ("The summary hides something.", "summary", "Harmless\u200b"),
    }
    for name, (says, path, value) in faults.items():
        yield _case(name, says, "document-malformed", _changed(path, value))
    relative = _changed("entrypoint", ["python3", "/program.py"])
    yield _case("entrypoint-relative", "The entry point is looked for.", "spec-entrypoint", relative)
    raw = signed(to_bytes(statement_of(WORLD.algorithm())), "rita")
    yield _case("signed-by-orderer", "The one who orders signed it, not the author.", "key-unknown", raw)
