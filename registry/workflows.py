"""Read the process of reviews from its file; whatever is missing, unknown or odd refuses the start."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from protocol.documents.fields import Items, Line, Positive, Record, Some
from protocol.documents.strict import build
from protocol.errors import Refused
from registry.domain.workflow import EVIDENCE, PLAIN, Stage, Workflow
from registry.errors import Misconfigured

_Holiday = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
_Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._@*-]{1,100}$")]
_Days = Annotated[Positive, Field(le=250)]


class _Stage(Record):
    name: Line
    committees: Some[_Pattern]
    working_days: _Days | None = None
    veto_needs_reason: bool = False


class _Workflow(Record):
    name: Line
    evidence: Items[Line]
    holidays: Items[_Holiday]
    remind_before: _Days
    stages: Some[_Stage]


def read_workflow(path: Path | None) -> Workflow:
    """Return the process in a file, or the plain one; raises Misconfigured with what is wrong."""
    if path is None:
        return PLAIN
    try:
        found = build(_Workflow, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, Refused) as error:
        raise Misconfigured("setting-workflow", f"The workflow {path} cannot be read: {error}. Correct it.") from error
    unknown = sorted(set(found.evidence) - EVIDENCE)
    if unknown:
        raise Misconfigured("setting-workflow", f"The workflow {path} asks for {unknown[0]}, which no check provides.")
    stages = tuple(Stage(**_fields(each)) for each in found.stages)
    return Workflow(**{**_fields(found), "stages": stages, "evidence": frozenset(found.evidence)})


def _fields(record: Record) -> dict[str, Any]:
    found = {name: getattr(record, name) for name in type(record).model_fields}
    return found | ({"holidays": frozenset(found["holidays"])} if "holidays" in found else {})
