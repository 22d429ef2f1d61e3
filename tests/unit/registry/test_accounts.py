"""Who sees which page: every route against every role, sessions that end, forms that are not believed."""

from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, NODE, OFFICE, RESEARCHER, fake_digest
from page_routes import all_routes
from sqlalchemy import select
from visitor import ORIGIN, Visitor

from faces.sessions import ABSOLUTE, IDLE
from registry.actions import account
from registry.domain.account import Person
from registry.domain.caller import Caller
from registry.errors import Missing
from registry.store.tables import Event

MEMBER = "meri"
EVERYBODY = frozenset({"nobody", RESEARCHER, AUTHOR, MEMBER, OFFICE})
SIGNED_IN = EVERYBODY - {"nobody"}

MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/static/{digest}/{name}"): EVERYBODY,
    ("GET", "/"): EVERYBODY,
    ("GET", "/algorithms"): EVERYBODY,
    ("GET", "/algorithms/{digest}"): EVERYBODY,
    ("GET", "/nodes"): EVERYBODY,
    ("GET", "/process"): EVERYBODY,
    ("GET", "/log"): EVERYBODY,
    ("GET", "/docs"): EVERYBODY,
    ("GET", "/sign-in"): EVERYBODY,
    ("POST", "/sign-in"): EVERYBODY,
    ("GET", "/enrol"): EVERYBODY,
    ("POST", "/enrol"): EVERYBODY,
    ("POST", "/sign-out"): SIGNED_IN,
    ("GET", "/account"): SIGNED_IN,
    ("POST", "/account/sign-out-everywhere"): SIGNED_IN,
    ("POST", "/account/end-session"): SIGNED_IN,
    ("POST", "/account/remove-passkey"): SIGNED_IN,
    ("GET", "/account/address"): SIGNED_IN,
    ("POST", "/account/address"): SIGNED_IN,
    ("POST", "/account/address/confirm"): SIGNED_IN,
    ("POST", "/account/address/remove"): SIGNED_IN,
    ("GET", "/office"): frozenset({OFFICE}),
    ("GET", "/office/people/{subject}"): frozenset({OFFICE}),
    ("POST", "/office/people/{subject}/invitation"): frozenset({OFFICE}),
    ("GET", "/reviews"): SIGNED_IN,
    ("GET", "/reviews/{digest}"): SIGNED_IN,
    ("GET", "/reviews/{digest}/sbom"): frozenset(),  # no image is here; whom one concerns: test_contents.py
    ("GET", "/inbox"): SIGNED_IN,
    (
        "POST",
        "/reviews/{digest}/declare",
    ): SIGNED_IN,  # who may act on a review: tests/unit/registry/test_review_acts.py
    ("POST", "/reviews/{digest}/decide"): SIGNED_IN,
    ("POST", "/reviews/{digest}/undo"): SIGNED_IN,
    ("POST", "/reviews/{digest}/comment"): SIGNED_IN,
    ("POST", "/reviews/{digest}/standing"): SIGNED_IN,
    ("GET", "/reviews/{digest}/sign/{statement}"): frozenset(),  # nowhere but where it is allowed: test_sign.py
    ("POST", "/reviews/{digest}/sign/{statement}"): SIGNED_IN,
    ("GET", "/my/algorithms"): frozenset({RESEARCHER, AUTHOR}),
    ("GET", "/my/algorithms/{digest}"): frozenset({AUTHOR}),  # the version's own author alone
    ("GET", "/my/algorithms/{digest}/ask"): frozenset({AUTHOR}),
    ("POST", "/my/algorithms/{digest}/ask"): frozenset({RESEARCHER, AUTHOR}),
    ("GET", "/my/jobs"): frozenset({RESEARCHER, AUTHOR}),
    ("GET", "/my/jobs/new"): frozenset({RESEARCHER, AUTHOR}),
    ("POST", "/my/jobs/new"): frozenset({RESEARCHER, AUTHOR}),
    ("GET", "/my/jobs/drafts"): frozenset({RESEARCHER, AUTHOR}),
    ("POST", "/my/jobs/drafts/undo"): frozenset({RESEARCHER, AUTHOR}),
    ("GET", "/my/jobs/{digest}"): frozenset({RESEARCHER}),  # the order's own researcher alone
    ("GET", "/my/jobs/{digest}/state"): frozenset({RESEARCHER}),
}
"""Who may, for every page of the application: a new page without a line here fails."""


@pytest.fixture
def town(settled: Any) -> Any:
    settled.app.state.tries.__init__(10_000, timedelta(minutes=1))
    settled.algorithm = settled.submit()
    settled.job = settled.publish("orders", settled.order(settled.algorithm))
    return settled


def routes(app: Any) -> set[tuple[str, str]]:
    pages = (route for route in all_routes(app) if not route.include_in_schema)
    found = {(method, route.path) for route in pages for method in route.methods - {"HEAD"}}
    return {(method, path) for method, path in found if not path.startswith(("/health", "/ready", "/metrics"))}


def test_the_table_names_every_page(town: Any) -> None:
    assert routes(town.app) == set(MAY)


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_every_page_against_every_role(town: Any, who: str) -> None:
    visitor = Visitor(town, who)
    for (method, template), may in MAY.items():
        if template in ("/sign-in", "/enrol", "/static/{digest}/{name}") or template.endswith("everywhere"):
            continue
        path = template.replace("{subject}", RESEARCHER).replace("{statement}", fake_digest("statement"))
        path = path.replace("{digest}", town.job if "jobs" in path else town.algorithm)
        allowed = who in may
        if method == "POST":
            answer = visitor.post(path, token="0" * 64)
            assert answer.status_code == (401 if who == "nobody" else 403), path
            assert ("form-token" in answer.text) == allowed, path
        else:
            answer = visitor.get(path)
            refused = {303} if who == "nobody" else {403, 404}
            assert (answer.status_code == 200) if allowed else (answer.status_code in refused), path


def test_somebody_elses_order_is_not_there(town: Any) -> None:
    for path in (f"/my/jobs/{town.job}", f"/my/jobs/{town.job}/state", f"/my/jobs/{fake_digest('none')}"):
        assert Visitor(town, AUTHOR, hash(path)).get(path).status_code == 404
    assert town.job[:12] not in Visitor(town, AUTHOR).get("/my/jobs").text


def test_another_offices_people_are_not_there(town: Any) -> None:
    from registry.actions import office

    other = Person(
        caller=Caller(subject="office-xx", kind="office", roles=frozenset(), sits=False), committees=frozenset()
    )

    assert office.list_people(town.desk, other, town.now, after=0, limit=10) == ()
    assert office.list_committees(town.desk, other) == ()
    with pytest.raises(Missing):
        office.show_person(town.desk, other, RESEARCHER, town.now)


def test_a_form_from_elsewhere_changes_nothing(town: Any) -> None:
    visitor = Visitor(town, RESEARCHER)
    for answer in (
        visitor.post("/sign-out", site="cross-site"),
        visitor.post("/sign-out", site="same-site"),
        visitor.post("/sign-out", token=Visitor(town, AUTHOR).browser.form_token),
        visitor.post("/sign-out", token=""),
    ):
        assert answer.status_code == 403

    assert visitor.get("/account").status_code == 200


@pytest.mark.parametrize(("later", "code"), [(IDLE, "session-over"), (ABSOLUTE, "session-over")])
def test_an_expired_session_is_nobody_and_its_end_is_recorded(town: Any, later: timedelta, code: str) -> None:
    visitor = Visitor(town, RESEARCHER)
    town.now += later

    answer = visitor.get("/my/jobs")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/my/jobs")
    assert ends(town) == [(RESEARCHER, code)]


def test_a_session_that_is_used_goes_on(town: Any) -> None:
    visitor = Visitor(town, RESEARCHER)
    for _ in range(4):
        town.now += IDLE / 2
        assert visitor.get("/account").status_code == 200


def test_a_revoked_person_is_signed_out_at_the_next_request(town: Any) -> None:
    visitor = Visitor(town, RESEARCHER)
    status = town.world.status(version=2, revoked={"persons": [RESEARCHER]})
    town.publish("statuses", town.world.sign(status, OFFICE))

    assert visitor.get("/my/jobs").status_code == 303
    assert ends(town) == [(RESEARCHER, "person-revoked")]
    assert Visitor(town, RESEARCHER, 2).get("/my/jobs").status_code == 303


def test_an_expired_accreditation_ends_a_session(town: Any) -> None:
    town.now += timedelta(days=366)
    visitor = Visitor(town, RESEARCHER)

    assert visitor.get("/account").status_code == 303
    assert ends(town) == [(RESEARCHER, "accreditation-expired")]


def test_a_member_who_lost_the_seat_loses_the_session(town: Any) -> None:
    visitor = Visitor(town, MEMBER)
    left = [town.world.member(person) for person in ("mikko", "maria")]
    town.publish("rosters", town.world.sign(town.world.roster(version=2, members=left), OFFICE))

    assert visitor.get("/account").status_code == 303


def test_ending_a_session_twice_says_so_and_somebody_elses_is_not_there(town: Any) -> None:
    here, there, other = Visitor(town, RESEARCHER), Visitor(town, RESEARCHER, 1), Visitor(town, AUTHOR)

    assert here.post("/account/end-session", session=other.browser.hash).status_code == 404
    assert here.post("/account/end-session", session=there.browser.hash).status_code == 303
    assert here.post("/account/end-session", session=there.browser.hash).status_code == 404
    assert there.get("/account").status_code == 303
    assert other.get("/account").status_code == 200


def test_signing_out_gives_the_browser_a_new_cookie_and_the_old_one_opens_nothing(town: Any) -> None:
    visitor = Visitor(town, RESEARCHER)

    answer = visitor.post("/sign-out")

    assert answer.cookies["safeconduct"] != visitor.browser.token
    assert visitor.get("/account").status_code == 303
    assert visitor.post("/sign-out").status_code == 401  # a double submit


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("/my/jobs", "/my/jobs"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/"), ("x", "/")],
)
def test_signing_in_leads_to_this_site_only(town: Any, asked: str, shown: str) -> None:
    text = Visitor(town, "nobody").request("GET", "/sign-in", params={"next": asked}).text

    assert f'name="next" value="{shown}"' in text


@pytest.mark.parametrize(
    "answer", ["", "{}", "x", '{"id":"AAAA"}', "[]", "\x00", '{"id":1,"response":{}}', "A" * 20_000]
)
def test_an_answer_that_is_no_passkeys_is_refused(town: Any, answer: str) -> None:
    visitor = Visitor(town, "nobody")
    visitor.get("/sign-in")

    assert visitor.post("/sign-in", credential=answer).status_code == 403
    assert "passkey-stale" in visitor.post("/sign-in", credential=answer).text  # the challenge was used up


def test_who_tries_too_often_waits(town: Any) -> None:
    town.app.state.tries.__init__(3, timedelta(minutes=1))
    visitor = Visitor(town, "nobody")

    assert [visitor.get("/sign-in").status_code for _ in range(4)] == [200, 200, 200, 429]
    town.now += timedelta(minutes=1)
    assert visitor.get("/sign-in").status_code == 200


def test_an_invitation_is_for_oneself_and_never_for_a_node(town: Any) -> None:
    made = town.request("POST", "/invitations", RESEARCHER)

    assert made.json()["subject"] == RESEARCHER
    assert made.json()["url"].startswith(f"{ORIGIN}/enrol?code=")
    assert town.request("POST", "/invitations").status_code == 401
    assert town.request("POST", "/invitations", NODE).status_code == 403


def test_an_old_invitation_opens_nothing(town: Any) -> None:
    url = town.request("POST", "/invitations", RESEARCHER).json()["url"]
    assert Visitor(town, "nobody").get(url.removeprefix(ORIGIN)).status_code == 200

    town.now += account.INVITATION_LIVES

    assert Visitor(town, "nobody").get(url.removeprefix(ORIGIN)).status_code == 403


def test_only_hashes_of_secrets_are_kept(town: Any) -> None:
    url = town.request("POST", "/invitations", RESEARCHER).json()["url"]
    visitor = Visitor(town, RESEARCHER)
    visitor.get("/sign-in")
    town.desk.store.scrub()

    stored = (town.directory / "registry.db").read_bytes()

    assert url.partition("code=")[2].encode() not in stored
    assert visitor.browser.token.encode() not in stored
    assert visitor.browser.hash.encode() in stored


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)><b hx-get=/my/jobs hx-trigger=load>"


def test_stored_markup_stays_text_on_private_pages(town: Any) -> None:
    named = town.world.accreditation(RESEARCHER, name=HOSTILE, valid_from=town.now - timedelta(hours=1))
    town.publish("accreditations", town.world.sign(named, OFFICE))
    order = town.order(town.algorithm, nonce="1" * 32)
    job = town.publish("orders", order)
    assert town.post(f"/nodes/{NODE}/receipts", town.refusal(order, reason=HOSTILE), NODE).is_success
    town.publish("algorithms", town.world.sign(town.world.algorithm(version="2.0.0", summary=HOSTILE), AUTHOR))

    pages = [
        Visitor(town, OFFICE).get("/office"),
        Visitor(town, OFFICE, 1).get(f"/office/people/{RESEARCHER}"),
        Visitor(town, RESEARCHER).get("/my/algorithms"),
        Visitor(town, RESEARCHER, 1).get(f"/my/jobs/{job}"),
        Visitor(town, "nobody").get("/algorithms"),
    ]

    for page in pages:
        assert page.status_code == 200
        assert "&lt;script&gt;" in page.text, page.url
        for markup in ("<script>", "<img", "<b "):
            assert markup not in page.text, page.url


def ends(hub: Any) -> list[tuple[str, str]]:
    with hub.desk.store.reading() as tx:
        found = tx.scalars(select(Event).where(Event.verb == "session.ended")).all()
        return [(each.actor, each.detail["why"]) for each in found]
