"""After the story: registry and nodes stay open, and whoever looks around may be anybody of the cast.

1. One version waits for votes: the researcher proposes the first algorithm anew and asks the committee.
2. Everybody asks for an invitation with their own key, as `safeconduct profile web-login` does; each makes one passkey.
3. One member may get a signing passkey: the page of `key passkey` is served here, and the office of this demo, which
   believes everybody, seats the member with the key as soon as it is proved.
4. Each node's admin page is served, with an invitation of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from client.api import RegistryClient
from client.commands.demo_cast import COMMITTEE, MEMBERS, OFFICE, RESEARCHER, SIGNER, Person, role_of
from client.commands.demo_pages import open_admin_pages
from client.commands.demo_story import Story, Submitted
from client.commands.demo_world import ALGORITHMS
from client.commands.key_passkey import Making
from client.errors import ClientError, UsageProblem
from client.signer import Answer, SignerPage
from client.signer_pages import registration_page
from protocol.documents.approval import Conditions
from protocol.documents.strict import build

NEXT_VERSION: Final = "1.1.0"
PURPOSE: Final = "The same question as before, for another year of data."
SIGNING_MEMBER: Final = MEMBERS[1]
A_DAY: Final = 86_400.0
ENTER: Final = "Press Enter to stop everything."


def stay_open(story: Story) -> None:
    """Tell where everything is, and keep it there until somebody presses Enter or the input ends."""
    stage, page = story.stage, story.world.page
    stage.console.print()
    stage.tell(
        "Look around. Each link makes one passkey on your own device, within half an hour, and signs you in. Browsers "
        "keep one session for all of localhost: take a private window for each person and each node."
    )
    for who, url in invitations(story):
        stage.line(f"{who}: {url}")
    waiting = propose_again(story)
    stage.line(f"{waiting.name} {NEXT_VERSION} waits for votes: {page}/reviews/{waiting.digest}")
    with open_workshop(story):
        stage.line(f"The chair signs with a key in a file: safeconduct review sign CODE --home {_home(story)}")
        for each in open_admin_pages(story.world.programs, sorted((story.world.run / "nodes").iterdir())):
            stage.line(f"Admin page of {each.node}: {each.url}/enrol, with the invitation {each.code}")
        with suppress(EOFError):
            stage.console.input(f"  {ENTER} ")


def invitations(story: Story) -> Iterator[tuple[str, str]]:
    """Return who somebody is in the story, and the link that makes a visitor that person."""
    people = [(RESEARCHER, "researcher"), *((one, f"{role_of(one)} of committee {COMMITTEE}") for one in MEMBERS)]
    clients = {RESEARCHER.person: story.researcher, **story.members}
    for person, role in people:
        yield f"{person.name}, {role}", clients[person.person].registry.invitation()["url"]
    with RegistryClient(story.world.url, person=OFFICE, key=story.world.cast.key(OFFICE)) as office:
        yield f"{OFFICE}, office", office.invitation()["url"]


def propose_again(story: Story) -> Submitted:
    """Have the researcher submit the next version of the first algorithm and ask the committee about it."""
    name = story.programme.algorithms[0]
    folder = ALGORITHMS / name
    found = story.submit(name, folder, story.images[folder], version=NEXT_VERSION)
    terms = story.terms(name)
    conditions = build(Conditions, terms["conditions"]).model_dump(mode="json")
    asked = {**terms, "conditions": conditions, "committees": [COMMITTEE], "purpose": PURPOSE}
    story.researcher.registry.ask(found.digest, asked)
    return found


@contextmanager
def open_workshop(story: Story) -> Iterator[None]:
    """Serve the page on which one member makes a signing passkey, and tell where; without its port, tell so."""
    name = SIGNING_MEMBER.name
    try:
        page = Workshop(story, SIGNING_MEMBER).page
    except UsageProblem as problem:
        story.stage.line(f"No page for a signing passkey: {problem.sentence}")
        yield
        return
    page.start()
    closer = threading.Thread(target=_close_when_done, args=(page,), name="workshop", daemon=True)
    closer.start()
    where = "on the review's page or " if story.world.signs_here else ""
    story.stage.line(f"A signing passkey for {name}, who signs {where}on this machine afterwards: {page.url}")
    try:
        yield
    finally:
        page.close()


class Workshop:
    """The page on which a member makes a signing passkey, and the office that seats the member with it."""

    def __init__(self, story: Story, member: Person) -> None:
        """Listen at the page of the own machine; refused (`signer-port`) where something else does."""
        self.story, self.member = story, member
        self.making = Making(member.person, OFFICE, SIGNER)
        steps = {"key": self.making.key, "proof": self.proof}
        self.page = SignerPage(SIGNER, registration_page(member.person, OFFICE), steps)

    def proof(self, untrusted: Answer) -> dict[str, Any]:
        """Take the proof, and have the office sign and publish the next roster."""
        said = self.making.proof(untrusted)
        cast = self.story.world.cast
        requests = {each.person: cast.request(each.person) for each in MEMBERS}
        roster = cast.roster(2, {**requests, self.member.person: self.making.request()})
        self.story.members[self.member.person].anonymous.publish("rosters", roster)
        return {**said, "words": f"Made and proved. {OFFICE} has seated you with it; you may close this page."}


def _close_when_done(page: SignerPage) -> None:
    """Give the port back once the passkey is made: the local signer needs it to ask for it."""
    with suppress(ClientError):
        page.wait(A_DAY)


def _home(story: Story) -> str:
    cast = story.world.cast
    return str(cast.home(next(each.person for each in MEMBERS if each != SIGNING_MEMBER)))
