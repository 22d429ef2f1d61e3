"""A database that the first release wrote, with reviews and orders amid their course, is upgraded and goes on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from databases import Database, contents
from factory import NODE, RESEARCHER, private_key
from first_release import FIRST, REVISIONS, fill
from sqlalchemy import create_engine, select

from protocol.chain import OrderBundle, verify_order
from protocol.documents.checkpoint import open_checkpoint
from registry.store import schema
from registry.store.tables import Algorithm

THEN = {("algorithm", "state"): {"in_review": "submitted"}}  # a review that waits for votes was called otherwise


def first_release(source: str, target: str) -> dict[str, list[Any]]:
    """Write what a registry holds into the first release's tables; return all that is in them."""
    config, come, go = Config(), create_engine(source), create_engine(target)
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with go.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, FIRST)
    fill(come, go, THEN)
    for engine in (come, go):
        engine.dispose()
    return contents(target)


@pytest.fixture
def before(settled: Any, database: Database) -> Mapping[str, list[Any]]:
    """What the first release held; `settled` then runs on it, brought up to date by its start."""
    settled.waiting = settled.submit(name="waiting")
    settled.vote(settled.waiting, "meri")
    settled.algorithm = settled.submit()
    settled.votes = [settled.vote(settled.algorithm, member).json()["digest"] for member in ("meri", "mikko")]
    settled.orders = []
    for nonce in ("0" * 32, "1" * 32):
        raw = settled.order(settled.algorithm, approvals=settled.votes, nonce=nonce)
        settled.orders.append((settled.publish("orders", raw), raw))
    answered = settled.refusal(settled.orders[0][1])
    assert settled.post(f"/nodes/{NODE}/receipts", answered, NODE).is_success
    held = first_release(settled.database, database.url)
    settled.tokens.clear()
    settled.database = database.url
    settled.restart()
    return held


def state(hub: Any, order: str) -> str:
    return str(hub.request("GET", f"/orders/{order}", RESEARCHER).json()["state"])


def test_every_row_of_the_first_release_is_still_there(settled: Any, before: Mapping[str, list[Any]]) -> None:
    now = contents(settled.database)
    widened = {"algorithm", "approval", REVISIONS}  # columns were added, and a word was changed
    assert {name for name in before if name not in widened and now[name] != before[name]} == set()
    assert {name: len(now[name]) for name in widened} == {name: len(before[name]) for name in widened}
    assert len(before["job_order"]) == len(before["algorithm"]) == 2
    assert now[REVISIONS] == [(schema.HEAD,)]


def test_what_was_published_before_there_was_a_log_is_logged(settled: Any, before: Mapping[str, list[Any]]) -> None:
    checkpoint = open_checkpoint(settled.request("GET", "/log/checkpoint").text, private_key("the log").public)
    assert checkpoint.size == len(before["document"])


def test_no_order_is_lost_and_the_next_one_comes_after_it(settled: Any, before: Any) -> None:
    (answered, _), (waiting, raw) = settled.orders
    handed = settled.request("GET", f"/nodes/{NODE}/orders", NODE).json()
    assert handed["ids"] == [waiting]
    bundle = OrderBundle.from_json(json.dumps(handed["orders"][0]).encode())
    known = {"node": NODE, "datasets": frozenset({settled.world.dataset}), "now": settled.now}
    assert verify_order(bundle, trust_root=settled.world.open_root(), **known).order_id == waiting

    next_one = settled.publish("orders", settled.order(settled.algorithm, approvals=settled.votes, nonce="2" * 32))
    assert settled.request("GET", f"/nodes/{NODE}/orders", NODE).json()["ids"] == [waiting, next_one]
    assert settled.post(f"/nodes/{NODE}/receipts", settled.refusal(raw), NODE).is_success
    assert [state(settled, order) for order in (answered, waiting, next_one)] == ["refused", "refused", "queued"]


def test_a_review_that_waited_for_a_vote_takes_it(settled: Any, before: Mapping[str, list[Any]]) -> None:
    assert state_of_review(settled) == "in_review"
    assert settled.vote(settled.waiting, "mikko").is_success
    assert state_of_review(settled) == "approved"


def state_of_review(hub: Any) -> str:
    with hub.desk.store.reading() as tx:
        return str(tx.scalars(select(Algorithm.state).where(Algorithm.digest == hub.waiting)).one())
