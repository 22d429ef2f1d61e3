"""Four people and one answer: a researcher asks, two members and their chair decide and sign, a node answers.

Everybody acts as they would: on the registry's pages in a browser of their own, and, to sign, on the page that
`safeconduct review sign` opens on their own machine. Told twice: with script, and with the registry's pages in a
browser whose script is off; only the two passkey ceremonies need it. The node alone is played (`played_node`).
"""

import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filled_forms
import played_node
import pytest
from client_home import home_of, pin
from client_place import done
from factory import COMMITTEE, NODE, OFFICE, PROJECT, RESEARCHER, recipient_key
from local_signing import command, ended, make_passkey, press, seat
from playwright.sync_api import Page, expect
from registry_process import Registry, running
from signed_in import origin_of, sign_in, without_script

from protocol.chain import open_release, verify_receipt
from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.trust_root import TrustRoot

MEMBERS, CHAIR = ("meri", "mikko"), "maria"
BLIND = f"{COMMITTEE}, {PROJECT}: the votes are not open yet."


@dataclass
class Person:
    """Somebody's browser: the registry's pages, and, for whoever signs, the page of the local signer beside it."""

    name: str
    desk: Page
    signer: Page | None = None


@dataclass
class Story:
    """One registry, whom it knows, and where its committee's passkeys sign."""

    registry: Registry
    page: PasskeyOrigin
    folder: Path
    page_of: Callable[..., Page]
    authenticator: Callable[[Page], str]
    script: bool

    @property
    def believed(self) -> dict[str, Any]:
        """What this holder's trust root says besides the usual: the signer's page, and that the chair must agree."""
        rule = self.registry.world.trust_root().datasets[0].committees[0].model_dump() | {"seats": ["chair"]}
        datasets = [{"dataset": self.registry.world.dataset, "committees": [rule]}]
        return {"passkey_origins": [self.page.model_dump()], "datasets": datasets}

    def enter(self, who: str, invitation: str | None = None) -> Person:
        """Register `who`'s login passkey; go on in that browser, or in one without script that has the session."""
        page = sign_in(self.registry, who, self.page_of(origin_of(self.registry)), self.authenticator, invitation)
        return Person(who, page if self.script else without_script(page, self.page_of, self.registry))

    def invited_by_office(self, office: Person, who: str) -> str:
        """The address that the office reads on its page and gives to `who`."""
        office.desk.goto(f"/office/people/{who}")
        office.desk.get_by_role("button", name="Make an invitation to sign in").click()
        return office.desk.locator("main code").inner_text()

    def home(self, who: str) -> Path:
        """The folder of `who`'s profile, on their own machine."""
        return self.folder / who

    def seat_committee(self) -> dict[str, Page]:
        """Let the three make their signing passkeys; the office accredits them and publishes their roster."""
        world, signers, seats = self.registry.world, {}, []
        for who in (*MEMBERS, CHAIR):
            signers[who] = self.page_of(self.page.origin)
            self.authenticator(signers[who])
            made = make_passkey(signers[who], who, self.home(who), self.page)
            seats.append(seat(world, who, made, seats=["chair", "ethics"] if who == CHAIR else ["ethics"]))
            pin(self.registry, self.home(who), who, **self.believed)
            entries = made.model_dump(mode="json", exclude_none=True)
            proved = {"keys": entries["keys"], "proofs": entries["proofs"], "roles": ["committee"]}
            self.registry.publish("accreditations", world.sign(world.accreditation(who, **proved), OFFICE))
        roster = world.roster(version=2, members=seats, seats=["chair"])
        self.registry.publish("rosters", world.sign(roster, OFFICE))
        return signers

    def ask(self, rita: Person) -> str:
        """Submit the researcher's algorithm, and ask the committee for its decision on the page."""
        world = self.registry.world
        algorithm = self.registry.publish("algorithms", world.sign(world.algorithm(author=RESEARCHER), RESEARCHER))
        filled_forms.offer(self.registry)
        rita.desk.goto(f"/my/algorithms/{algorithm}/ask")
        filled_forms.fill_request(rita.desk)
        filled_forms.send_request(rita.desk)
        return algorithm

    def vote(self, member: Person, algorithm: str, decision: str, reasons: str) -> str:
        """Confirm on the registry's page, sign on one's own machine; return the digest of the signed vote."""
        desk = member.desk
        desk.goto(f"/reviews/{algorithm}")
        if desk.get_by_role("button", name="Declare").count():
            expect(desk.get_by_role("button", name="Confirm, then sign")).to_have_count(0)
            desk.get_by_label("No: I work with none").check()
            desk.get_by_role("button", name="Declare").click()
        desk.get_by_label(decision).check()
        desk.get_by_label("Your reasons").fill(reasons)
        desk.get_by_role("button", name="Confirm, then sign").click()
        (code,) = re.findall(r"safeconduct review sign (\S+)", desk.inner_text("main"))
        assert member.signer is not None
        with command("review", "sign", code, "--home", str(self.home(member.name))) as (process, address):
            assert "Signed." in press(member.signer, address)
            return str(ended(process)["approval"])

    def say(self, member: Person, algorithm: str, words: str) -> None:
        """Say something to the committee."""
        member.desk.goto(f"/reviews/{algorithm}")
        member.desk.get_by_label(f"Say something to {COMMITTEE}").fill(words)
        member.desk.get_by_role("button", name="Send").click()

    def order(self, rita: Person) -> str:
        """Compose a job on the page, and sign it on the researcher's own machine; return its digest."""
        rita.desk.goto("/my/jobs/new")
        rita.desk.get_by_role("button", name="Continue").click()
        filled_forms.fill_job(rita.desk)
        code = filled_forms.confirm_job(rita.desk)
        home = home_of(self.registry, self.home(rita.name), rita.name, **self.believed)
        (sent,) = done("job", "sign", code, "--home", home, "--yes")
        return str(sent["order"])

    def answer(self) -> None:
        """Play the node, which believes the three passkeys by its own trust root and answers."""
        played_node.answer(self.registry, played_node.take(self.registry, self.root(), datetime.now(UTC)))

    def root(self) -> TrustRoot:
        """The holder's trust root, opened."""
        return self.registry.world.open_root(**self.believed)

    def opened(self, order: str) -> str:
        """What the result says: the receipt is verified, then the release is opened with the researcher's own key."""
        known = [self.fetch(f"/accreditations/{NODE}"), self.fetch("/statuses")]
        statuses = [text.encode() for text in json.loads(known[1])["statuses"]]
        receipt = verify_receipt(
            self.fetch(f"/orders/{order}/receipt"), accreditations=known[:1], statuses=statuses, trust_root=self.root()
        )
        return str(open_release(self.fetch(f"/orders/{order}/release"), receipt, recipient_key()).outputs[0].value)

    def fetch(self, path: str) -> bytes:
        """What the registry gives the researcher."""
        return self.registry.request("GET", path, RESEARCHER).raise_for_status().content

    def state(self, person: Person, algorithm: str) -> str:
        """Where the review stands, as this person's page says."""
        person.desk.goto(f"/reviews/{algorithm}")
        return person.desk.locator("main .govuk-tag").first.inner_text().lower()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def story(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
) -> Iterator[Story]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        page = PasskeyOrigin(origin=f"http://localhost:{probe.getsockname()[1]}", rp_id="localhost")
    for registry in running(tmp_path, SAFECONDUCT_REGISTRY_PASSKEY_ORIGINS=page.origin):
        yield Story(registry, page, tmp_path, page_of, authenticator, request.param)


def test_four_people_lead_an_algorithm_from_the_first_passkey_to_its_result(story: Story) -> None:
    signers = story.seat_committee()
    rita, office = story.enter(RESEARCHER), story.enter(OFFICE)
    people = {who: story.enter(who, story.invited_by_office(office, who)) for who in signers}
    for who, signer in signers.items():
        people[who].signer = signer
    meri, mikko, maria = people.values()
    algorithm = story.ask(rita)
    rita.desk.goto("/my/algorithms")
    expect(rita.desk.get_by_text("In review")).to_be_visible()
    meri.desk.goto("/reviews")
    expect(meri.desk.get_by_text("Needs your vote")).to_be_visible()

    first = story.vote(meri, algorithm, "Approve, as it was asked", "A median of blocks.")
    for other in (rita, mikko, maria):
        assert story.state(other, algorithm) == "in review"
        expect(other.desk.get_by_text(BLIND)).to_be_visible()
        expect(other.desk.get_by_text("Signed votes")).to_have_count(0)
        expect(other.desk.get_by_text(first)).to_have_count(0)
    story.vote(mikko, algorithm, "Approve, as it was asked", "The budget is small.")
    assert story.state(rita, algorithm) == "in review"
    story.vote(maria, algorithm, "Reject", "The range seems wide.")

    for each in (rita, *people.values()):
        assert story.state(each, algorithm) == "consolidating"
        expect(each.desk.get_by_role("row")).to_contain_text(["meri", "mikko", "maria"])
    story.say(mikko, algorithm, "Two log odds: wide enough for rare alleles, and clamped.")
    maria.desk.goto(f"/reviews/{algorithm}")
    expect(maria.desk.get_by_text("wide enough for rare alleles")).to_be_visible()
    story.vote(maria, algorithm, "Approve, as it was asked", "Convinced by the discussion.")
    assert {story.state(each, algorithm) for each in (rita, *people.values())} == {"approved"}

    order = story.order(rita)
    rita.desk.goto("/my/jobs")
    rita.desk.get_by_role("link", name=order[:12]).click()
    told = rita.desk.locator("main .govuk-tag").first
    expect(told).to_have_text("queued")
    story.answer()
    if story.script:
        expect(told).to_have_text("released", timeout=8000)  # the part renews itself
    rita.desk.reload()
    expect(told).to_have_text("released")
    expect(rita.desk.get_by_text(f"safeconduct job results {order} --page")).to_be_visible()
    assert story.opened(order) == "0.31"
