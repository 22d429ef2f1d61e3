"""The public pages: what is there, escaped, without anything from elsewhere."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from factory import NODE, OFFICE, digest_of

from registry.domain.review import ABOUT
from registry.workflows import read_workflow

WORKFLOWS = Path(__file__).parents[3] / "policies" / "workflows"


def page(hub: Any, path: str) -> httpx.Response:
    async def fetch() -> httpx.Response:
        transport = httpx.ASGITransport(hub.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://registry.test", verify=False) as client:
            return await client.get(path)

    return asyncio.run(fetch())


def test_what_ran_is_shown_with_country_cost_and_committees(settled: Any) -> None:
    algorithm = settled.submit()
    for member in ("meri", "mikko"):
        settled.vote(algorithm, member)
    order = settled.order(algorithm)
    settled.publish("orders", order)
    answer = settled.post(f"/nodes/{NODE}/receipts", settled.refusal(order), NODE)
    assert answer.is_success, answer.text

    text = page(settled, "/").text

    assert "association 1.0.0" in text
    assert "ethics-fi" in text
    assert ">FI<" in text
    assert "refused" in text
    assert "0.000000000" in text
    assert "rita" not in text  # who asked is not public


def test_votes_show_once_a_review_is_decided_and_not_before(settled: Any) -> None:
    submitted = settled.submit()
    settled.vote(submitted, "meri")
    assert "1 of" not in page(settled, "/algorithms").text

    settled.vote(submitted, "mikko")

    assert re.search(r"ethics-fi, t2d: 2 of\s+2", page(settled, "/algorithms").text)


def test_an_empty_registry_has_pages_too(hub: Any) -> None:
    for path, said in (("/", "Nothing has run yet."), ("/algorithms", "No algorithm"), ("/nodes", "No node")):
        answer = page(hub, path)
        assert answer.status_code == 200
        assert said in answer.text


def test_the_process_page_tells_stages_days_and_states(hub: Any) -> None:
    hub.app.state.desk = replace(hub.desk, workflow=read_workflow(WORKFLOWS / "1mg.toml"))

    text = page(hub, "/process").text

    rows = re.findall(r'__header">(.*?)</th>\s*(?:<td[^>]*>(.*?)</td>\s*)(?:<td[^>]*>(.*?)</td>\s*)', text)
    assert ("data access committee", "dac-*", "5 working days") in rows
    assert ("national review", "every other committee", "10 working days") in rows
    assert "the image must be at the registry" in text
    assert "12-25, 12-26" in text
    assert {each.words for each in ABOUT.values()} <= {first for first, *_ in rows}


def test_text_from_outside_is_never_markup(settled: Any) -> None:
    digest = settled.submit(summary="<script>alert(1)</script> & <b hx-get='/x'>bold</b>")
    named = settled.world.accreditation("node-xx", name='"><img src=x>')
    settled.publish("accreditations", settled.world.sign(named, OFFICE))

    for path in ("/algorithms", f"/algorithms/{digest}", "/nodes"):
        text = page(settled, path).text
        assert "<script>" not in text
        assert "<img" not in text
        assert "<b " not in text
    assert "&lt;script&gt;" in page(settled, "/algorithms").text


def test_the_log_page_shows_the_signed_checkpoint(settled: Any) -> None:
    checkpoint = settled.request("GET", "/log/checkpoint").text

    text = page(settled, "/log").text

    assert checkpoint.splitlines()[2] in text.replace("&#43;", "+")


def test_an_algorithms_page_shows_what_would_leave(settled: Any) -> None:
    raw = settled.world.sign(settled.world.algorithm(), "ada")
    settled.publish("algorithms", raw)

    text = page(settled, f"/algorithms/{digest_of(raw)}").text

    assert "What would leave each hospital" in text
    assert "median" in text


def test_the_api_page_names_every_call(settled: Any) -> None:
    text = page(settled, "/docs").text

    assert "/api/v1/nodes/{node}/orders" in text
    assert "/api/v1/images/{digest}" in text


def test_what_is_not_there_is_a_page_and_for_programs_a_problem(settled: Any) -> None:
    for path in ("/nowhere", "/algorithms/0", "/algorithms/" + "0" * 64, "/my/jobs/x"):
        answer = page(settled, path)
        assert answer.status_code in (303, 404)
        assert "json" not in answer.headers.get("content-type", "")
    assert page(settled, "/api/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_pages_take_nothing_from_elsewhere(settled: Any) -> None:
    for path in ("/", "/algorithms", "/nodes", "/log", "/docs", "/sign-in"):
        answer = page(settled, path)
        assert answer.status_code in (200, 303)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"https?://|<script>|style=|@import|url\(", answer.text), path
