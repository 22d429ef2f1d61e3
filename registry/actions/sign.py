"""Sign a prepared decision on the registry's own page, where that page was named as one (docs/adr/0026).

1. The page is one on which members may sign: refused otherwise, whoever asks.
2. The statement is the caller's own, prepared for this version, and neither undone nor signed.
3. The roster gives the caller a passkey, and what answered is no login passkey of this registry.
4. The statement as it was prepared and what the passkey said become an envelope, which is judged like any other that
   arrives (`registry.actions.review.publish_approval`): nothing here verifies a signature.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from faces import passkeys
from protocol.crypto.digest import sha256_hex
from protocol.documents.approval import Approval
from protocol.documents.envelope import PAYLOAD_TYPE, predicate_type, write_envelope
from protocol.documents.key import Key
from protocol.documents.passkey import PasskeyOrigin, vote_challenge
from protocol.documents.signature import Signature, pre_authentication_encoding
from protocol.documents.strict import build, parse_object
from registry.actions import publish
from registry.actions.desk import Desk
from registry.actions.review import check_seat, publish_approval
from registry.domain.caller import Caller, missing
from registry.errors import Forbidden, RegistryError, Unbelievable
from registry.store import account, review_words
from registry.store.base import Transaction
from registry.store.tables_review import PreparedDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSign:
    """A statement that waits for its member's passkey; `options` is what the browser is asked."""

    prepared: PreparedDecision
    approval: Approval
    statement: str
    options: str


def show(desk: Desk, caller: Caller, algorithm: str, digest: str, now: datetime) -> ToSign:
    """Return what the caller is to sign here, in full; refused by rules 1 to 3."""
    page = _page(desk)
    with desk.store.reading() as tx:
        found = _prepared(tx, caller, algorithm, digest)
        _signing_key(tx, found, now)
    challenge = vote_challenge(pre_authentication_encoding(PAYLOAD_TYPE, found.payload))
    return ToSign(
        prepared=found,
        approval=_approval(found),
        statement=json.dumps(parse_object(found.payload), indent=2, ensure_ascii=False),
        options=passkeys.assertion_options(page, challenge),
    )


def sign(
    desk: Desk, caller: Caller, algorithm: str, digest: str, untrusted_answer: str, now: datetime
) -> publish.Published:
    """Publish the caller's prepared decision with the passkey's answer as its signature."""
    _page(desk)
    with desk.store.reading() as tx:
        found = _prepared(tx, caller, algorithm, digest)
        key = _signing_key(tx, found, now)
        if account.passkey(tx, sha256_hex(passkeys.untrusted_credential_id(untrusted_answer))) is not None:
            sentence = "That passkey signs you in, and never signs a vote. Choose the one that the roster knows."
            raise Unbelievable("passkey-for-login", sentence)
    said = passkeys.untrusted_assertion(untrusted_answer)
    signature = Signature(keyid=key.keyid, sig=said.signature, passkey=said)
    return publish_approval(desk, write_envelope(found.payload, [signature]), now)


def signable(desk: Desk, tx: Transaction, prepared: Iterable[PreparedDecision], now: datetime) -> frozenset[str]:
    """Return which of a member's own prepared statements may be signed on this registry's page."""
    return frozenset(each.digest for each in prepared if desk.signing_page is not None and _has_passkey(tx, each, now))


def _has_passkey(tx: Transaction, prepared: PreparedDecision, now: datetime) -> bool:
    try:
        _signing_key(tx, prepared, now)
    except RegistryError:
        return False
    return True


def _page(desk: Desk) -> PasskeyOrigin:
    """Rule 1."""
    if desk.signing_page is None:
        sentence = "Nobody signs on this registry's page: sign on your own machine, with `safeconduct review sign`."
        raise Forbidden("signing-not-here", sentence)
    return desk.signing_page


def _prepared(tx: Transaction, caller: Caller, algorithm: str, digest: str) -> PreparedDecision:
    """Rule 2."""
    found = review_words.prepared(tx, digest)
    if found is None or (found.member, found.algorithm) != (caller.subject, algorithm):
        raise missing("decision")
    return found


def _signing_key(tx: Transaction, prepared: PreparedDecision, now: datetime) -> Key:
    """Rule 3, of the roster."""
    said = _approval(prepared)
    key = check_seat(tx, said.roster, said.committee, said.member, now).key
    if key.scheme != "webauthn":
        sentence = "The roster knows you by a key in a file, which no page can use. Sign on your own machine."
        raise Unbelievable("signing-key-in-file", sentence)
    return key


def _approval(prepared: PreparedDecision) -> Approval:
    """Return the decision; Missing for an office's status, which no passkey of a roster signs."""
    statement = parse_object(prepared.payload)
    if statement["predicateType"] != predicate_type(Approval):
        raise missing("decision")
    return build(Approval, statement["predicate"])
