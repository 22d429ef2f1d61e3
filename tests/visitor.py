"""A browser of somebody who is signed in to a registry in this process: its cookie, its pages, its forms."""

import asyncio
from typing import Any

import httpx
from factory import fake_digest

from faces.browser import Browser
from faces.sessions import Session
from registry.store.account import Sessions

ORIGIN = "http://localhost:8400"


class Visitor:
    """A browser of `who`, signed in unless nobody."""

    def __init__(self, hub: Any, who: str, number: int = 0) -> None:
        self.hub, self.who = hub, who
        self.browser = Browser(token=fake_digest(f"browser {number} of {who}"), fresh=False, secure=False)
        if who != "nobody":
            with hub.desk.store.transaction() as tx:
                Sessions(tx).add(Session(hash=self.browser.hash, subject=who, began=hub.now, seen=hub.now))

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.hub.app, raise_app_exceptions=False)
            cookies = {"safeconduct": self.browser.token}
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies, verify=False) as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, token: str | None = None, site: str = "same-origin", **fields: Any) -> httpx.Response:
        form = {"form_token": self.browser.form_token if token is None else token, **fields}
        return self.request("POST", path, data=form, headers={"Sec-Fetch-Site": site})
