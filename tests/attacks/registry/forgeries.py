"""What a registry that was taken over hands to a node instead of the order that it was given: case by case.

A forgery takes the stage and the honest bundle, does what it must beforehand, and returns what the node is handed. One
that only drops, replays or rewrites bytes needs no key. Where a key is stolen or somebody helps, the forgery says so.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from attacks.registry.place import OTHER_NODE, Stage
from authenticator import Authenticator
from factory import AUTHOR, DAY, OFFICE, RESEARCHER, digest_of, fake_digest, recipient_key

from protocol.chain import OrderBundle
from protocol.crypto.encoding import encode_base64
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_envelope, statement_bytes, write_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.strict import build

Forge = Callable[[Stage, OrderBundle], OrderBundle]


@dataclass(frozen=True, kw_only=True)
class Forgery:
    """One case: its name, the code that it must end with, and what of."""

    name: str
    code: str
    fault: str
    forge: Forge


def rewritten(raw: bytes, **changes: Any) -> bytes:
    """The order with other contents under the old signature: what a courier can do."""
    envelope = read_envelope(raw)
    fields = envelope.untrusted(JobOrder).model_dump() | changes
    return write_envelope(statement_bytes(build(JobOrder, fields)), envelope.signatures)


def ordered(stage: Stage, bundle: OrderBundle, *approvals: bytes, **changes: Any) -> OrderBundle:
    """The researcher signs what the registry told: these are the approvals."""
    old = read_envelope(bundle.order).untrusted(JobOrder).model_dump()
    made = build(JobOrder, old | {"approvals": [digest_of(raw) for raw in approvals]} | changes)
    return replace(bundle, order=stage.world.sign(made, RESEARCHER), approvals=approvals)


def vote(stage: Stage, bundle: OrderBundle, member: str, *, signer: str = "", **changes: Any) -> bytes:
    """A member's approval of the bundle's algorithm, with changes."""
    fields = stage.world.approval(member, digest_of(bundle.algorithm), digest_of(bundle.rosters[0])).model_dump()
    return stage.world.sign(build(Approval, fields | changes), signer or member)


def seated(stage: Stage, bundle: OrderBundle, members: list[dict[str, Any]]) -> OrderBundle:
    """The bundle under another roster, which the node's admin accepted."""
    roster = stage.world.sign(stage.world.roster(version=2, members=members), OFFICE)
    stage.seat(roster)
    return replace(bundle, rosters=(roster,))


# The algorithm


def _spec(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    fields = read_envelope(bundle.algorithm).untrusted(Algorithm).model_dump(by_alias=True)
    fields["outputs"] = [{**dict(fields["outputs"][0]), "range": ["0", "1000000"]}]
    envelope = read_envelope(bundle.algorithm)
    return replace(bundle, algorithm=write_envelope(statement_bytes(build(Algorithm, fields)), envelope.signatures))


def _image(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    image = stage.world.image.model_dump() | {"config_digest": f"sha256:{fake_digest('another image')}"}
    algorithm = stage.world.sign(build(Algorithm, _algorithm(bundle) | {"image": image}), AUTHOR)
    return replace(bundle, algorithm=algorithm)


def _algorithm(bundle: OrderBundle) -> dict[str, Any]:
    return read_envelope(bundle.algorithm).untrusted(Algorithm).model_dump(by_alias=True)


# Approvals


def _other(**changes: Any) -> Forge:
    def forge(stage: Stage, bundle: OrderBundle) -> OrderBundle:
        return ordered(stage, bundle, vote(stage, bundle, "meri", **changes), bundle.approvals[1])

    return forge


def _dropped(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    return replace(bundle, approvals=bundle.approvals[:1])


def _two_keys(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    """Meri has a second key; the roster knows one of hers."""
    second = vote(stage, bundle, "meri", signer="meri's second", rationale="Once more.")
    return ordered(stage, bundle, bundle.approvals[0], second)


def _voted_twice(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    return ordered(stage, bundle, bundle.approvals[0], vote(stage, bundle, "meri", rationale="Once more."))


def _one_institution(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    same = {"institution": "hospital-of-meri"}
    bundle = seated(stage, bundle, [stage.world.member(one, **same) for one in ("meri", "mikko", "maria")])
    return ordered(stage, bundle, *(vote(stage, bundle, one) for one in ("meri", "mikko")))


def _retired(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    """Mikko has left; the registry goes on with the roster of before."""
    now = [stage.world.member(one) for one in ("meri", "maria")]
    stage.seat(stage.world.sign(stage.world.roster(version=2, members=now), OFFICE))
    return bundle


def _retired_under_new(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    bundle = seated(stage, bundle, [stage.world.member(one) for one in ("meri", "maria")])
    return ordered(stage, bundle, vote(stage, bundle, "meri"), vote(stage, bundle, "mikko"))


def _conditions(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    other = vote(stage, bundle, "mikko", conditions=stage.world.conditions(runs_per_node=99))
    return ordered(stage, bundle, bundle.approvals[0], other)


def _minted(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    """The office's key is stolen: it seats three people who do not exist."""
    minted = [stage.world.member(one) for one in ("mallory", "mallet", "malory")]
    roster = stage.world.sign(stage.world.roster(version=2, members=minted), OFFICE)
    bundle = replace(bundle, rosters=(roster,))
    return ordered(stage, bundle, *(vote(stage, bundle, one) for one in ("mallory", "mallet")))


def _login(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    """The registry asked Meri to log in, and her passkey answered the challenge that it was given."""
    passkey = Authenticator("meri")
    members = [stage.world.member("meri", key=passkey.entry, proof=None), stage.world.member("mikko")]
    bundle = seated(stage, bundle, members)
    fields = stage.world.approval("meri", digest_of(bundle.algorithm), digest_of(bundle.rosters[0]))
    login = passkey.sign(fields, challenge=b"log me in, please".ljust(32, b"."))
    return ordered(stage, bundle, login, vote(stage, bundle, "mikko"))


# Orders


def _order(**changes: Any) -> Forge:
    return lambda _, bundle: replace(bundle, order=rewritten(bundle.order, **changes))


def _window(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    return replace(bundle, order=rewritten(bundle.order, not_after=stage.world.now + 300 * DAY))


def _to_another_node(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    return ordered(stage, bundle, *bundle.approvals, node=OTHER_NODE)


# Statuses


def _no_status(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    return replace(bundle, statuses=())


def _old_status(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    """The node has heard of a revocation; the registry hands over the status of before it."""
    from sandbox.actions.intake import note_statuses

    revoked = stage.world.status(version=2, revoked={"approvals": [digest_of(bundle.approvals[0])]})
    note_statuses(stage.kit.node, [stage.world.sign(revoked, OFFICE)])
    return bundle


def _clock_turned_back(stage: Stage, bundle: OrderBundle) -> OrderBundle:
    """The registry lives last week: the status that was live then is its newest."""
    then = {"issued": stage.world.now - 7 * DAY, "expires": stage.world.now - timedelta(minutes=5)}
    return replace(bundle, statuses=(stage.world.sign(stage.world.status(**then), OFFICE),))


# Bytes


def deep(_: bytes) -> bytes:
    return b"[" * 100_000


def twice(raw: bytes) -> bytes:
    return raw.replace(b'{"payload"', b'{"payload":"","payload"', 1).replace(
        b'{"payloadType"', b'{"payloadType":"x","payloadType"', 1
    )


def number(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw) | {"payload": 1}).encode()


def trailing(raw: bytes) -> bytes:
    return raw + b"{}"


def unknown(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw) | {"note": "believe me"}).encode()


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "duplicate-keys": twice,
    "deep-nesting": deep,
    "number-for-a-string": number,
    "trailing-bytes": trailing,
    "unknown-field": unknown,
}


def _approval_of(change: Callable[[bytes], bytes]) -> Forge:
    return lambda _, bundle: replace(bundle, approvals=(change(bundle.approvals[0]), *bundle.approvals[1:]))


def _order_of(change: Callable[[bytes], bytes]) -> Forge:
    return lambda _, bundle: replace(bundle, order=change(bundle.order))


def _too_large(_: Stage, bundle: OrderBundle) -> OrderBundle:
    return replace(bundle, approvals=(b" " * 2**20 + bundle.approvals[0], *bundle.approvals[1:]))


def _forgeries(*rows: tuple[str, str, str, Forge]) -> tuple[Forgery, ...]:
    return tuple(Forgery(name=name, code=code, fault=fault, forge=forge) for name, code, fault, forge in rows)


#: Refused with a signed receipt, before the charge.
REFUSED = _forgeries(
    ("spec-swapped-image-kept", "algorithm-other", "another algorithm", _spec),
    ("image-swapped-in-the-document", "algorithm-other", "another algorithm", _image),
    ("approval-of-another-version", "approval-other-algorithm", "version", _other(algorithm=fake_digest("1.0.1"))),
    ("approval-of-another-project", "approval-other-project", "project", _other(project="alzheimer")),
    ("approval-of-another-person", "approval-other-person", "person", _other(persons=["olga"])),
    ("approval-dropped", "approval-missing", "dropped", _dropped),
    ("one-person-two-keys", "approval-signature", "a key that the roster does not know", _two_keys),
    ("one-person-two-votes", "approval-quorum", "no quorum", _voted_twice),
    ("two-persons-one-institution", "approval-quorum", "no quorum", _one_institution),
    ("retired-member", "roster-rollback", "an old roster", _retired),
    ("retired-member-votes-again", "approval-not-member", "not a member", _retired_under_new),
    ("approvals-with-different-conditions", "approval-quorum", "no quorum", _conditions),
    ("login-as-vote", "passkey-challenge", "a login", _login),
    ("order-of-another-node", "order-wrong-node", "another node", _to_another_node),
    ("status-replayed", "approval-revoked", "a revocation", _old_status),
    *(
        (f"approval-with-{name}", "document-malformed", "malformed", _approval_of(how))
        for name, how in MALFORMED.items()
    ),
    ("approval-beyond-the-cap", "document-too-large", "too large", _too_large),
)

#: Held with a code, nothing charged; refused with a receipt when the order's window ends.
HELD = _forgeries(
    ("committee-freshly-minted", "roster-delayed", "a new roster", _minted),
    ("status-withheld", "status-missing", "no status", _no_status),
    ("registry-clock-turned-back", "status-stale", "an old status", _clock_turned_back),
)

#: No known key signed it: counted, never a job, and said so to the registry.
COUNTED = _forgeries(
    ("order-parameters-changed", "order-signature", "a changed order", _order(parameters={"variant": "rs1"})),
    ("order-dataset-changed", "order-signature", "a changed order", _order(dataset="cohort-es")),
    ("order-rho-changed", "order-signature", "a changed order", _order(rho=[{"output": "share", "nano": 31_000_000}])),
    (
        "order-recipient-changed",
        "order-signature",
        "a changed order",
        _order(recipient=encode_base64(recipient_key("mallory").public_bytes)),
    ),
    ("order-window-changed", "order-signature", "a changed order", _window),
    *((f"order-with-{name}", "document-malformed", "malformed", _order_of(how)) for name, how in MALFORMED.items()),
)
