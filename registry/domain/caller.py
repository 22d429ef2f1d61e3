"""Who is asking, and what that lets them see: one truth table for every door.

| document | author / researcher | addressed node | any caller | nobody |
|---|---|---|---|---|
| status, roster, algorithm | yes | yes | yes | yes |
| accreditation, approval, rehearsal | yes | yes | yes | no |
| order, receipt | yes | yes | no | no |
| image | uploader, author, committee member | with an order for it, or to rehearse it | no | no |
| release | yes | no | no | no |

What somebody may not see does not exist for them: the answer is the one for a wrong id.
"""

from dataclasses import dataclass
from typing import Final

from registry.errors import Forbidden, Missing, Unauthenticated

PUBLIC_KINDS: Final = frozenset({"status", "roster", "algorithm"})
CALLER_KINDS: Final = frozenset({"accreditation", "approval", "rehearsal"})
TENANT_KINDS: Final = frozenset({"job-order", "receipt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person, a node or an office that has shown a live token."""

    subject: str
    kind: str
    roles: frozenset[str]
    sits: bool
    """Whether this person sits on a current committee."""


def check_known(caller: Caller | None) -> Caller:
    """Raise Unauthenticated for nobody."""
    if caller is None:
        raise Unauthenticated("token-missing", "This needs an access token. Ask for one at /api/v1/token.")
    return caller


def check_is_node(caller: Caller, node: str) -> None:
    """Raise Forbidden unless the caller is that very node."""
    if caller.kind != "node" or caller.subject != node:
        raise Forbidden("node-only", f"Only the node {node} itself may do this.")


def check_is_researcher(caller: Caller) -> None:
    """Raise Forbidden unless the caller is an accredited researcher."""
    if caller.kind != "person" or "researcher" not in caller.roles:
        raise Forbidden("researcher-only", "Only an accredited researcher may do this. Ask your accreditation office.")


def check_may_read(caller: Caller | None, kind: str, parties: frozenset[str]) -> None:
    """Raise Missing unless the table above lets the caller see a document of this kind.

    `parties` are the subjects that the document concerns: for orders and receipts the researcher and the node.
    """
    if kind in PUBLIC_KINDS or (kind in CALLER_KINDS and caller is not None):
        return
    if kind in TENANT_KINDS and caller is not None and caller.subject in parties:
        return
    if caller is None and kind in CALLER_KINDS:
        check_known(caller)
    raise missing("document")


def missing(what: str) -> Missing:
    """Return the one answer for what is not there and for what is not yours."""
    return Missing(f"{what}-unknown", f"There is no such {what}, or it is not yours to see.")
