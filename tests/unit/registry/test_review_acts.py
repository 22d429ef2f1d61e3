"""Who may do what in which state, and who sees what: the whole truth tables, written down a second time."""

from itertools import product

import pytest

from registry.domain.review import ReviewState as S
from registry.domain.review_acts import ALLOWED, Act, Role, check_may, is_open_to, role
from registry.domain.tally import Box, Rule, Seat, Tally, Vote, tally
from registry.errors import RegistryError

LETTERS = {"a": Role.AUTHOR, "c": Role.CHAIR, "m": Role.MEMBER, "u": Role.UNDECLARED, "o": Role.OFFICE}
STATES = {
    "draft": S.DRAFT, "submitted": S.SUBMITTED, "checking": S.CHECKING, "in review": S.IN_REVIEW,
    "consolidating": S.CONSOLIDATING, "approved": S.APPROVED, "with conditions": S.APPROVED_WITH_CONDITIONS,
    "returned": S.RETURNED, "rejected": S.REJECTED, "superseded": S.SUPERSEDED, "suspended": S.SUSPENDED,
    "revoked": S.REVOKED, "expired": S.EXPIRED,
}  # fmt: skip
#: Which roles may: author, chair, member, undeclared member, office. Recused members and outsiders may nothing.
TABLE = """
                  ask   comment  declare  prepare  undo  return  suspend  resume   revoke
draft             -     -        -        -        cmo   -       -        -  -
submitted         a     -        -        -        cmo   -       -        -  o
checking          a     -        -        -        cmo   -       -        -  o
in review         a     acm      cmu      cm       cmo   cm      -        -  o
consolidating     -     acm      cmu      cm       cmo   cm      -        -  o
approved          -     acm      cmu      cm       cmo   -       c        -  o
with conditions   -     acm      cmu      cm       cmo   -       c        -  o
returned          -     acm      -        -        cmo   -       -        -  o
rejected          -     acm      cmu      cm       cmo   -       -        -  o
superseded        -     -        -        -        cmo   -       -        -  o
suspended         -     acm      cmu      cm       cmo   -       -        c  o
revoked           -     -        -        -        cmo   -       -        -  -
expired           -     acm      cmu      cm       cmo   -       -        -  o
"""


def _rows() -> dict[tuple[S, Act], set[Role]]:
    head, *lines = TABLE.strip("\n").splitlines()
    acts = [Act(word) for word in head.split()]
    found = {}
    for line in lines:
        words = line[18:].split()
        for act, cell in zip(acts, words, strict=True):
            found[STATES[line[:18].strip()], act] = {LETTERS[letter] for letter in cell if letter != "-"}
    return found


EXPECTED = _rows()


def test_the_table_covers_every_act_and_state() -> None:
    assert set(ALLOWED) == set(Act)
    assert set(EXPECTED) == set(product(S, Act))


@pytest.mark.parametrize("act", Act)
def test_every_role_in_every_state(act: Act) -> None:
    for state, one in product(S, Role):
        if one in EXPECTED[state, act]:
            check_may(act, one, state)
            continue
        with pytest.raises(RegistryError, match=r"\. \["):
            check_may(act, one, state)


SEATS = {name: Seat(person=name, institution=name, seats=frozenset()) for name in ("meri", "mikko", "maria")}


def box(*votes: str, recused: str = "", chair: str = "", committee: str = "ethics", late: bool = False) -> Tally:
    seats = {n: Seat(person=n, institution=n, seats=frozenset({"chair"} if n == chair else ())) for n in SEATS}
    rule = Rule(voters=seats, minimum_approvals=2, minimum_institutions=1, seats=frozenset())
    cast = [Vote(member=member, scope="s", approves=True, conflicted=False) for member in votes]
    return tally(committee, "t2d", rule, cast, Box(recused=frozenset({recused}), late=late))


@pytest.mark.parametrize(
    ("person", "declared", "tallies", "expected"),
    [
        ("ada", {}, [box()], Role.AUTHOR),
        ("rita", {}, [box()], Role.OUTSIDER),
        ("meri", {}, [], Role.OUTSIDER),
        ("meri", {}, [box()], Role.UNDECLARED),
        ("meri", {"law": False}, [box()], Role.UNDECLARED),
        ("meri", {"ethics": False}, [box(chair="mikko")], Role.MEMBER),
        ("meri", {"ethics": False}, [box(chair="meri")], Role.CHAIR),
        ("meri", {"ethics": False}, [box()], Role.CHAIR),
        ("meri", {}, [box("meri", chair="mikko")], Role.MEMBER),
        ("meri", {"ethics": True}, [box()], Role.RECUSED),
        ("meri", {}, [box(recused="meri")], Role.RECUSED),
        ("meri", {"ethics": False}, [box(), box(committee="law")], Role.UNDECLARED),
        ("meri", {"ethics": False}, [box(), box(committee="law", recused="meri")], Role.RECUSED),
    ],
)
def test_what_somebody_is_to_a_review(
    person: str, declared: dict[str, bool], tallies: list[Tally], expected: Role
) -> None:
    assert role(person, "ada", tallies, declared) is expected


def test_an_office_that_is_concerned_is_nothing_else() -> None:
    assert role("office-eu", "ada", [box()], {}, frozenset({"office-eu"})) is Role.OFFICE
    assert role("office-us", "ada", [box()], {}, frozenset({"office-eu"})) is Role.OUTSIDER


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("viewer", [None, "ada", "rita", "meri", "mikko", "maria"])
def test_blind_votes_are_open_only_to_who_has_voted(viewer: str | None, state: S) -> None:
    over = state in (S.RETURNED, S.SUPERSEDED, S.REVOKED)

    assert is_open_to(viewer, box(), state) == over
    assert is_open_to(viewer, box("meri"), state) == (over or viewer == "meri")
    assert is_open_to(viewer, box("meri", recused="mikko"), state) == (over or viewer == "meri")
    assert is_open_to(viewer, box("meri", "mikko"), state)
    assert is_open_to(viewer, box("meri", late=True), state)
