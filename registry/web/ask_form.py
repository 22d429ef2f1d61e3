"""The form of a request to committees: what was typed, kept as it was, and read as a request or as errors of fields."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from faces.forms import Form
from protocol.documents.strict import build
from registry.actions.review_acts import Asked
from registry.actions.version import AskSheet
from registry.domain.terms import read_count, read_day, read_rho
from registry.errors import Malformed

Errors = tuple[tuple[str, str], ...]
T = TypeVar("T")

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")
_PURPOSE_CHARACTERS: Final = 10_000
_NAME: Final = "Write {} in small letters, digits and . _ @ -, beginning with a letter or a digit."


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedRequest:
    """Everything that was typed, as text; `persons` has one on each line, a place is NODE/DATASET."""

    project: str = ""
    purpose: str = ""
    persons: str = ""
    committees: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    runs: str = ""
    rho_job: str = ""
    rho_node: str = ""
    until: str = ""

    def hidden(self) -> list[tuple[str, str]]:
        """All of it as fields that travel to the next step."""
        plain = ("project", "purpose", "persons", "runs", "rho_job", "rho_node", "until")
        several = {"committee": self.committees, "place": self.places, "purposes": self.purposes}
        return [
            *((name, getattr(self, name)) for name in plain),
            *((name, value) for name, values in several.items() for value in values),
        ]

    def asked(self, sheet: AskSheet, now: datetime) -> tuple[Asked | None, Errors]:
        """Return the request that was typed, or what is wrong with each field."""
        reading = _Reading()
        persons = [line.strip() for line in self.persons.splitlines() if line.strip()]
        offered = {f"{node}/{entry.dataset}" for node, entry in sheet.offers}
        reading.check("project", bool(_SLUG.fullmatch(self.project)), _NAME.format("the project's name"))
        said = 0 < len(self.purpose) <= _PURPOSE_CHARACTERS
        reading.check("purpose", said, "Say in plain words what it is for.")
        named = bool(persons) and all(map(_SLUG.fullmatch, persons))
        reading.check("persons", named, _NAME.format("each person's name, one on a line,"))
        reading.check("committee", _is_of(self.committees, sheet.committees), "Choose at least one committee.")
        reading.check("place", _is_of(self.places, offered), "Choose at least one dataset that a node offers.")
        reading.check("purposes", _is_of(self.purposes, sheet.spec.purpose), "Choose at least one purpose.")
        conditions = {
            "nodes": sorted({place.split("/")[0] for place in self.places}),
            "datasets": sorted({place.split("/")[-1] for place in self.places}),
            "purposes": sorted(set(self.purposes)),
            "runs_per_node": reading.read("runs", read_count, self.runs),
            "rho_per_job_nano": reading.read("rho_job", read_rho, self.rho_job),
            "rho_total_per_node_nano": reading.read("rho_node", read_rho, self.rho_node),
            "expires": reading.read("until", read_day, self.until),
        }
        reading.check_amounts(conditions, now)
        if reading.errors:
            return None, tuple(reading.errors)
        fields = {"project": self.project, "persons": sorted(set(persons)), "purpose": self.purpose}
        return build(Asked, {**fields, "committees": sorted(set(self.committees)), "conditions": conditions}), ()


class _Reading:
    """The errors that were found so far, in the order of the fields."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []

    def check(self, field: str, holds: bool, sentence: str) -> None:
        """Keep an error of a field unless something holds."""
        if not holds:
            self.errors.append((field, sentence))

    def read(self, field: str, reader: Callable[[str], T], untrusted: str) -> T | None:
        """Return what a field says, or keep why it cannot be read."""
        try:
            return reader(untrusted)
        except Malformed as error:
            self.errors.append((field, error.sentence))
            return None

    def check_amounts(self, conditions: dict[str, Any], now: datetime) -> None:
        """Keep what is wrong with amounts that can be read: an end that has passed, a total below one job's."""
        expires, job, total = (conditions[name] for name in ("expires", "rho_per_job_nano", "rho_total_per_node_nano"))
        self.check("until", expires is None or expires > now, "Choose a last day that is still to come.")
        enough = job is None or total is None or total >= job
        self.check("rho_node", enough, "Ask in total for at least as much ρ as for one job.")


def read_typed(form: Form) -> TypedRequest:
    """Return what a form holds; nothing in it is checked."""
    plain = ("project", "purpose", "persons", "runs", "rho_job", "rho_node", "until")
    return TypedRequest(
        **{name: form.untrusted(name) for name in plain},
        committees=form.untrusted_all("committee"),
        places=form.untrusted_all("place"),
        purposes=form.untrusted_all("purposes"),
    )


def _is_of(chosen: tuple[str, ...], known: Any) -> bool:
    return bool(chosen) and set(chosen) <= set(known)
