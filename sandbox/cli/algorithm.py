"""What the verbs `algorithm accuracy` and `algorithm rehearse` share: what a person says about an order.

The noun is the client's, which finds these verbs by their entry points (docs/adr/0013-rehearsal.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sandbox.domain.dataset import DatasetFacts

POLICY_FOLDER = Path(__file__).parents[2] / "policies"

Spec = Annotated[Path, typer.Argument(help="The algorithm's folder, its algorithm.toml, or the signed document.")]
Param = Annotated[list[str] | None, typer.Option(help="NAME=VALUE; the value as JSON, else as text.")]
Params = Annotated[Path | None, typer.Option(help="JSON file with the parameters.")]
Limits = Annotated[
    Path,
    typer.Option("--policy", help="The holder's limits; without it, the proposal in policies.", show_default=False),
]
FamilySize = Annotated[int, typer.Option(min=1, help="Largest family, where the unit is a family.")]
DEFAULT_LIMITS = POLICY_FOLDER / "gate.json"


def parameters_of(param: list[str] | None, params: Path | None) -> dict[str, Any]:
    """Read the order's parameters as `job submit` does."""
    from sandbox.cli.common import read_file
    from sandbox.errors import BadInput

    found: dict[str, Any] = {}
    if params:
        try:
            found = json.loads(read_file(params))
        except ValueError as error:
            raise BadInput("json-malformed", f"{params} is not valid JSON: {error}. Correct it.") from error
    for one in param or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise BadInput("param-malformed", f"{one!r} is not NAME=VALUE.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def nano(text: str) -> int:
    """Read an amount of ρ that a person wrote, as nano-units; finer than a nano is refused."""
    from protocol.documents.amount import read_nano
    from sandbox.errors import BadInput

    try:
        return read_nano(text)
    except ValueError as error:
        raise BadInput("rho-malformed", str(error)) from error


def facts_of(people: int, unit: str, family_size: int, slots: int | None) -> DatasetFacts:
    """Make the public facts of a dataset from what a person knows of it."""
    from sandbox.domain.dataset import DatasetFacts, Unit

    return DatasetFacts(
        dataset="any",
        lineage="any",
        snapshot="none",
        people=people,
        slots=slots or people,
        unit=Unit(unit),
        maximum_family_size=family_size if unit == "family" else 1,
        columns=(),
        sites=None,
        duo=(),
        country="EU",
        assembly="GRCh38",
    )
