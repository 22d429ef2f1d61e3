"""Step 7: ask the Cedar policies whether an order may run on a dataset.

Rules. A policy set is validated against the schema when it is loaded, or it is not loaded. The EU baseline, the
country's, the node's and the dataset's set are separate: each is asked alone and all must allow, so that a permit in
one can never stand in for another. A set permits broadly and names every requirement in a `forbid … unless` with an
`@id`, so that a denial says which requirement failed. Cedar skips a `forbid` whose condition errs: therefore any
error in the diagnostics, and any decision but Allow, is a denial.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cedarpy

from sandbox.errors import Misconfigured, PolicyDenied

SETS = ("eu", "country", "node", "dataset")

ERROR_NAME = "policy-error"
NO_PERMIT_NAME = "no-permit"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRequest:
    """Who wants what on which dataset: ids, and the attributes that the schema declares."""

    researcher: str
    researcher_attributes: Mapping[str, Any]
    dataset: str
    dataset_attributes: Mapping[str, Any]
    context: Mapping[str, Any]


class PolicySet:
    """One validated Cedar policy set, parsed once."""

    def __init__(self, name: str, text: str, schema: cedarpy.Schema) -> None:
        _check_policies(name, text, schema)
        self.name = name
        self._schema = schema
        self._policies = cedarpy.PolicySet.from_str(text)

    def denials(self, request: PolicyRequest) -> tuple[str, ...]:
        """Name what forbids this request in this set; empty means that the set allows it."""
        try:
            entities = cedarpy.Entities.from_json_str(json.dumps(_entities(request)), self._schema)
        except ValueError:
            return (f"{self.name}:{ERROR_NAME}",)
        result = cedarpy.is_authorized(_call(request), self._policies, entities, self._schema)
        if result.allowed and not result.diagnostics.errors:
            return ()
        if result.diagnostics.errors or result.decision is not cedarpy.Decision.Deny:
            return (f"{self.name}:{ERROR_NAME}",)
        names = result.diagnostics.id_annotations_by_reason.values()
        return tuple(sorted(names)) or (f"{self.name}:{NO_PERMIT_NAME}",)


class PolicyBook:
    """The four policy sets of a node; a dataset may bring its own in place of the common dataset set."""

    def __init__(self, schema: str, texts: Mapping[str, str], own_datasets: Mapping[str, str]) -> None:
        handle = _parse_schema(schema)
        missing = [name for name in SETS if name not in texts]
        if missing:
            raise Misconfigured("policy-set-missing", f"The policy set {missing[0]!r} is missing; nothing may run.")
        self._sets = {name: PolicySet(name, texts[name], handle) for name in SETS}
        self._own = {dataset: PolicySet("dataset", text, handle) for dataset, text in own_datasets.items()}

    def denials(self, request: PolicyRequest) -> tuple[str, ...]:
        """Ask every set, also after the first denial, so that a person learns all reasons at once."""
        sets = {**self._sets, "dataset": self._own.get(request.dataset, self._sets["dataset"])}
        return tuple(name for policies in sets.values() for name in policies.denials(request))

    def check(self, request: PolicyRequest) -> None:
        """Raise PolicyDenied with the names of the requirements that are not met."""
        denials = self.denials(request)
        if denials:
            raise PolicyDenied(denials, f"The node's policies forbid this order: {', '.join(denials)}.")


def _call(request: PolicyRequest) -> dict[str, Any]:
    return {
        "principal": {"type": "Researcher", "id": request.researcher},
        "action": {"type": "Action", "id": "run"},
        "resource": {"type": "Dataset", "id": request.dataset},
        "context": dict(request.context),
    }


def _entities(request: PolicyRequest) -> list[dict[str, Any]]:
    return [
        _entity("Researcher", request.researcher, request.researcher_attributes),
        _entity("Dataset", request.dataset, request.dataset_attributes),
    ]


def _entity(kind: str, name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": name}, "attrs": dict(attributes), "parents": []}


def _parse_schema(text: str) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(text)
    except ValueError as error:
        raise Misconfigured("policy-schema-invalid", f"The policy schema cannot be read: {error}.") from error


def _check_policies(name: str, text: str, schema: cedarpy.Schema) -> None:
    result = cedarpy.validate_policies(text, schema)
    if not result.validation_passed:
        first = str(result.errors[0]) if result.errors else "it does not fit the schema"
        raise Misconfigured("policy-invalid", f"The policy set {name!r} is not valid: {first}.")
    policies = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    ids = [policy.get("annotations", {}).get("id") for policy in policies]
    if not all(ids) or len(set(ids)) < len(ids):
        raise Misconfigured("policy-unnamed", f"Every policy of the set {name!r} needs an @id of its own.")
    if not any(policy["effect"] == "permit" for policy in policies):
        raise Misconfigured("policy-without-permit", f"The policy set {name!r} permits nothing.")
