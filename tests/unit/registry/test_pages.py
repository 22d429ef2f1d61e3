"""The public pages: what is there, escaped, without anything from elsewhere."""

import asyncio
import re
from typing import Any

import httpx
from factory import NODE, OFFICE


def page(hub: Any, path: str) -> httpx.Response:
    async def fetch() -> httpx.Response:
        transport = httpx.ASGITransport(hub.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://registry.test", verify=False) as client:
            return await client.get(path)

    return asyncio.run(fetch())


def test_the_home_page_shows_algorithms_votes_and_nodes(settled: Any) -> None:
    submitted = settled.submit()
    settled.vote(submitted, "meri")

    text = page(settled, "/").text

    assert "association 1.0.0" in text
    assert "in review" in text
    assert "ethics-fi, t2d: votes are not open yet" in text
    settled.vote(submitted, "mikko")
    assert re.search(r"ethics-fi, t2d: 2 of\s+2", page(settled, "/").text)
    assert NODE in text


def test_an_empty_registry_has_a_page_too(hub: Any) -> None:
    answer = page(hub, "/")

    assert answer.status_code == 200
    assert "No algorithm has been submitted yet." in answer.text


def test_text_from_outside_is_never_markup(settled: Any) -> None:
    settled.submit(summary="<script>alert(1)</script> & <b>bold</b>")
    named = settled.world.accreditation("node-xx", name='"><img src=x>')
    settled.publish("accreditations", settled.world.sign(named, OFFICE))

    text = page(settled, "/").text

    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text


def test_the_api_page_names_every_call(settled: Any) -> None:
    text = page(settled, "/docs").text

    assert "/api/v1/nodes/{node}/orders" in text
    assert "/api/v1/images/{digest}" in text


def test_pages_take_nothing_from_elsewhere(settled: Any) -> None:
    for path in ("/", "/docs", "/static/style.css"):
        answer = page(settled, path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"https?://|<script|style=|@import|url\(", answer.text), path
