"""A bundle that is to be believed, and the ways to change one thing about it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from factory import (
    DATASET,
    HOLDER,
    NODE,
    OFFICE,
    RESEARCHER,
    World,
    digest_of,
)
from vectors.forge import NOW_TEXT, vector

from protocol.chain import OrderBundle

Case = tuple[str, dict[str, Any]]
WORLD = World()
TRUE = WORLD.bundle()
_HOUR = timedelta(hours=1)


def moment_text(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def case(
    name: str,
    says: str,
    code: str | None,
    bundle: OrderBundle | bytes,
    *,
    root: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Case:
    context: dict[str, Any] = {
        "check": "order",
        "trust_root": WORLD.sign(WORLD.trust_root(**(root or {})), HOLDER).decode(),
        "node": NODE,
        "datasets": [DATASET],
        "now": NOW_TEXT,
    }
    raw = bundle if isinstance(bundle, bytes) else bundle.to_json()
    return f"order/{name}", vector(says, code, raw, **(context | changes))


def rule(**changes: Any) -> dict[str, Any]:
    """A trust root's changes that alter the rule of the one committee."""
    committee = WORLD.trust_root().datasets[0].committees[0].model_dump() | changes
    return {"datasets": [{"dataset": DATASET, "committees": [committee]}]}


def accredited(*changes: tuple[str, Mapping[str, Any]], signer: str = OFFICE) -> tuple[bytes, ...]:
    return tuple(WORLD.sign(WORLD.accreditation(name, **change), signer) for name, change in changes)


def ordered(bundle: OrderBundle, **changes: Any) -> OrderBundle:
    """The bundle with an order that names what is in it now."""
    order = WORLD.order(digest_of(bundle.algorithm), [digest_of(raw) for raw in bundle.approvals], **changes)
    return replace(bundle, order=WORLD.sign(order, RESEARCHER))


def voted(bundle: OrderBundle, *approvals: bytes) -> OrderBundle:
    return ordered(replace(bundle, approvals=approvals))


def vote_of(member: str, bundle: OrderBundle = TRUE, **changes: Any) -> bytes:
    algorithm, roster = digest_of(bundle.algorithm), digest_of(bundle.rosters[0])
    return WORLD.sign(WORLD.approval(member, algorithm, roster, **changes), member)


def two_rules() -> dict[str, Any]:
    first = WORLD.trust_root().datasets[0].committees[0].model_dump()
    veto = first | {"committee": "country-fi", "minimum_approvals": 1, "minimum_institutions": 1, "seats": []}
    return {"datasets": [{"dataset": DATASET, "committees": [first, veto]}]}


def two_committees(**conditions: Any) -> OrderBundle:
    country = WORLD.roster(
        committee="country-fi", members=[WORLD.member("kaisa")], minimum_approvals=1, minimum_institutions=1
    )
    roster = WORLD.sign(country, OFFICE)
    veto = WORLD.approval(
        "kaisa",
        digest_of(TRUE.algorithm),
        digest_of(roster),
        committee="country-fi",
        conditions=WORLD.conditions(runs_per_node=1, nodes=[NODE, "node-es"], **conditions),
    )
    return voted(replace(TRUE, rosters=(*TRUE.rosters, roster)), *TRUE.approvals, WORLD.sign(veto, "kaisa"))


def signed_algorithm(bundle: OrderBundle, signer: str, **changes: Any) -> OrderBundle:
    """The bundle with the algorithm signed by somebody, approved and ordered anew."""
    raw = WORLD.sign(WORLD.algorithm(**changes), signer)
    changed = replace(bundle, algorithm=raw)
    return voted(changed, *(vote_of(member, changed) for member in WORLD.members[:2]))
