"""What came back is believed in one order: receipt, digest, seal. Each step has a way to fail."""

from __future__ import annotations

from typing import Any

import pytest
from factory import NODE, NOW, OFFICE, World, fake_digest, recipient_key

from client.errors import Unreachable
from client.results import as_data, combine_all, estimates, open_result
from protocol.chain import seal_release
from protocol.crypto.digest import sha256_hex
from protocol.documents.envelope import read_envelope
from protocol.errors import Refused

WORLD = World()
ORDER = WORLD.order()
ORDER_ID = read_envelope(WORLD.sign(ORDER, "rita")).digest
ACCREDITED = WORLD.sign(WORLD.accreditation(NODE), OFFICE)
STATUS = WORLD.sign(WORLD.status(), OFFICE)
OUTPUT = WORLD.release(ORDER, ORDER_ID).outputs[0].model_dump()


def sealed(**changes: Any) -> bytes:
    return seal_release(WORLD.release(ORDER, ORDER_ID, **changes), ORDER.recipient_bytes)


def receipt(release: bytes | None, signer: str = NODE, **changes: Any) -> bytes:
    fields: dict[str, Any] = {}
    if release is not None:
        fields = {
            "decision": "released",
            "code": "released",
            "release_digest": sha256_hex(release),
            "rho_charged_nano": ORDER.rho_nano,
        }
    return WORLD.sign(WORLD.receipt(ORDER, ORDER_ID, **{**fields, **changes}), signer)


def opened(untrusted_receipt: bytes, release: bytes | None, order: str = ORDER_ID, status: bytes = STATUS) -> Any:
    return open_result(
        order,
        untrusted_receipt,
        release,
        accreditations=[ACCREDITED],
        statuses=[status],
        trust_root=WORLD.trust_root(),
        recipient=recipient_key(),
        now=NOW,
    )


def test_release_opens_after_its_receipt() -> None:
    release = sealed()

    found = opened(receipt(release), release)

    assert str(found.release.outputs[0].value) == "0.31"
    assert as_data(found)["rho_charged_nano"] == ORDER.rho_nano


def test_refusal_has_no_release() -> None:
    found = opened(receipt(None), None)

    assert found.release is None
    assert as_data(found)["code"] == "approval-quorum"
    assert "release" not in as_data(found)


@pytest.mark.parametrize(
    ("signer", "code"), [("rita", "receipt-signature"), ("node-es", "receipt-signature"), (OFFICE, "receipt-signature")]
)
def test_receipt_that_its_node_did_not_sign_is_refused(signer: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        opened(receipt(None, signer), None)

    assert refused.value.code == code


def test_receipt_of_a_node_that_was_revoked_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        opened(receipt(None), None, status=WORLD.sign(WORLD.status(revoked={"nodes": [NODE]}), OFFICE))

    assert refused.value.code == "node-revoked"


def test_receipt_of_another_order_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        opened(receipt(None), None, order=fake_digest("another order"))

    assert refused.value.code == "receipt-other-order"


def test_other_ciphertext_than_the_receipt_binds_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        opened(receipt(sealed()), sealed())

    assert refused.value.code == "release-digest"


def test_release_that_has_not_arrived_is_no_refusal() -> None:
    with pytest.raises(Unreachable) as waiting:
        opened(receipt(sealed()), None)

    assert waiting.value.code == "release-not-here"


def test_release_cannot_be_opened_by_another_key() -> None:
    release = sealed()

    with pytest.raises(Refused) as refused:
        open_result(
            ORDER_ID,
            receipt(release),
            release,
            accreditations=[ACCREDITED],
            statuses=[STATUS],
            trust_root=WORLD.trust_root(),
            recipient=recipient_key("somebody else"),
            now=NOW,
        )

    assert refused.value.code == "seal-broken"


def test_only_outputs_with_a_standard_error_are_combined() -> None:
    release = sealed(outputs=[{**OUTPUT, "standard_error": None}])
    without = opened(receipt(release), release)
    release = sealed(outputs=[{**OUTPUT, "standard_error": "0.1"}])
    with_one = opened(receipt(release), release)

    assert estimates([without]) == {}
    assert [one.standard_error for one in estimates([with_one])["log_odds_ratio"]] == [0.1]
    assert combine_all([with_one]) == []
