"""Explaining files offline."""

from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, HOLDER, NODE, NOW, OFFICE, RESEARCHER, YEAR, World, digest_of, fake_digest, recipient_key
from vectors.rehearsal_cases import rehearsal

from protocol.chain import Step, explain, open_release, seal_release, verify_order
from protocol.crypto.digest import sha256_hex
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.receipt import Receipt
from protocol.errors import Refused

WORLD = World()
BUNDLE = WORLD.bundle()
ORDER = read_envelope(BUNDLE.order).untrusted(JobOrder)
ORDER_ID = digest_of(BUNDLE.order)
NODE_ACCREDITATION = WORLD.sign(WORLD.accreditation(NODE), OFFICE)


def _explain(files: dict[str, bytes], now: Any = NOW, **options: Any) -> dict[str, Step]:
    return {step.name: step for step in explain(files, WORLD.open_root(), now, **options)}


def _ok(steps: dict[str, Step]) -> bool:
    return all(step.ok is True for step in steps.values())


def _released(**changes: Any) -> tuple[bytes, Receipt, bytes]:
    release = WORLD.release(ORDER, ORDER_ID, **changes)
    sealed = seal_release(release, ORDER.recipient_bytes)
    receipt = WORLD.receipt(
        ORDER,
        ORDER_ID,
        decision="released",
        code="released",
        rho_charged_nano=ORDER.rho_nano,
        release_digest=sha256_hex(sealed),
    )
    return sealed, receipt, WORLD.sign(receipt, NODE)


def test_bundle_is_explained_in_six_steps() -> None:
    steps = _explain({"bundle.json": BUNDLE.to_json()})

    assert _ok(steps)
    assert list(steps) == ["file bundle.json", "intake", "trust root", "researcher", "algorithm", "approvals", "order"]


def test_bundle_as_single_files_is_explained_alike() -> None:
    files = [
        BUNDLE.order,
        BUNDLE.algorithm,
        *BUNDLE.approvals,
        *BUNDLE.accreditations,
        *BUNDLE.rosters,
        *BUNDLE.statuses,
    ]

    assert _ok(_explain({f"{number}.json": raw for number, raw in enumerate(files)}))


def test_first_fault_stops_what_follows() -> None:
    steps = _explain({"bundle.json": WORLD.bundle(approvals=["meri"]).to_json()})

    assert steps["algorithm"].ok is True
    assert (steps["approvals"].ok, steps["approvals"].code) == (False, "approval-quorum")
    assert (steps["order"].ok, steps["order"].code) == (None, None)


def test_release_is_explained_and_opened() -> None:
    sealed, _, receipt = _released()
    files = {"bundle": BUNDLE.to_json(), "receipt": receipt, "node": NODE_ACCREDITATION, "release.bin": sealed}

    assert _ok(_explain(files))
    opened = _explain(files, recipient=recipient_key())["release release.bin"]
    assert opened.ok is True
    assert "1 output(s)" in opened.sentence


def test_order_with_a_true_receipt_is_judged_at_its_moment() -> None:
    """Years later everything has expired; it was right then."""
    _, _, receipt = _released()
    files = {"bundle": BUNDLE.to_json(), "receipt": receipt, "node": NODE_ACCREDITATION}
    later = NOW + timedelta(days=3650)

    assert _ok(_explain(files, now=later))
    assert _explain({"bundle": BUNDLE.to_json()}, now=later)["trust root"].code == "trust-root-expired"


def test_forged_receipt_does_not_turn_the_clock_back() -> None:
    document = WORLD.receipt(ORDER, ORDER_ID)
    files = {"bundle": BUNDLE.to_json(), "receipt": WORLD.sign(document, "mallory"), "node": NODE_ACCREDITATION}

    steps = _explain(files, now=NOW + timedelta(days=3650))

    assert steps[f"receipt of {NODE}"].code == "receipt-signature"
    assert steps["trust root"].code == "trust-root-expired"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dataset": "cohort-es"}, "receipt-other-order"),
        ({"algorithm": fake_digest("other")}, "receipt-other-order"),
        ({"decision": "failed", "code": "job-failed", "rho_charged_nano": 10**9}, "receipt-overcharged"),
    ],
)
def test_receipt_that_contradicts_its_order_is_refused(changes: dict[str, Any], code: str) -> None:
    receipt = WORLD.sign(WORLD.receipt(ORDER, ORDER_ID, **changes), NODE)

    steps = _explain({"bundle": BUNDLE.to_json(), "receipt": receipt, "node": NODE_ACCREDITATION})

    assert steps[f"receipt of {NODE}"].code == code


def test_receipt_is_explained_without_its_order() -> None:
    receipt = WORLD.sign(WORLD.receipt(ORDER, ORDER_ID), NODE)

    steps = _explain({"receipt": receipt, "node": NODE_ACCREDITATION, "status": BUNDLE.statuses[0]})

    assert steps[f"receipt of {NODE}"].sentence.endswith("refused (approval-quorum).")
    assert _ok(steps)


def test_release_without_receipt_is_nobodys() -> None:
    sealed, _, _ = _released()

    assert _explain({"release.bin": sealed})["release release.bin"].code == "release-digest"


def test_files_that_are_none_of_ours_are_said_to_be() -> None:
    foreign = World.sign(WORLD, WORLD.status(), OFFICE).replace(b"payloadType", b"payload_type")
    steps = _explain({"broken.json": b"{", "foreign.json": foreign})

    assert [step.code for step in steps.values()] == ["document-malformed", "document-malformed"]


@pytest.mark.parametrize(
    "kind", ["urn:safeconduct:poem:v1", "urn:safeconduct:status:v2", "https://slsa.dev/provenance/v1"]
)
def test_statement_of_unknown_kind_is_said_to_be(kind: str) -> None:
    from vectors.forge import signed, statement_of, to_bytes

    raw = signed(to_bytes(statement_of(WORLD.status()) | {"predicateType": kind}), OFFICE)

    assert _explain({"x.json": raw})["file x.json"].code == "document-kind"


LONE = {
    "trust-root": lambda: [WORLD.sign(WORLD.trust_root(), HOLDER)],
    "accreditation": lambda: [NODE_ACCREDITATION],
    "roster": lambda: [WORLD.sign(WORLD.roster(), OFFICE)],
    "status": lambda: [WORLD.sign(WORLD.status(), OFFICE)],
    "algorithm": lambda: [BUNDLE.algorithm, BUNDLE.accreditations[1]],
    "approval": lambda: [BUNDLE.approvals[0], BUNDLE.rosters[0]],
    "policy": lambda: [WORLD.sign(WORLD.policy(), HOLDER)],
    "rehearsal": lambda: [WORLD.sign(rehearsal(), NODE), NODE_ACCREDITATION],
}


@pytest.mark.parametrize("kind", LONE)
def test_lone_document_that_is_right_is_said_to_be(kind: str) -> None:
    steps = _explain({str(number): raw for number, raw in enumerate(LONE[kind]())})

    assert steps[kind].ok is True
    assert _ok(steps)


LATER = NOW + 3 * YEAR
LONE_FAULTS = [
    ("trust-root", [WORLD.sign(WORLD.trust_root(version=2), HOLDER)], NOW, "trust-root-fingerprint"),
    ("trust-root", [WORLD.sign(WORLD.trust_root(), HOLDER)], LATER, "trust-root-expired"),
    ("accreditation", [NODE_ACCREDITATION], LATER, "accreditation-expired"),
    ("accreditation", [WORLD.sign(WORLD.accreditation(), "mallory")], NOW, "key-unknown"),
    ("roster", [WORLD.sign(WORLD.roster(), OFFICE)], LATER, "roster-expired"),
    ("status", [WORLD.sign(WORLD.status(), OFFICE)], LATER, "status-stale"),
    ("algorithm", [BUNDLE.algorithm], NOW, "accreditation-missing"),
    ("approval", [BUNDLE.approvals[0]], NOW, "roster-missing"),
    ("approval", list(BUNDLE.approvals[:1] + BUNDLE.rosters), LATER, "approval-expired"),
    ("policy", [WORLD.sign(WORLD.policy(), "mallory")], NOW, "key-unknown"),
    ("rehearsal", [WORLD.sign(rehearsal(), NODE)], NOW, "accreditation-missing"),
    ("rehearsal", [WORLD.sign(rehearsal(), "mallory"), NODE_ACCREDITATION], NOW, "key-unknown"),
    ("rehearsal", [WORLD.sign(rehearsal(by_kind="person"), NODE), NODE_ACCREDITATION], NOW, "accreditation-missing"),
]


def test_report_of_a_rehearsal_says_whether_the_algorithm_was_fit() -> None:
    fault = {"level": "fault", "code": "chambers-failed", "sentence": "Half of the chambers failed."}
    bad = WORLD.sign(rehearsal(fit=False, findings=[fault]), NODE)

    found = [
        _explain({"x": raw, "node": NODE_ACCREDITATION})["rehearsal"].sentence for raw in (bad, LONE["rehearsal"]()[0])
    ]

    assert ["not fit" in sentence for sentence in found] == [True, False]


@pytest.mark.parametrize(("kind", "files", "now", "code"), LONE_FAULTS)
def test_lone_document_that_is_wrong_is_said_to_be(kind: str, files: list[bytes], now: Any, code: str) -> None:
    steps = explain({str(number): raw for number, raw in enumerate(files)}, WORLD.open_root(), now)

    assert next(step for step in steps if step.name == kind).code == code


def test_lone_approval_of_a_stranger_to_the_roster_is_said_to_be() -> None:
    approval = WORLD.approval("otto", digest_of(BUNDLE.algorithm), digest_of(BUNDLE.rosters[0]))

    steps = _explain({"a": WORLD.sign(approval, "otto"), "r": BUNDLE.rosters[0]})

    assert steps["approval"].code == "approval-not-member"


def test_release_opens_only_as_its_receipt_says() -> None:
    sealed, receipt, _ = _released()

    assert open_release(sealed, receipt, recipient_key()).order == ORDER_ID
    with pytest.raises(Refused) as refusal:
        open_release(sealed[:-1] + b"\x00", receipt, recipient_key())
    assert refusal.value.code == "release-digest"
    with pytest.raises(Refused) as refusal:
        open_release(sealed, receipt, recipient_key("olga"))
    assert refusal.value.code == "seal-broken"
    with pytest.raises(Refused) as refusal:
        open_release(sealed, WORLD.receipt(ORDER, ORDER_ID), recipient_key())
    assert refusal.value.code == "release-none"


def test_release_of_another_order_under_this_receipt_is_refused() -> None:
    """The registry swaps two releases of one researcher: digest, seal and words all bind the order."""
    sealed, receipt, _ = _released()
    other = receipt.model_copy(update={"order": fake_digest("other order")})

    with pytest.raises(Refused) as refusal:
        open_release(sealed, other, recipient_key())
    assert refusal.value.code == "seal-broken"


@pytest.mark.parametrize("change", [{"dataset": "cohort-es"}, {"rho_nano": 1}, {"timing": "padded"}])
def test_release_that_contradicts_its_receipt_is_refused(change: dict[str, Any]) -> None:
    sealed, receipt, _ = _released(**change)

    with pytest.raises(Refused) as refusal:
        open_release(sealed, receipt, recipient_key())

    assert refusal.value.code == "release-other"


def test_sealed_releases_of_one_order_have_one_length() -> None:
    short, _, _ = _released()
    long, _, _ = _released(assumptions=["A sentence that goes on and on. "] * 20)

    assert len(short) == len(long)


def test_verified_order_carries_the_digest_of_everything() -> None:
    verified = verify_order(
        BUNDLE, trust_root=WORLD.open_root(), node=NODE, datasets=frozenset({ORDER.dataset}), now=NOW
    )

    assert verified.order_id == ORDER_ID
    assert verified.algorithm_digest == digest_of(BUNDLE.algorithm)
    assert verified.approval_digests == tuple(map(digest_of, BUNDLE.approvals))
    assert verified.roster_digests == (digest_of(BUNDLE.rosters[0]),)
    assert verified.status_digests == (digest_of(BUNDLE.statuses[0]),)
    assert verified.accreditation_digest == digest_of(BUNDLE.accreditations[0])
    assert (verified.accreditation.subject, verified.author.subject) == (RESEARCHER, AUTHOR)
    assert verified.priced == ("log_odds_ratio",)
