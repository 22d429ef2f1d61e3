"""``review_list_ms``: the page amid a member's list of 1 000 reviews, from request to last byte, in one process.

Beside it: the page about the API of the same application, which asks the database for nothing but the session.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import structlog

from benches.harness import CannotMeasureError, Figure, beside, judge, side_by_side
from faces.browser import Browser
from faces.sessions import Session
from protocol.crypto.assertion import make_assertion
from protocol.documents.key import Key
from registry.domain.limits import PAGE_ITEMS
from registry.main import make_app, make_desk
from registry.store.account import Sessions

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factory import AUTHOR, OFFICE, RESEARCHER, World, key_entry, private_key
from review_requests import review_request

UNIT = "ms"
REACH = "<= 100"
REVIEWS, ROUNDS = 1000, 30
URL = "http://localhost"
MEMBER = "meri"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def measure() -> Figure:
    """The median of many lists, each beside its baseline."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    world = World()
    with tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as name:
        desk = make_desk(
            directory=Path(name),
            database=f"sqlite:///{name}/registry.db",
            offices={OFFICE: (Key(**key_entry(OFFICE)).to_public(),)},
            audiences=(URL,),
            image_bytes=1000,
            log_key=private_key("the log"),
        )
        with closing(desk.store):
            app = make_app(desk)
            app.state.clock = lambda: world.now
            _fill(app, world)
            browser = Browser(token="a" * 64, fresh=False, secure=False)
            with desk.store.transaction() as tx:
                Sessions(tx).add(Session(hash=browser.hash, subject=MEMBER, began=world.now, seen=world.now))
            middle = f"/reviews?after={REVIEWS // 2}"
            reviews, bare = (_page(app, path, browser) for path in (middle, "/docs"))
            if _ask(app, "GET", middle, **_as(browser)).text.count(">association-") < PAGE_ITEMS:
                raise CannotMeasureError("the page amid the list is not a full one")
            ours, theirs = side_by_side(reviews, bare, rounds=ROUNDS)
    baseline = beside("the API's page of the same application", [seconds * 1000 for seconds in theirs], UNIT)
    return judge([seconds * 1000 for seconds in ours], unit=UNIT, reach=100, better="less", beside=baseline)


def _page(app: Any, path: str, browser: Browser) -> Callable[[], None]:
    def look() -> None:
        _ask(app, "GET", path, **_as(browser)).raise_for_status()

    return look


def _as(browser: Browser) -> dict[str, Any]:
    return {"cookies": {"safeconduct": browser.token}, "headers": {"Accept": "text/html"}}


def _fill(app: Any, world: World) -> None:
    """Let a thousand algorithms ask the committee."""
    for subject in (RESEARCHER, AUTHOR, world.node):
        _publish(app, "accreditations", world.sign(world.accreditation(subject), OFFICE))
    _publish(app, "rosters", world.sign(world.roster(), OFFICE))
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    form["client_assertion"] = make_assertion(private_key(AUTHOR), AUTHOR, URL, world.now)
    token = _ask(app, "POST", "/api/v1/token", data=form).raise_for_status().json()["access_token"]
    for number in range(REVIEWS):
        algorithm = _publish(app, "algorithms", world.sign(world.algorithm(name=f"association-{number}"), AUTHOR))
        asked = {"headers": {"Authorization": f"Bearer {token}"}, "json": review_request(world)}
        _ask(app, "POST", f"/api/v1/reviews/{algorithm}/requests", **asked).raise_for_status()


def _publish(app: Any, kind: str, document: bytes) -> str:
    return str(_ask(app, "POST", f"/api/v1/{kind}", content=document).raise_for_status().json()["digest"])


def _ask(app: Any, method: str, path: str, *, cookies: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    async def fetch() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=URL, cookies=cookies, verify=False) as client:
            return await client.request(method, path, **more)

    return asyncio.run(fetch())
