"""Orders, uploads, standing and who may see what: the pure rules."""

from datetime import UTC, datetime, timedelta

import pytest

from protocol.documents.accreditation import Accreditation
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.job_order import JobOrder
from protocol.documents.receipt import Receipt
from protocol.documents.rehearsal import Rehearsal
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.errors import SafeconductError
from registry.domain.caller import CALLER_KINDS, PUBLIC_KINDS, TENANT_KINDS, Caller, check_may_read
from registry.domain.order import FINAL, ON_THE_WAY, TRANSITIONS, OrderState, advance, decide
from registry.domain.standing import Revocations, Standing, check_standing
from registry.domain.upload import check_beginnings, check_offset, check_room

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
O = OrderState  # noqa: E741  the table below reads better so


def test_order_table_covers_the_enum() -> None:
    assert set(TRANSITIONS) == set(OrderState)
    assert all(O.QUEUED not in targets for targets in TRANSITIONS.values())
    assert all(not TRANSITIONS[state] for state in FINAL)


@pytest.mark.parametrize("word", [*sorted(ON_THE_WAY | FINAL), "reported"])
def test_any_word_of_the_node_takes_the_order_out_of_the_queue(word: str) -> None:
    assert advance(O.QUEUED, word) is not O.QUEUED


@pytest.mark.parametrize("word", [*sorted(FINAL), "reported"])
def test_an_end_is_not_believed_without_its_receipt(word: str) -> None:
    assert advance(O.RUNNING, word) is O.RUNNING


@pytest.mark.parametrize(
    ("old", "word", "new"),
    [
        (O.RECEIVED, "running", O.RUNNING),
        (O.RUNNING, "charged", O.CHARGED),
        (O.HELD, "received", O.RECEIVED),
        (O.RUNNING, "running", O.RUNNING),
        (O.REFUSED, "running", O.REFUSED),
    ],
)
def test_progress(old: OrderState, word: str, new: OrderState) -> None:
    assert advance(old, word) is new


@pytest.mark.parametrize("word", ["queued", "", "Running", "flying"])
def test_progress_that_is_no_state_is_refused(word: str) -> None:
    with pytest.raises(SafeconductError) as refusal:
        advance(O.RUNNING, word)
    assert refusal.value.code == "progress-malformed"


@pytest.mark.parametrize(
    ("old", "decision", "new"),
    [
        (O.QUEUED, "refused", O.REFUSED),
        (O.RUNNING, "released", O.SEALED),
        (O.SEALED, "released", O.SEALED),
        (O.RUNNING, "failed", O.FAILED),
    ],
)
def test_a_receipt_decides(old: OrderState, decision: str, new: OrderState) -> None:
    assert decide(old, decision) is new


def test_a_second_decision_is_refused() -> None:
    with pytest.raises(SafeconductError) as refusal:
        decide(O.REFUSED, "released")
    assert refusal.value.code == "order-state"


def test_upload_goes_on_where_it_stands() -> None:
    check_offset(claimed=5, actual=5)
    for claimed in (4, 6):
        with pytest.raises(SafeconductError) as refusal:
            check_offset(claimed=claimed, actual=5)
        assert refusal.value.code == "upload-offset"


def test_upload_may_reach_the_limit_and_not_pass_it() -> None:
    check_room(received=9, more=1, limit=10)
    with pytest.raises(SafeconductError) as refusal:
        check_room(received=9, more=2, limit=10)
    assert refusal.value.code == "image-too-large"


def test_upload_beginnings_are_few() -> None:
    check_beginnings(unfinished=3, limit=4)
    with pytest.raises(SafeconductError) as refusal:
        check_beginnings(unfinished=4, limit=4)
    assert refusal.value.code == "upload-too-many"


def standing(kind: str = "person") -> Standing:
    day = timedelta(days=1)
    return Standing(subject="x", kind=kind, roles=frozenset(), office="o", valid_from=NOW - day, valid_until=NOW + day)


@pytest.mark.parametrize(
    ("kind", "revoked", "days", "code"),
    [
        ("person", Revocations(), 0, None),
        ("person", Revocations(nodes=frozenset({"x"})), 0, None),
        ("person", Revocations(persons=frozenset({"x"})), 0, "person-revoked"),
        ("node", Revocations(nodes=frozenset({"x"})), 0, "node-revoked"),
        ("person", Revocations(), 1, "accreditation-expired"),
        ("person", Revocations(), -2, "accreditation-expired"),
    ],
)
def test_standing(kind: str, revoked: Revocations, days: int, code: str | None) -> None:
    try:
        check_standing(standing(kind), revoked, NOW + timedelta(days=days))
        found = None
    except SafeconductError as refusal:
        found = refusal.code
    assert found == code


def caller(subject: str, kind: str = "person") -> Caller:
    return Caller(subject=subject, kind=kind, roles=frozenset({"researcher"}), sits=False)


NOBODY, PARTY, NODE, STRANGER = None, caller("rita"), caller("node-fi", "node"), caller("eve")
PARTIES = frozenset({"rita", "node-fi"})


@pytest.mark.parametrize(
    ("kinds", "who", "code"),
    [
        (PUBLIC_KINDS, NOBODY, None),
        (PUBLIC_KINDS, STRANGER, None),
        (CALLER_KINDS, NOBODY, "token-missing"),
        (CALLER_KINDS, STRANGER, None),
        (TENANT_KINDS, NOBODY, "document-unknown"),
        (TENANT_KINDS, STRANGER, "document-unknown"),
        (TENANT_KINDS, PARTY, None),
        (TENANT_KINDS, NODE, None),
        (frozenset({"something-new"}), PARTY, "document-unknown"),
    ],
)
def test_who_may_read(kinds: frozenset[str], who: Caller | None, code: str | None) -> None:
    for kind in kinds:
        try:
            check_may_read(who, kind, PARTIES)
            found = None
        except SafeconductError as refusal:
            found = refusal.code
        assert found == code


def test_every_kind_of_document_has_a_place_in_the_table() -> None:
    kinds = {model.KIND for model in (Accreditation, Algorithm, Approval, JobOrder, Receipt, Rehearsal, Roster, Status)}

    assert kinds == PUBLIC_KINDS | CALLER_KINDS | TENANT_KINDS
