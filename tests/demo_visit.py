"""A visitor of a demo that stays open: what a browser sends, with passkeys in software, over real sockets."""

import base64
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
from admin_place import SoftPasskey, options_in, token_in
from authenticator import Authenticator

from client.commands.demo_cast import COMMITTEE, REGISTRY_PAGE, SIGNER

LINK = re.compile(r"^  (.+): (http://localhost:\d+/enrol\?code=\S+)$", re.MULTILINE)
SAME = {"Sec-Fetch-Site": "same-origin"}


@dataclass(slots=True)
class Tour:
    """What the demo printed for visitors, and what came of using it."""

    links: dict[str, str]
    review: str
    workshop: str
    admin_pages: list[str]
    signs_here: bool
    accounts: dict[str, str] = field(default_factory=dict)
    reviews: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    voted: str = ""
    decided: str = ""


class Visitor:
    """One browser at the registry, signed in by a link."""

    def __init__(self, link: str) -> None:
        self.origin = link.partition("/enrol")[0]
        self.client = httpx.Client(base_url=self.origin, headers=SAME, timeout=30, trust_env=False)
        shown = self.get(link)
        passkey = SoftPasskey(link, self.origin)
        fields = {"code": link.partition("code=")[2], "credential": passkey.enrol(options_in(shown))}
        assert self.send("/enrol", shown, **fields).headers["location"] == "/account"

    def get(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, address: str, shown: str, **fields: Any) -> httpx.Response:
        answer = self.client.post(address, data={**fields, "form_token": token_in(shown)})
        assert answer.status_code == 303, answer.text
        return answer


class Filled(HTMLParser):
    """The fields of one form as the page fills them in."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.inside = action, False
        self.fields: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self.inside = str(said.get("action")).endswith(self.action)
        elif tag == "input" and self.inside and (said.get("type") not in ("checkbox", "radio") or "checked" in said):
            self.fields.setdefault(str(said["name"]), []).append(said.get("value") or "")


def read_tour(story: str) -> Tour:
    """What the demo printed for visitors."""
    workshop = re.search(r"A signing passkey for .*: (http://localhost:\S+)", story)
    return Tour(
        links=dict(LINK.findall(story)),
        review=found(r"waits for votes: (\S+)", story),
        workshop=workshop[1] if workshop else "",
        admin_pages=re.findall(r"Admin page of \S+: (\S+),", story),
        signs_here="on the review's page" in story,
    )


def walk(story: str, folder: Path) -> Tour:
    """Use every link: sign in as everybody, make a signing passkey, vote as two members of the committee."""
    tour = read_tour(story)
    visitors = {who: Visitor(link) for who, link in tour.links.items()}
    for who, visitor in visitors.items():
        tour.accounts[who] = visitor.get("/account")
        tour.seen |= {f"{who} {page}": visitor.client.get(page).status_code for page in ("/office", "/my/algorithms")}
        tour.reviews[who] = visitor.get(tour.review)
    for page in tour.admin_pages:
        tour.seen[page] = httpx.get(page, timeout=30, trust_env=False).status_code
    chair, member = (next(v for who, v in visitors.items() if word in who) for word in ("Aino", "Diego"))
    if tour.workshop and tour.signs_here:
        passkey = make_passkey(tour.workshop, "diego")
        statement = confirm(member, tour.review)
        shown = member.get(f"{tour.review}/sign/{statement}")
        said = SoftPasskey("diego", REGISTRY_PAGE.origin)
        said.inner = Authenticator("diego", REGISTRY_PAGE)
        assert said.inner.public == passkey.public
        member.send(f"{tour.review}/sign/{statement}", shown, credential=said.answer(options_in(shown)))
        tour.voted = member.get(tour.review)
    confirm(chair, tour.review)
    code = found(r"safeconduct review sign ([\w-]{43})", chair.get(tour.review))
    line = [
        sys.executable,
        "-m",
        "client.cli",
        "review",
        "sign",
        code,
        "--home",
        found(r"--home (\S+)", story),
        "--yes",
    ]
    subprocess.run(line, check=True, capture_output=True, cwd=folder, timeout=60)
    tour.decided = chair.get(tour.review)
    for visitor in visitors.values():
        visitor.client.close()
    return tour


def confirm(member: Visitor, review: str) -> str:
    """Declare no conflict and confirm an approval; return the digest of what is to be signed."""
    member.send(f"{review}/declare", member.get(review), committee=COMMITTEE, conflict="no")
    shown = member.get(review)
    filled = Filled("/decide")
    filled.feed(shown)
    chosen = filled.fields | {"decision": ["approve"], "rationale": ["As before."]}
    member.send(f"{review}/decide", shown, **chosen)
    return found(r'name="statement" value="([0-9a-f]{64})"', member.get(review))


def make_passkey(page: str, name: str) -> Authenticator:
    """Make and prove a signing passkey on the page of the own machine, as its script does."""
    passkey = Authenticator(name, SIGNER)
    headers = {"Origin": SIGNER.origin}
    made = _post(f"{page}key", {"public": _base64(passkey.public.spki)}, headers)
    said = passkey.answer(base64.b64decode(made["challenge"])).passkey
    assert said is not None
    proof = {
        "authenticatorData": said.authenticator_data, "clientDataJSON": said.client_data, "signature": said.signature,
    }  # fmt: skip
    done = _post(f"{page}proof", {part: _base64(value) for part, value in proof.items()}, headers)
    assert done["done"] == "made"
    return passkey


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match[1]


def _post(address: str, answer: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
    reply = httpx.post(address, content=json.dumps(answer), headers=headers, timeout=60, trust_env=False)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
