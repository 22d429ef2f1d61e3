"""A committee's pages, without script: the lists, one review from declaration to signing, what stays blind, markup."""

import re
from typing import Any

import pytest
from factory import AUTHOR, COMMITTEE, OFFICE, PROJECT, RESEARCHER
from review_visits import asked_review, decision_form, shown, visit


@pytest.fixture
def asked(settled: Any) -> tuple[Any, str]:
    """A version that asks a committee, and everybody signed in."""
    purpose = {"purpose": "<img src=x> Which variants?"}
    return settled, asked_review(settled, request=purpose, summary="<script>alert(1)</script> The log odds ratio.")


def test_a_member_goes_from_the_list_to_what_is_to_be_signed(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    here = f"/reviews/{algorithm}"
    assert "Needs your vote" in shown(hub, "meri", "/reviews")
    assert "Waiting on others" in shown(hub, RESEARCHER, "/reviews")
    page = shown(hub, "meri", here)
    assert "a 50/50 guess whether you were in the data is right at most ½+½√(ρ/2): 62.5\N{NO-BREAK SPACE}%" in page
    assert "university-of-ada" in page
    assert "Do you have a conflict of interest?" in page
    assert "Confirm, then sign" not in page

    assert visit(hub, "meri", f"{here}/declare", {"committee": COMMITTEE, "conflict": "no"}).status_code == 303
    assert "Confirm, then sign" in shown(hub, "meri", here)
    assert visit(hub, "meri", f"{here}/decide", decision_form(checklist=["outputs", "budget"])).status_code == 303

    found = re.search(r"safeconduct review sign ([A-Za-z0-9_-]{43})", shown(hub, "meri", here))
    assert found is not None
    assert hub.request("GET", f"/decisions/{found[1]}").status_code == 200
    assert "safeconduct review sign" not in shown(hub, "mikko", here)
    statement = re.search(r'name="statement" value="([0-9a-f]{64})"', shown(hub, "meri", here))
    assert statement is not None
    assert visit(hub, "meri", f"{here}/undo", {"statement": statement[1]}).status_code == 303
    assert hub.request("GET", f"/decisions/{found[1]}").status_code == 404


def test_blind_votes_and_comments_are_on_nobody_elses_page(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    hub.vote(algorithm, "meri")
    here = f"/reviews/{algorithm}"
    said = {"committee": COMMITTEE, "project": PROJECT, "text": "I doubt the range.", "public": "yes", "act": "comment"}
    assert visit(hub, "meri", f"{here}/comment", said).status_code == 303

    assert "I doubt the range." in shown(hub, "meri", here)
    for who in (AUTHOR, RESEARCHER, "mikko"):
        for path in (here, "/reviews"):
            page = shown(hub, who, path)
            assert "meri" not in page, (who, path)
            assert "I doubt" not in page
            assert "not open yet" in page


def test_who_has_voted_may_vote_anew_once_the_votes_are_open_and_undecided(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    here = f"/reviews/{algorithm}"
    roster = hub.world.roster(version=2, seats=["chair"])  # nobody has that seat: a majority is no quorum
    hub.roster = hub.publish("rosters", hub.world.sign(roster, OFFICE))
    for member in ("meri", "mikko"):
        hub.vote(algorithm, member)
    assert "Confirm, then sign" not in shown(hub, "meri", here)  # blind: what was signed stays

    hub.vote(algorithm, "maria")

    for member in ("meri", "mikko", "maria"):
        assert "Confirm, then sign" in shown(hub, member, here)
    assert "Confirm, then sign" not in shown(hub, AUTHOR, here)
    assert "Needs your vote" not in shown(hub, "meri", "/reviews")


def test_reasons_stand_with_the_votes_and_are_as_blind_as_they(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    here = f"/reviews/{algorithm}"
    hub.vote(algorithm, "meri", decision="reject", rationale="<b>The range</b> is too wide.")

    assert "&lt;b&gt;The range&lt;/b&gt; is too wide." in visit(hub, "meri", here).text
    for who in (AUTHOR, RESEARCHER, "mikko"):
        assert "too wide" not in shown(hub, who, here), who

    for who in ("mikko", "maria"):
        hub.vote(algorithm, who)
    assert "The range" in shown(hub, AUTHOR, here)


def test_a_return_goes_to_the_researchers_list_and_inbox(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    hub.vote(algorithm, "meri")
    said = {"committee": COMMITTEE, "project": PROJECT, "text": "Say what the range rests on.", "act": "return"}
    assert visit(hub, "meri", f"/reviews/{algorithm}/comment", said).status_code == 303

    assert "association" in shown(hub, AUTHOR, "/reviews?tab=researcher")
    assert "Nothing is here." in shown(hub, AUTHOR, "/reviews")
    assert "Say what the range rests on." in shown(hub, AUTHOR, f"/reviews/{algorithm}")
    assert "Review of association 1.0.0: returned" in shown(hub, AUTHOR, "/inbox")


def test_text_from_outside_is_never_markup(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    page = visit(hub, "meri", f"/reviews/{algorithm}").text

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_nobody_without_a_session_and_no_foreign_form_gets_through(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    for path in ("/reviews", "/inbox", f"/reviews/{algorithm}"):
        assert visit(hub, None, path).headers["location"].startswith("/sign-in")
    assert visit(hub, "meri", f"/reviews/{'0' * 64}").status_code == 404
    odd = visit(hub, "meri", f"/reviews/{algorithm}/declare", {"committee": COMMITTEE, "conflict": "perhaps"})
    assert odd.status_code == 400
    assert (
        visit(hub, AUTHOR, f"/reviews/{algorithm}/declare", {"committee": COMMITTEE, "conflict": "no"}).status_code
        == 403
    )
