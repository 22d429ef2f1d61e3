"""What a researcher's machine makes of orders that a registry prepared: checked as nodes do, whatever the registry."""

from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, NOW, RESEARCHER, World, digest_of, fake_digest, key_entry, private_key, recipient_key

from client.draft import Signer, check_drafts
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder, OrderDraft
from protocol.errors import Refused

WORLD = World()
DAY = timedelta(days=1)
BUNDLE = WORLD.bundle()
ORDER = read_envelope(BUNDLE.order).untrusted(JobOrder)
ONE = digest_of(BUNDLE.approvals[0])


def draft(**changes: Any) -> str:
    return OrderDraft.model_validate(_choices() | changes, strict=False).choices.decode()


def _choices() -> dict[str, Any]:
    return ORDER.model_dump(mode="json", include=set(OrderDraft.model_fields))


def answer(*drafts: str, bundle: Any = BUNDLE, **changes: Any) -> dict[str, Any]:
    names = ("approvals", "accreditations", "rosters", "statuses")
    carried = {name: [raw.decode() for raw in getattr(bundle, name)] for name in names}
    return {"drafts": list(drafts or (draft(),)), "algorithm": bundle.algorithm.decode(), **carried, **changes}


def signer(**changes: Any) -> Signer:
    fields: dict[str, Any] = {
        "person": RESEARCHER, "key": private_key(RESEARCHER), "recipient": recipient_key(),
        "trust_root": WORLD.open_root(),
    }  # fmt: skip
    return Signer(**(fields | changes))


def refusal(untrusted: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(Refused) as refused:
        check_drafts(untrusted, signer(**changes), NOW, DAY)
    return refused.value.code


def test_what_was_composed_is_completed_signed_and_would_be_believed() -> None:
    (found,) = check_drafts(answer(), signer(), NOW, DAY)

    envelope = read_envelope(found.envelope)
    envelope.check_signed([private_key(RESEARCHER).public])
    signed = envelope.untrusted(JobOrder)
    assert signed.choices == ORDER.choices
    assert signed.recipient_bytes == recipient_key().public_bytes
    assert signed.not_after - signed.not_before == DAY
    assert any("committee(s) agree" in check for check in found.checks)


def test_each_order_has_a_nonce_of_its_own() -> None:
    found = [check_drafts(answer(), signer(), NOW, DAY)[0].order.nonce for _ in range(2)]

    assert len(set(found)) == 2


@pytest.mark.parametrize(
    ("code", "untrusted"),
    [
        ("draft-other-person", answer(draft(researcher=AUTHOR))),
        ("draft-places", answer() | {"drafts": []}),
        ("draft-places", answer(draft(), draft(blocks=64))),
        ("document-malformed", answer('{"algorithm": "x"}')),
        ("document-malformed", answer(draft().replace("{", '{"recipient":"",', 1))),
        ("registry-answer", answer(rosters="none")),
        ("registry-answer", answer(algorithm=None)),
        ("algorithm-other", answer(draft(algorithm=fake_digest("other")))),
        ("approval-missing", answer(approvals=[])),
        ("approval-quorum", answer(draft(approvals=[ONE]), approvals=[BUNDLE.approvals[0].decode()])),
        ("approval-conditions", answer(draft(rho=[{"output": "log_odds_ratio", "nano": 31_250_001}]))),
        ("order-parameters", answer(draft(parameters={"variant": "nothing like it"}))),
        ("order-rho", answer(draft(rho=[{"output": "another", "nano": 1}]))),
        ("dataset-unknown", answer(draft(dataset="cohort-xx"))),
        ("status-missing", answer(statuses=[])),
    ],
)
def test_whatever_is_wrong_is_refused_before_anything_is_sent(code: str, untrusted: dict[str, Any]) -> None:
    assert refusal(untrusted) == code


def test_a_revoked_algorithm_is_not_ordered() -> None:
    revoked = WORLD.bundle(status={"revoked": {"algorithms": [ORDER.algorithm]}})

    assert refusal(answer(bundle=revoked)) == "algorithm-revoked"


def test_approvals_that_this_persons_own_trust_root_does_not_know_count_for_nothing() -> None:
    other = WORLD.open_root(offices=[{"office": "office-xx", "keys": [key_entry("office-xx")]}])

    assert refusal(answer(), trust_root=other) == "office-unknown"


def test_a_key_that_no_office_accredited_signs_nothing_that_is_sent() -> None:
    assert refusal(answer(), key=private_key("stranger")) == "order-signature"
