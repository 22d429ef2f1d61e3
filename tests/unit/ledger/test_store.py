"""Charges in a real database of either kind: all five scopes or none, once for ever."""

from dataclasses import replace

import pytest
from databases import Database
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sandbox.domain.ledger import GENESIS, Caps, Scope
from sandbox.errors import LedgerBroken, Refused
from sandbox.store import ledger
from sandbox.store.base import Store

from .conftest import CAPS, SCOPES, Book

ACCOUNTS = {scope: name for scope, name in SCOPES.named().items() if scope is not Scope.JOB}


def spent(book: Book) -> dict[Scope, int]:
    with book.store.reading() as session:
        return {scope: ledger.spent(session, scope, name) for scope, name in ACCOUNTS.items()}


def test_charge_debits_every_scope(book: Book) -> None:
    entry = book.charge("first", 120)

    assert set(spent(book).values()) == {120}
    with book.store.reading() as session:
        assert ledger.spent(session, Scope.JOB, entry.order_id) == 120
        assert ledger.left(session, entry.scopes, CAPS) == 280


def test_new_ledger_has_spent_nothing(book: Book) -> None:
    with book.store.reading() as session:
        assert ledger.head(session) == GENESIS
        assert ledger.check_ledger(session) == GENESIS
        assert ledger.spent(session, Scope.POOL, "pool-1") == 0


def test_charges_are_chained(book: Book) -> None:
    made = [book.charge(name) for name in "abc"]

    assert book.entries() == made
    with book.store.reading() as session:
        assert ledger.check_ledger(session) == ledger.head(session) == made[-1].head


def test_order_is_charged_once_for_ever(book: Book) -> None:
    book.charge("first")

    with pytest.raises(Refused) as refused:
        book.charge("first", nonce="another nonce")

    assert refused.value.code == "order-replayed"
    assert set(spent(book).values()) == {100}


def test_nonce_is_charged_once_for_ever(book: Book) -> None:
    book.charge("first", nonce="same")

    with pytest.raises(Refused) as refused:
        book.charge("second", nonce="same")

    assert refused.value.code == "order-replayed"


@pytest.mark.parametrize(
    ("caps", "code"),
    [
        ({"pool_nano": 199}, "budget-pool"),
        ({"lineage_nano": 199}, "budget-dataset"),
        ({"project_nano": 199}, "budget-project"),
        ({"algorithm_nano": 199}, "budget-algorithm"),
        ({"job_nano": 99}, "budget-job"),
    ],
)
def test_refusal_of_one_scope_debits_none(book: Book, caps: dict[str, int], code: str) -> None:
    first = book.charge("first")

    with pytest.raises(Refused) as refused:
        book.charge("second", caps=replace(CAPS, **caps))

    assert refused.value.code == code
    assert set(spent(book).values()) == {100}
    assert book.entries() == [first]


def test_refused_order_may_be_charged_later(book: Book) -> None:
    with pytest.raises(Refused):
        book.charge("first", caps=replace(CAPS, job_nano=99))

    assert book.charge("first").sequence == 1


def test_second_dataset_name_over_the_same_people_gets_no_fresh_pool(book: Book) -> None:
    wide = Caps(pool_nano=250, lineage_nano=250, project_nano=1000, algorithm_nano=1000, job_nano=1000)
    book.charge("first", 200, caps=wide)

    with pytest.raises(Refused) as refused:
        book.charge("second", 100, caps=wide, lineage="lineage-2", project="other", algorithm="b" * 64)

    assert refused.value.code == "budget-pool"


def test_other_project_has_its_own_account(book: Book) -> None:
    book.charge("first", 300)
    book.charge("second", 300, project="other", algorithm="b" * 64)

    assert spent(book)[Scope.PROJECT] == 300
    assert spent(book)[Scope.POOL] == 600


def test_failure_after_the_charge_in_its_transaction_undoes_it(store: Store, book: Book) -> None:
    def charge_and_fail() -> None:
        with store.transaction() as session:
            ledger.charge(
                session, order_id="a" * 64, nonce="n", scopes=SCOPES, caps=CAPS, rho_nano=100, now=entry.charged_at
            )
            raise RuntimeError("the rest of the step failed")

    entry = book.charge("first")

    with pytest.raises(RuntimeError):
        charge_and_fail()

    assert book.entries() == [entry]
    assert set(spent(book).values()) == {100}


def test_charge_is_found_by_its_order(store: Store, book: Book) -> None:
    entry = book.charge("first")

    with store.reading() as session:
        assert ledger.find(session, entry.order_id) == entry
        assert ledger.find(session, "0" * 64) is None


@pytest.mark.parametrize(
    ("tampering", "code"),
    [
        ("UPDATE ledger_entry SET rho_nano = 1 WHERE sequence = 1", "ledger-entry"),
        ("DELETE FROM ledger_entry WHERE sequence = 1", "ledger-chain"),
        ("DELETE FROM ledger_entry WHERE sequence = 2", "ledger-head"),
        ("UPDATE ledger_account SET spent_nano = 1 WHERE scope = 'pool'", "ledger-account"),
        ("DELETE FROM ledger_account WHERE scope = 'job'", "ledger-account"),
        ("UPDATE ledger_head SET sequence = 1", "ledger-head"),
    ],
)
def test_tampering_is_found(store: Store, book: Book, tampering: str, code: str) -> None:
    book.charge("first")
    book.charge("second")
    with store.transaction() as session:
        session.execute(text(tampering))

    with store.reading() as session, pytest.raises(LedgerBroken) as broken:
        ledger.check_ledger(session)

    assert broken.value.code == code


def test_database_itself_refuses_a_refund(store: Store, book: Book) -> None:
    book.charge("first")

    with pytest.raises(DBAPIError, match="no_refund"), store.transaction() as session:
        session.execute(text("UPDATE ledger_entry SET rho_nano = -100"))


def test_ledger_survives_its_process(database: Database, book: Book) -> None:
    made = [book.charge(name) for name in "ab"]
    book.store.close()

    again = Store(database.url)

    with again.reading() as session:
        assert list(ledger.entries(session)) == made
        assert ledger.check_ledger(session) == made[-1].head
    again.close()
