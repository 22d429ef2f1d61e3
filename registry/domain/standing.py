"""Who counts as accredited at a moment: pure dates, roles and revocations."""

from dataclasses import dataclass
from datetime import datetime

from registry.errors import Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the newest accreditation of a person or a node says."""

    subject: str
    kind: str
    roles: frozenset[str]
    office: str
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """The live revocations of all offices taken together."""

    persons: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    rosters: frozenset[str] = frozenset()
    approvals: frozenset[str] = frozenset()
    algorithms: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()


def check_standing(standing: Standing, revoked: Revocations, now: datetime) -> None:
    """Raise Unauthenticated unless the accreditation is in force and its subject is not revoked."""
    if not standing.valid_from <= now < standing.valid_until:
        raise Unauthenticated(
            "accreditation-expired", f"The accreditation of {standing.subject} is not valid now. Ask for a new one."
        )
    if standing.subject in (revoked.nodes if standing.kind == "node" else revoked.persons):
        code = "node-revoked" if standing.kind == "node" else "person-revoked"
        raise Unauthenticated(code, f"The accreditation of {standing.subject} was revoked by its office.")


def check_role(standing: Standing, role: str) -> None:
    """Raise Forbidden unless the accreditation grants `role`."""
    if role not in standing.roles:
        raise Forbidden("role-missing", f"This needs the role {role}, which {standing.subject} does not have.")
