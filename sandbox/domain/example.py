"""Example parameters for an order that nobody has sent yet, made from the schema that its committees will approve.

1. Texts are the dataset's own names of variants where the schema takes them; a list gets a few of them.
2. Else the first value of an `enum`; 0, or the bound next to it; false; the first of some usual texts that fits.
3. Only what is required is said. What no example fits is refused (`rehearsal-parameters`): its author can help by an
   `enum`, and can rehearse with parameters of their own at any time.
"""

from collections.abc import Iterator, Sequence
from typing import Final, cast

from protocol.documents.parameters import Schema, check_parameters
from protocol.documents.strict import Json
from sandbox.errors import Refused

VARIANTS_MOST: Final = 3
TEXTS: Final = ("1", "0", "0.5", "a", "A", "E11", "2020-01-01", "")


def example_parameters(schema: Schema, variants: Sequence[str]) -> dict[str, Json]:
    """Make parameters that a checked schema allows; `variants` are names that the dataset knows."""
    return cast("dict[str, Json]", _example(schema, (*variants, *TEXTS), "parameters"))


def _example(schema: Schema, texts: Sequence[str], name: str) -> Json:
    found = next(_fitting(schema, texts, name), None)
    if found is None:
        sentence = f"No example was found for the parameter {name}; give it an enum, or rehearse it with your own."
        raise Refused("rehearsal-parameters", sentence)
    return found


def _fitting(schema: Schema, texts: Sequence[str], name: str) -> Iterator[Json]:
    """The candidates that the schema allows."""
    for one in cast("Sequence[Json]", schema.get("enum")) or _candidates(schema, texts, name):
        try:
            check_parameters(schema, one)
        except Refused:
            continue
        yield one


def _candidates(schema: Schema, texts: Sequence[str], name: str) -> Sequence[Json]:
    kind = schema["type"]
    if kind == "object":
        properties = cast("dict[str, Schema]", schema.get("properties", {}))
        required = cast("list[str]", schema.get("required", []))
        return ({one: _example(properties[one], texts, one) for one in required},)
    if kind == "array":
        return _lists(schema, texts, name)
    if kind == "integer":
        return (0, *(schema[bound] for bound in ("minimum", "maximum") if bound in schema))
    return (False,) if kind == "boolean" else tuple(texts)


def _lists(schema: Schema, texts: Sequence[str], name: str) -> Sequence[Json]:
    """Lists of a few different items, of ever fewer, of one item again and again, and of none."""
    few = max(VARIANTS_MOST, cast("int", schema.get("minItems", 0)))
    items = [one for _, one in zip(range(few), _fitting(cast("Schema", schema["items"]), texts, name), strict=False)]
    return (*(items[:length] for length in range(len(items), 0, -1)), items[:1] * few, [])
