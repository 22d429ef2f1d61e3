"""A committee's pages in a real browser: a member declares and confirms; accessible, within the policy on content."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factory import AUTHOR, NODE, OFFICE, PURPOSE
from playwright.sync_api import Page, expect
from registry_process import Registry, running
from review_requests import review_request
from signed_in import origin_of, sign_in
from vectors.rehearsal_cases import rehearsal

DATASET_ENTRY = {
    "dataset": "cohort-fi", "snapshot": "s1", "country": "FI", "assembly": "GRCh38", "people": 12000, "slots": 12000,
    "unit": "family", "maximum_family_size": 4, "columns": ["sex", "age"], "sites": None, "variants": [],
    "duo": [PURPOSE, "DUO:0000021"],
}  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    yield from running(tmp_path)


def test_a_member_declares_and_confirms(
    registry: Registry,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_accessible: Callable[[Page], None],
    assert_no_csp_violation: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
) -> None:
    algorithm = registry.publish("algorithms", registry.world.sign(registry.world.algorithm(), AUTHOR))
    request = review_request(registry.world)
    registry.request("POST", f"/reviews/{algorithm}/requests", AUTHOR, json=request).raise_for_status()
    page = sign_in(registry, "meri", page_of(origin_of(registry)), authenticator)

    page.goto(f"{origin_of(registry)}/reviews")
    assert_accessible(page)
    page.get_by_role("link", name="association 1.0.0").click()
    assert_accessible(page)
    page.get_by_label("No: I work with none").check()
    page.get_by_role("button", name="Declare").click()
    page.get_by_label("Approve, as it was asked").check()
    page.get_by_label("Your reasons").fill("A median.")
    screenshot(page, "review")
    page.get_by_role("button", name="Confirm, then sign").click()

    expect(page.get_by_text("safeconduct review sign")).to_have_count(1)
    assert_accessible(page)
    assert_no_csp_violation(page)


def test_a_page_full_of_evidence_is_accessible_with_all_of_it_open(
    registry: Registry,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_accessible: Callable[[Page], None],
    assert_no_csp_violation: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
) -> None:
    world, rehearser = registry.world, "node-rehearsal"
    registry.publish("accreditations", world.sign(world.accreditation(rehearser, roles=["rehearsal"]), OFFICE))
    registry.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": [DATASET_ENTRY]}).raise_for_status()
    for version in ("1.0.0", "1.1.0"):
        algorithm = registry.publish("algorithms", world.sign(world.algorithm(version=version), AUTHOR))
        for member in ("meri", "mikko") if version == "1.0.0" else ():
            vote = world.approval(member, algorithm, registry.roster)
            registry.publish("approvals", world.sign(vote, member))
    request = review_request(world)
    registry.request("POST", f"/reviews/{algorithm}/requests", AUTHOR, json=request).raise_for_status()
    proposal = world.algorithm(version="1.1.0").proposal_digest
    report = rehearsal(by=rehearser, proposal=proposal, version="1.1.0")
    registry.publish("rehearsals", world.sign(report, rehearser))
    page = sign_in(registry, "meri", page_of(origin_of(registry)), authenticator)

    page.goto(f"{origin_of(registry)}/reviews/{algorithm}")
    screenshot(page, "review-evidence")
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")

    for words in ("Budget and consent at each node", "Changes since association 1.0.0", "Rehearsed on synthetic data"):
        expect(page.get_by_text(words).first, words).to_be_visible()
    assert page.locator("svg.face-plot").count() == 2
    assert_accessible(page)
    screenshot(page, "review-evidence-open")
    assert_no_csp_violation(page)
