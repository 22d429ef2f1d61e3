"""Statements below the compiler behave as those above it: one transaction, one kind of error, one spelling each."""

import datetime as dt
from pathlib import Path

import pytest
from databases import Postgresql
from postgresql import Cluster
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from sandbox.errors import InfrastructureLost
from sandbox.store.base import EPOCH, Moment, Store, microseconds
from sandbox.store.driver import _spelled, change, fetch

ADD = "INSERT INTO ledger_account (scope, name, spent_nano) VALUES ('pool', :name, 1)"
LOOK = "SELECT name FROM ledger_account WHERE name = :name"


def test_what_the_driver_changed_is_undone_with_its_transaction(store: Store) -> None:
    def add_and_fail() -> None:
        with store.transaction() as session:
            assert change(session.connection(), ADD, {"name": "p"}) == 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_and_fail()

    with store.reading() as session:
        assert fetch(session.connection(), LOOK, {"name": "p"}) == []


def test_driver_s_errors_are_the_mapper_s(store: Store) -> None:
    with store.transaction() as session:
        change(session.connection(), ADD, {"name": "p"})
        with pytest.raises(IntegrityError):
            change(session.connection(), ADD, {"name": "p"})
    with store.reading() as session, pytest.raises((OperationalError, ProgrammingError)) as caught:
        fetch(session.connection(), "SELECT :name FROM nowhere", {"name": "secret"})

    assert "secret" not in str(caught.value)


def test_lost_file_is_the_machine_s_fault(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'missing' / 'node.db'}")
    with pytest.raises(InfrastructureLost), store.transaction() as session:
        fetch(session.connection(), "SELECT 1", {})


def test_lost_connection_is_the_machine_s_fault_and_the_next_one_works(postgres: Cluster) -> None:
    database = Postgresql(postgres, postgres.create())
    store = Store(database.url)

    def write_and_lose() -> None:
        with store.transaction() as session:
            fetch(session.connection(), "SELECT 1", {})
            postgres.cut(database.url)
            fetch(session.connection(), "SELECT 1", {})

    with pytest.raises(InfrastructureLost):
        write_and_lose()

    with store.transaction() as session:
        assert fetch(session.connection(), "SELECT 1", {}) == [(1,)]
    store.close()


def test_moments_are_stored_alike() -> None:
    moment = EPOCH + dt.timedelta(days=20_000, microseconds=7)

    assert microseconds(moment) == Moment().process_bind_param(moment, None)  # type: ignore[arg-type]


def test_each_driver_gets_its_own_spelling() -> None:
    assert _spelled(LOOK, "sqlite") == LOOK
    assert _spelled(LOOK, "postgresql").endswith("WHERE name = %(name)s")
