"""The form of an order: one field for each parameter of the approved schema, and what was typed as a checked question.

What was typed is kept as it was, beside the errors that it has; an error names its field's id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faces.forms import Form
from protocol.documents.parameters import check_parameters
from protocol.documents.strict import Json, build, canonical, parse_json
from protocol.errors import Refused
from registry.actions.choice import Choice
from registry.actions.draft import Composed
from registry.domain.terms import read_rho
from registry.errors import Malformed

Errors = tuple[tuple[str, str], ...]

PREFIX: Final = "p-"
"""Of a parameter's field, so that no parameter can take the name of another field."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,16}")
_PLAIN: Final = frozenset({"string", "integer"})
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter as a field. kind: text, number, choice (of `options`), lines (one item each) or json."""

    id: str
    name: str
    kind: str
    label: str
    hint: str
    options: tuple[tuple[str, str], ...]
    value: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Everything that was typed, as text. `of` is the version's digest and the project."""

    of: str
    purpose: str = ""
    places: tuple[str, ...] = ()
    blocks: str = ""
    rho: str = ""
    interval: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def hidden(self) -> list[tuple[str, str]]:
        """All of it as fields that travel to the next step."""
        names = ("of", "purpose", "blocks", "rho", "interval")
        plain = [(name, getattr(self, name)) for name in names]
        places = [("place", place) for place in self.places]
        return [*plain, *places, *((f"{PREFIX}{name}", value) for name, value in self.parameters.items())]

    def composed(self, choice: Choice) -> tuple[Composed | None, Errors]:
        """Return the question that was typed, or what is wrong with each field."""
        errors: list[tuple[str, str]] = []
        found: dict[str, Any] = {"algorithm": choice.row.digest, "project": choice.project, "purpose": self.purpose}
        if self.purpose not in choice.spec.purpose:
            errors.append(("purpose", "Choose one of the algorithm's purposes."))
        found["places"] = [dict(zip(("node", "dataset"), one.split("/", 1), strict=False)) for one in self.places]
        if not self.places:
            errors.append(("place", "Choose at least one dataset."))
        found["blocks"] = _blocks(self.blocks, choice, errors)
        found["rho_nano"] = _rho("rho", self.rho, errors)
        found["interval_nano"] = _rho("interval", self.interval, errors) if self.interval else 0
        found["parameters"] = read_parameters(choice.spec.parameters, self.parameters, errors)
        return (None, tuple(errors)) if errors else (build(Composed, found), ())


def read_typed(form: Form) -> Typed:
    """Return what a form holds; nothing in it is checked."""
    names = [name for name in form.untrusted_fields if name.startswith(PREFIX)]
    return Typed(
        of=form.untrusted("of"),
        purpose=form.untrusted("purpose"),
        places=form.untrusted_all("place"),
        blocks=form.untrusted("blocks"),
        rho=form.untrusted("rho"),
        interval=form.untrusted("interval"),
        parameters={name.removeprefix(PREFIX): form.untrusted(name) for name in names},
    )


def fields_of(schema: Mapping[str, Any], typed: Mapping[str, str], errors: Mapping[str, str]) -> tuple[Field, ...]:
    """Return one field for each parameter of a schema that was checked when its algorithm was accepted."""
    required = schema.get("required", [])
    return tuple(
        Field(
            id=f"{PREFIX}{name}",
            name=f"{PREFIX}{name}",
            kind=_kind(one),
            label=f"{one.get('title', name)}{'' if name in required else ' (optional)'}",
            hint=_hint(one),
            options=_options(one, optional=name not in required),
            value=typed.get(name, ""),
            error=errors.get(f"{PREFIX}{name}", ""),
        )
        for name, one in schema.get("properties", {}).items()
    )


def read_parameters(
    schema: Mapping[str, Any], typed: Mapping[str, str], errors: list[tuple[str, str]]
) -> dict[str, Json]:
    """Return the parameters that were typed, each checked by the approved schema; an empty optional one is absent."""
    found: dict[str, Json] = {}
    required = schema.get("required", [])
    for name, one in schema.get("properties", {}).items():
        try:
            value = _value(one, typed.get(name, ""), required=name in required)
            if value is not _ABSENT:
                check_parameters(_alone(name, one), {name: value})
                found[name] = value
        except (Refused, ValueError) as problem:
            wrong = _said(problem, name) if typed.get(name) else "is needed."
            errors.append((f"{PREFIX}{name}", f"{one.get('title', name)}: {wrong}"))
    return found


def _alone(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


def _said(problem: Exception, name: str) -> str:
    """What is wrong, without what the check says to programs about where it is."""
    if not isinstance(problem, Refused):
        return str(problem)
    return (problem.sentence.partition("schema: ")[2] or problem.sentence).removeprefix(f"parameters.{name} ")


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or schema["type"] == "boolean":
        return "choice"
    if schema["type"] == "array" and schema["items"]["type"] in _PLAIN:
        return "lines"
    return {"string": "text", "integer": "number"}.get(schema["type"], "json")


def _value(schema: Mapping[str, Any], text: str, *, required: bool) -> Any:
    kind = _kind(schema)
    if not text and not required:
        return _ABSENT
    if not text and kind != "text":
        raise ValueError
    if kind == "text":
        return text
    if kind == "number":
        return _integer(text)
    if kind == "lines":
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return [_integer(line) for line in lines] if schema["items"]["type"] == "integer" else lines
    return parse_json(text.encode())


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("is a whole number.")
    return int(text)


def _options(schema: Mapping[str, Any], *, optional: bool) -> tuple[tuple[str, str], ...]:
    """The values that may be chosen, as JSON, with what is shown for each."""
    if _kind(schema) != "choice":
        return ()
    values = schema.get("enum", [True, False])
    shown = {True: "yes", False: "no"} if schema["type"] == "boolean" else {}
    first = [("", "not stated" if optional else "choose one")]
    return (*first, *((canonical(value).decode(), shown.get(value, str(value))) for value in values))


def _hint(schema: Mapping[str, Any]) -> str:
    bounds = {
        "minimum": "at least {}", "maximum": "at most {}", "maxLength": "at most {} characters", "pattern": "form: {}",
        "minItems": "at least {} items", "maxItems": "at most {} items",
    }  # fmt: skip
    told = [words.format(schema[name]) for name, words in bounds.items() if name in schema]
    kind = {"lines": ["one on each line"], "json": ["as JSON"]}.get(_kind(schema), [])
    limits = ", ".join([*kind, *told])
    described = str(schema.get("description", ""))
    return f"{described} {limits[:1].upper()}{limits[1:]}".strip()


def _blocks(text: str, choice: Choice, errors: list[tuple[str, str]]) -> int:
    if choice.spec.mode != "block":
        return 0
    if not _INTEGER.fullmatch(text) or not 0 < int(text) <= 1_000_000:
        errors.append(("blocks", "Enter how many blocks, as a whole number of at least 1."))
        return 0
    return int(text)


def _rho(field_name: str, text: str, errors: list[tuple[str, str]]) -> int:
    try:
        return read_rho(text)
    except Malformed as problem:
        errors.append((field_name, problem.sentence))
        return 0
