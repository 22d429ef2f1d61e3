"""Orders that were composed on a registry's page, completed here and checked as their nodes will check them.

A registry prepared the choices, so it is the last to be believed about them. Each step raises:

1. each draft is read strictly, names this very person as its researcher, and goes to a place of its own;
2. it is completed with this person's recipient key, a fresh nonce and a window, none of which the registry may choose;
3. the node's own six steps (`protocol.chain.order`) pass from the trust root that this person pinned: algorithm,
   author, approvals with their quorum and conditions, revocations, parameters and shares of ρ.

The signature that step 3 needs is made in memory; nothing leaves this machine before the person has read and agreed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from client import documents
from client.proposal import several, text
from protocol.chain import OrderBundle
from protocol.chain.order import STEPS, OrderCase
from protocol.crypto.hpke import RecipientKey
from protocol.crypto.keys import PrivateKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import sign_statement
from protocol.documents.job_order import JobOrder, OrderDraft
from protocol.documents.strict import build, parse_object
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.memory import Memory

_LISTS = ("approvals", "accreditations", "rosters", "statuses")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs: a person with a key, where results are to go, and whom the person believes."""

    person: str
    key: PrivateKey
    recipient: RecipientKey
    trust_root: TrustRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOrder:
    """One order that its node will believe as far as it can be known here. `checks` says for people what held."""

    envelope: bytes
    order: JobOrder
    algorithm: Algorithm
    checks: tuple[str, ...]


def check_drafts(
    untrusted: Mapping[str, Any], signer: Signer, now: datetime, lifetime: timedelta
) -> tuple[CheckedOrder, ...]:
    """Return the orders of a registry's answer (`GET /order-drafts/{code}`), or raise Refused with what is wrong."""
    drafts = [build(OrderDraft, parse_object(raw)) for raw in several(untrusted, "drafts")]
    if not drafts or len({(draft.node, draft.dataset) for draft in drafts}) != len(drafts):
        raise Refused("draft-places", "The registry sent no order, or two for one place; compose it anew.")
    carried: dict[str, Any] = {name: tuple(several(untrusted, name)) for name in _LISTS}
    basis = {"algorithm": text(untrusted, "algorithm").encode(), **carried}
    return tuple(_check(draft, basis, signer, now, lifetime) for draft in drafts)


def _check(
    draft: OrderDraft, basis: dict[str, Any], signer: Signer, now: datetime, lifetime: timedelta
) -> CheckedOrder:
    if draft.researcher != signer.person:
        sentence = f"The order is for {draft.researcher} to sign; you are {signer.person}. Do not sign it."
        raise Refused("draft-other-person", sentence)
    order = documents.complete_order(
        draft.model_dump(mode="json"), recipient=signer.recipient.public_bytes, now=now, lifetime=lifetime
    )
    envelope = sign_statement(order, [signer.key])
    case = OrderCase(
        OrderBundle(order=envelope, **basis),
        trust_root=signer.trust_root,
        node=draft.node,
        datasets=frozenset({draft.dataset}),
        now=now,
        memory=Memory(),
    )
    checks = tuple(step(case) for step in STEPS)
    return CheckedOrder(envelope=envelope, order=order, algorithm=case.algorithm.untrusted, checks=checks)
