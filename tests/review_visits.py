"""Committee members and others in browsers without script, before a registry in one process."""

import asyncio
import html
from typing import Any

import httpx
from factory import AUTHOR, COMMITTEE, DATASET, NODE, OFFICE, PROJECT, PURPOSE, RESEARCHER
from review_requests import review_request

from faces.browser import Browser
from faces.sessions import Session
from registry.store.account import Sessions

BROWSERS = {
    who: Browser(token=f"{number:064x}", fresh=False, secure=False)
    for number, who in enumerate((AUTHOR, RESEARCHER, OFFICE, "meri", "mikko", "maria"), 1)
}


def asked_review(hub: Any, *, request: dict[str, Any] | None = None, signed_in: bool = False, **algorithm: Any) -> str:
    """A version that asks a committee, and everybody signed in, unless they are."""
    digest = str(hub.submit(**algorithm))
    asked = review_request(hub.world, **(request or {}))
    assert hub.request("POST", f"/reviews/{digest}/requests", AUTHOR, json=asked).status_code == 201
    if not signed_in:
        sign_everybody_in(hub)
    return digest


def sign_everybody_in(hub: Any) -> None:
    """A session for every browser."""
    with hub.desk.store.transaction() as tx:
        for who, browser in BROWSERS.items():
            Sessions(tx).add(Session(hash=browser.hash, subject=who, began=hub.now, seen=hub.now))


def decision_form(**changes: Any) -> dict[str, Any]:
    """The form of a decision as the page fills it in: approved as it was asked by `review_request`."""
    return {
        "committee": COMMITTEE, "project": PROJECT, "decision": "approve", "rationale": "A median.",
        "nodes": [NODE], "datasets": [DATASET], "purposes": [PURPOSE], "runs": "4", "rho_job": "0.03125",
        "rho_node": "0.125", "until": "2026-12-23", **changes,
    }  # fmt: skip


def visit(
    hub: Any,
    who: str | None,
    path: str,
    form: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """One request of a browser, with its cookie, its form's token and what else it says in `headers`."""
    cookies = {"safeconduct": BROWSERS[who].token} if who else {}
    method, more = "GET", {}
    if form is not None and who is not None:
        method, more = "POST", {"data": {"form_token": BROWSERS[who].form_token, **form}}

    async def fetch() -> httpx.Response:
        transport = httpx.ASGITransport(hub.app, raise_app_exceptions=False)
        said = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html", **(headers or {})}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", cookies=cookies, headers=said, verify=False
        ) as client:
            return await client.request(method, path, **more)

    return asyncio.run(fetch())


def shown(hub: Any, who: str, path: str) -> str:
    answer = visit(hub, who, path)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)
