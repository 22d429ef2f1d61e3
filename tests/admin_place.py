"""The admin page of a node in this process, with passkeys in software: what a browser sends, without a browser."""

import asyncio
import base64
import datetime as dt
import hashlib
import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from authenticator import Authenticator, Spoken
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from fastapi import FastAPI
from webauthn.helpers import encode_cbor

from faces.browser import NAME
from protocol.documents.passkey import PasskeyOrigin
from sandbox.actions import admin_account
from sandbox.actions.checks import Watched
from sandbox.actions.passkey import Site
from sandbox.admin.app import make_app
from sandbox.admin.desk import Desk

ORIGIN = "http://localhost:8470"
PAGE = PasskeyOrigin(origin=ORIGIN, rp_id="localhost")
WEB = Path(os.environ["SAFECONDUCT_WEB"])
SAME = {"Sec-Fetch-Site": "same-origin"}


@dataclass(kw_only=True)
class Place:
    """A node's desk with its application; `log_in` gives a browser of an enrolled admin."""

    kit: Any
    desk: Desk
    app: FastAPI
    passkeys: dict[str, "SoftPasskey"] = field(default_factory=dict)

    def browser(self) -> "Browser":
        """A browser in which nobody is logged in."""
        return Browser(self.app)

    def log_in(self, name: str) -> "Browser":
        """A browser in which this admin enrolled and is logged in."""
        passkey = self.passkeys[name] = SoftPasskey(name)
        code = admin_account.invite(self.desk.store, name, self.desk.now())
        browser = self.browser()
        shown = send(browser, "/enrol", "/enrol", invitation=code).text
        answer = passkey.enrol(options_in(shown))
        entered = send(browser, "/enrol", "/enrol/passkey", invitation=code, credential=answer)
        assert entered.status_code == 303, entered.text
        assert browser.cookie
        return browser


class Browser:
    """Sends what a browser sends, and keeps the one cookie; it follows no redirect."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.cookie: str | None = None

    def get(self, address: str, **more: Any) -> httpx.Response:
        """Read a page."""
        return self.send("GET", address, **more)

    def post(self, address: str, **more: Any) -> httpx.Response:
        """Send a form."""
        return self.send("POST", address, **more)

    def send(self, method: str, address: str, *, headers: Mapping[str, str] = SAME, **more: Any) -> httpx.Response:
        """Send one request; of the answer's cookies, keep ours."""
        cookies = {} if self.cookie is None else {"Cookie": f"{NAME}={self.cookie}"}
        answer = asyncio.run(self._send(method, address, headers={**cookies, **headers}, **more))
        for said in answer.headers.get_list("set-cookie"):
            self.cookie = said.removeprefix(f"{NAME}=").partition(";")[0].strip('"') or None
        return answer

    async def _send(self, method: str, address: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, verify=False) as client:
            return await client.request(method, address, **more)


class SoftPasskey:
    """One passkey as a browser speaks of it: enrolment and answers as JSON."""

    def __init__(self, name: str, page: str = ORIGIN) -> None:
        self.inner = Authenticator(name, PasskeyOrigin(origin=page, rp_id="localhost"))
        self.id = hashlib.sha256(f"credential of {name}".encode()).digest()[:16]

    def enrol(self, options: dict[str, Any]) -> str:
        """Answer creation options with a new credential, not attested."""
        client_data = {"type": "webauthn.create", "challenge": options["challenge"], "origin": self.inner.page.origin}
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self._cose()
        data = hashlib.sha256(b"localhost").digest() + bytes([0x45]) + bytes(4) + credential
        attested = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._say(
            {"clientDataJSON": _text(json.dumps(client_data).encode()), "attestationObject": _text(attested)}
        )

    def answer(self, options: dict[str, Any], **changes: Any) -> str:
        """Answer request options; `changes` are those of `Spoken`."""
        said = self.inner.speak(_bytes(options["challenge"]), Spoken(**changes))
        parts = {"clientDataJSON": said.client_data, "authenticatorData": said.authenticator_data}
        return self._say({name: _text(part) for name, part in {**parts, "signature": said.signature}.items()})

    def _say(self, response: dict[str, str]) -> str:
        named = {"id": _text(self.id), "rawId": _text(self.id), "type": "public-key"}
        return json.dumps({**named, "response": response, "clientExtensionResults": {}})

    def _cose(self) -> bytes:
        key = load_der_public_key(self.inner.public.spki)
        assert isinstance(key, EllipticCurvePublicKey)
        numbers = key.public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})


def make_place(kit: Any) -> Place:
    """The admin page of a test node."""
    node = kit.node
    watched = Watched(
        node=node.name,
        store=node.store,
        root=node.trust.root,
        ledger_head=node.places.ledger_head,
        registry="http://registry.test",
        workers=2,
        sweep=dt.timedelta(seconds=1),
        poll=dt.timedelta(seconds=25),
    )
    desk = Desk(
        node=node.name,
        store=node.store,
        now=node.clock.now,
        site=Site(name="test", page=PAGE, secret=b"s" * 32),
        ledger_head=node.places.ledger_head,
        watched=watched,
        trust=lambda: (kit.node.trust.root, kit.node.trust.policy),
        cedar=lambda: kit.node.trust.policy.policy_set_digest,
    )
    return Place(kit=kit, desk=desk, app=make_app(desk, WEB))


def addresses(app: FastAPI, order: str) -> list[tuple[str, str, str]]:
    """Every route of the application: its method, its path, and an address of it with this job or digest."""
    parts = [route for included in app.routes for route in _flat(included)]
    return [
        (method, r.path, r.path.replace("{order}", order)) for r in parts for method in sorted(r.methods - {"HEAD"})
    ]


def _flat(route: Any) -> list[Any]:
    inner = getattr(route, "original_router", None)
    return [route] if inner is None else [deeper for one in inner.routes for deeper in _flat(one)]


def options_in(page: str, nth: int = 0) -> dict[str, Any]:
    """The passkey options that a page carries."""
    found = re.findall(r'data-options="([^"]*)"', page)
    return dict(json.loads(html.unescape(found[nth])))


def token_in(page: str) -> str:
    """The form token that a page carries."""
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def send(browser: Browser, page: str, address: str, **fields: str) -> httpx.Response:
    """Send a form as the browser does that has the page open on which it stands."""
    return browser.post(address, data={"form_token": token_in(browser.get(page).text), **fields})


def act(browser: Browser, address: str, **fields: str) -> httpx.Response:
    """Send a form of somebody who is signed in."""
    return send(browser, "/", address, **fields)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
