"""What an admin does on the page: one action, one line in the audit with their name. No answer is ever released."""

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from admin_place import WEB, Browser, Place, act, addresses, make_place
from authenticator import PAGE, REGISTRY_PAGE
from vectors.passkey_cases import passkey_bundle

from sandbox.actions.show_audit import show_audit
from sandbox.admin.app import make_app
from sandbox.domain.job import JobState
from sandbox.store.base import Store
from sandbox.store.ledger_head import read_head, write_head
from sandbox.store.tables import JobRow

LONG = "x" * 101
MARKUP = "<img src=x onerror=alert(1)>\"'&<script>alert(2)</script>"


@pytest.fixture
def place(kit: Any) -> Place:
    return make_place(kit)


@pytest.fixture
def meri(place: Place) -> Browser:
    return place.log_in("meri")


def lines(store: Store) -> list[tuple[str, str, str | None]]:
    return [(line["who"], line["action"], line["reason"]) for line in show_audit(store, 1000)]


NODE_DEEDS = {
    "pause": ("node-paused", "disk full"),
    "drain": ("node-draining", "disk full"),
    "prepare-reboot": ("node-draining", "reboot: disk full"),
}


@pytest.mark.parametrize("deed", NODE_DEEDS)
def test_deed_to_the_node_is_one_line_in_the_audit_and_shown(place: Place, meri: Browser, deed: str) -> None:
    before = lines(place.desk.store)

    assert act(meri, f"/node/{deed}", reason=" disk full ").status_code == 303

    action, reason = NODE_DEEDS[deed]
    assert lines(place.desk.store) == [*before, ("admin:meri", action, reason)]
    assert f"by admin:meri: {reason}" in meri.get("/").text
    assert act(meri, "/node/resume", reason="done").status_code == 303
    assert lines(place.desk.store)[-1] == ("admin:meri", "node-accepting", "done")


def test_queue_says_why_a_job_waits_and_resume_lets_it_go_on(place: Place, meri: Browser) -> None:
    act(meri, "/node/pause", reason="new disk")
    order = place.kit.take()
    assert place.kit.tick(order).state == JobState.HELD

    shown = meri.get("/jobs").text

    assert "admin has it paused; the job goes on when the admin resumes" in shown
    place.kit.clock.advance(1)
    act(meri, "/node/resume", reason="disk is in")
    assert place.kit.finish(order).state == JobState.REPORTED


def test_waiting_job_is_cancelled_and_a_finished_one_says_why_not(place: Place, meri: Browser) -> None:
    act(meri, "/node/pause", reason="look")
    order = place.kit.take()
    place.kit.tick(order)

    assert act(meri, f"/jobs/{order}/cancel", reason="wrong cohort").status_code == 303

    assert place.kit.finish(order).state == JobState.CANCELLED
    page = meri.get(f"/jobs/{order}").text
    assert "The job is cancelled already; nothing can be cancelled." in page
    assert re.search(r'<button type="submit" class="govuk-button" disabled aria-disabled="true">Cancel<', page)
    again = act(meri, f"/jobs/{order}/cancel", reason="again")
    assert (again.status_code, "The job is cancelled already" in again.text) == (422, True)


def test_retry_looks_at_a_waiting_job_at_once(place: Place, meri: Browser) -> None:
    act(meri, "/node/pause", reason="look")
    order = place.kit.take()
    waits = place.kit.tick(order)
    assert waits.due_at > place.kit.clock()

    assert act(meri, f"/jobs/{order}/retry", reason="soon").status_code == 303

    assert place.kit.row(order).due_at == place.kit.clock()


@pytest.mark.parametrize("reason", ["", "   ", LONG])
def test_deed_without_a_reason_is_not_done(place: Place, meri: Browser, reason: str) -> None:
    order = place.kit.take()
    before = lines(place.desk.store)
    for address in ("/node/pause", f"/jobs/{order}/cancel", f"/jobs/{order}/retry", f"/algorithms/{'a' * 64}/lift"):
        assert act(meri, address, reason=reason).status_code == 422
    assert lines(place.desk.store) == before


def test_no_deed_and_no_read_brings_a_sealed_answer_out_before_its_time(place: Place, meri: Browser) -> None:
    """Every route, with a sealed padded job: nothing is sent, and no page shows receipt or ciphertext."""
    kit = place.kit
    kit.with_policy(timing="padded", epoch_seconds=600)
    order = kit.take()
    due = kit.run_until(order, "sealed").release_at
    assert kit.clock() < due
    sealed = kit.sealed(order)
    secrets = [sealed.receipt[:40].decode(), sealed.ciphertext[:20].hex()]
    found = addresses(place.app, order)

    for method, _, address in found:
        if method == "POST" and address != "/sign-out":
            act(meri, address, reason="out with it", credential="{}", invitation="x")
        kit.tick(order)
    shown = [meri.get(address).text for method, _, address in found if method == "GET"]

    assert kit.registry.sent("receipts") == kit.registry.sent("releases") == []
    assert not any(secret in text for secret in secrets for text in shown)
    assert '"decision": "released"' not in "".join(shown)
    kit.clock.at = due
    act(meri, "/node/resume", reason="go on")
    assert kit.finish(order).state == JobState.REPORTED
    assert "&#34;decision&#34;: &#34;released&#34;" in meri.get(f"/jobs/{order}").text


def test_failed_job_is_an_incident_until_somebody_decided(place: Place, meri: Browser) -> None:
    kit = place.kit
    order = kit.take()
    kit.lose(times=3)
    assert kit.finish(order).state == JobState.FAILED
    algorithm = kit.row(order).algorithm
    assert "nothing yet" in meri.get("/incidents").text
    refused = kit.take(order={"nonce": "f" * 32})
    assert kit.tick(refused).code == "algorithm-quarantined"

    kit.clock.advance(1)
    act(meri, f"/algorithms/{algorithm}/lift", reason="a broken disk")

    shown = meri.get("/incidents").text
    assert "admin:meri at" in shown
    assert ": a broken disk" in shown
    assert "nothing yet" not in shown
    assert lines(place.desk.store)[-1] == ("admin:meri", "quarantine-lifted", "a broken disk")


def test_ledger_behind_its_head_is_an_incident(place: Place, meri: Browser) -> None:
    kit = place.kit
    kit.finish(kit.take())
    witnessed = kit.node.places.ledger_head
    write_head(witnessed, replace(read_head(witnessed), sequence=7))
    assert "ledger behind" in meri.get("/incidents").text


def test_text_from_outside_is_never_markup(place: Place, meri: Browser) -> None:
    """A reason is the admin's; names come from strangers and are slugs by their schema: pages escape both."""
    reason = MARKUP[:100]
    act(meri, "/node/pause", reason=reason)
    order = place.kit.take()
    place.kit.tick(order)
    with place.desk.store.transaction() as session:
        row = session.get_one(type(place.kit.row(order)), order)
        row.project = row.dataset = row.researcher = MARKUP[:99]
        row.sentence = MARKUP

    for address in ("/", "/status/part", "/jobs", "/jobs/part", f"/jobs/{order}", f"/jobs/{order}/part", "/audit"):
        text = meri.get(address).text
        assert "&lt;img src=x" in text, address
        assert "<img" not in text
        assert "<script>alert" not in text


def test_unknown_job_is_said_to_be_unknown(meri: Browser) -> None:
    answer = meri.get(f"/jobs/{'0' * 64}")
    assert (answer.status_code, "has no job" in answer.text) == (404, True)


def test_job_page_says_which_approvals_were_signed_on_the_registry_s_page(
    place: Place, kit: Any, meri: Browser
) -> None:
    order = kit.take()
    with kit.node.store.transaction() as session:
        session.get_one(JobRow, order).bundle = passkey_bundle(page=REGISTRY_PAGE).to_json()
    shown = {}
    for name, allowed in (("allowed", (PAGE, REGISTRY_PAGE)), ("elsewhere", (PAGE,))):
        root = kit.node.trust.root.model_copy(update={"passkey_origins": allowed})
        desk = replace(place.desk, watched=replace(place.desk.watched, root=root))
        browser = Browser(make_app(desk, WEB))
        browser.cookie = meri.cookie
        shown[name] = html.unescape(browser.get(f"/jobs/{order}").text)

    assert shown["allowed"].count("approval, signed on the registry's page") == 1
    assert "signed on the registry's page" not in shown["elsewhere"]
