"""The ledger's arithmetic and its chain, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sandbox.domain.ledger import (
    GENESIS,
    HEAD_LINE_BYTES,
    Caps,
    Head,
    LedgerEntry,
    Scope,
    Scopes,
    check_caps,
    entry_digest,
    head_line,
    left_nano,
    next_entry,
    read_head_text,
    verify_chain,
    write_head_text,
)
from sandbox.errors import LedgerBroken, Refused

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CAPS = Caps(pool_nano=1000, lineage_nano=800, project_nano=600, algorithm_nano=400, job_nano=300)
SCOPES = Scopes(pool="p", lineage="l", project="t2d", algorithm="a", job="j")
NOTHING = dict.fromkeys(Scope, 0)


def chain(length: int) -> list[LedgerEntry]:
    made: list[LedgerEntry] = []
    head = GENESIS
    for i in range(length):
        made.append(next_entry(head, order_id=f"o{i}", nonce=f"n{i}", scopes=SCOPES, rho_nano=1 + i, now=NOW))
        head = made[-1].head
    return made


@pytest.mark.parametrize(
    ("scope", "already"),
    [(Scope.POOL, 701), (Scope.LINEAGE, 501), (Scope.PROJECT, 301), (Scope.ALGORITHM, 101), (Scope.JOB, 1)],
)
def test_each_scope_refuses_with_its_own_code(scope: Scope, already: int) -> None:
    with pytest.raises(Refused) as refused:
        check_caps(NOTHING | {scope: already}, CAPS, 300)

    assert refused.value.code == f"budget-{scope}"


@pytest.mark.parametrize(
    ("scope", "already"),
    [(Scope.POOL, 700), (Scope.LINEAGE, 500), (Scope.PROJECT, 300), (Scope.ALGORITHM, 100), (Scope.JOB, 0)],
)
def test_each_scope_may_be_spent_to_its_last_nano(scope: Scope, already: int) -> None:
    check_caps(NOTHING | {scope: already}, CAPS, 300)


def test_left_is_what_the_fullest_account_has() -> None:
    assert left_nano(NOTHING | {Scope.PROJECT: 590, Scope.POOL: 100}, CAPS) == 10


def test_left_is_never_negative_when_a_cap_was_lowered() -> None:
    assert left_nano(NOTHING | {Scope.POOL: 2000}, CAPS) == 0


@pytest.mark.parametrize("rho_nano", [0, -1, 0.5, True])
def test_charge_of_nothing_is_a_bug(rho_nano: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        next_entry(GENESIS, order_id="o", nonce="n", scopes=SCOPES, rho_nano=rho_nano, now=NOW)


def test_chain_gives_its_head() -> None:
    made = chain(3)

    assert verify_chain(made) == Head(sequence=3, digest=made[-1].digest)


def test_empty_chain_ends_where_it_begins() -> None:
    assert verify_chain([]) == GENESIS


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": "other"},
        {"nonce": "other"},
        {"rho_nano": 1},
        {"charged_at": NOW + timedelta(microseconds=1)},
        {"scopes": replace(SCOPES, pool="other")},
        {"scopes": replace(SCOPES, lineage="other")},
        {"scopes": replace(SCOPES, project="other")},
        {"scopes": replace(SCOPES, algorithm="other")},
        {"scopes": replace(SCOPES, job="other")},
    ],
)
def test_changed_entry_is_found(change: dict[str, object]) -> None:
    first, second, third = chain(3)

    with pytest.raises(LedgerBroken) as broken:
        verify_chain([first, replace(second, **change), third])

    assert broken.value.code == "ledger-entry"


def test_entry_rewritten_with_its_digest_breaks_the_next_link() -> None:
    first, second, third = chain(3)
    cheaper = replace(second, rho_nano=1)
    forged = replace(cheaper, digest=entry_digest(cheaper))

    with pytest.raises(LedgerBroken) as broken:
        verify_chain([first, forged, third])

    assert broken.value.code == "ledger-chain"


@pytest.mark.parametrize("order", [(0, 2), (1, 2), (0, 2, 1), (0, 0, 1), (0, 1, 1)])
def test_entry_left_out_doubled_or_moved_is_found(order: tuple[int, ...]) -> None:
    made = chain(3)

    with pytest.raises(LedgerBroken):
        verify_chain([made[i] for i in order])


def test_digest_does_not_depend_on_the_time_zone_it_is_read_in() -> None:
    entry = chain(1)[0]
    elsewhere = replace(entry, charged_at=NOW.astimezone(timezone(timedelta(hours=2))))

    assert entry_digest(elsewhere) == entry.digest


def test_head_text_is_read_back() -> None:
    head = chain(2)[-1].head

    assert read_head_text(write_head_text(head)) == head


def test_head_line_has_its_fixed_length() -> None:
    far = Head(sequence=10**18, digest=GENESIS.digest)

    assert len(head_line(GENESIS)) == len(head_line(far)) == HEAD_LINE_BYTES


def test_newest_line_is_the_head_whatever_its_place() -> None:
    first, second = (entry.head for entry in chain(2))

    assert read_head_text(head_line(second) + head_line(first)) == second


def test_line_that_was_cut_off_leaves_the_one_before() -> None:
    first, second = (entry.head for entry in chain(2))

    assert read_head_text(head_line(second)[:50] + "\n" + head_line(first)) == first


@pytest.mark.parametrize("text", ["", "\n\n", "x", head_line(GENESIS)[:-2], head_line(GENESIS).replace("0", "1", 1)])
def test_unreadable_head_is_no_witness(text: str) -> None:
    with pytest.raises(LedgerBroken) as broken:
        read_head_text(text)

    assert broken.value.code == "ledger-head-unreadable"
