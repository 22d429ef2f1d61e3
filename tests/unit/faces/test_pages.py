"""The page kit: escaped, strict, the cookie only with a form, a button that says why, files for ever or not at all."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from faces import assets as asset_files
from faces.browser import Browser
from faces.errors import FilesMissing
from faces.pages import Pages, Site, Visit

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"
SITE = Site(name="Test site", sentence="What it is.")


@pytest.fixture(scope="module")
def assets() -> asset_files.Assets:
    return asset_files.read_assets(Path(os.environ["SAFECONDUCT_WEB"]))


def make_visit(**changes: object) -> Visit:
    fields = {"token": "0" * 64, "fresh": True, "secure": True} | changes
    return Visit(browser=Browser(**fields))  # type: ignore[arg-type]


def show(folder: Path, assets: asset_files.Assets, text: str, visit: Visit | None = None, **values: object) -> str:
    page = '{% extends "base.html" %}{% import "parts.html" as parts %}{% block title %}T{% endblock %}'
    (folder / "page.html").write_text(f"{page}{{% block main %}}{text}{{% endblock %}}")
    answer = Pages(SITE, folder, assets).show("page.html", visit or make_visit(), **values)
    return answer.body.decode() + str(answer.headers)


@pytest.mark.parametrize(
    "part",
    [
        "parts.tag(x)", "parts.row([x, x])", "parts.summary_list([(x, x)])", "parts.task_list([(x, x, x, 'red')])",
        "parts.error_summary([(x, x)])", "parts.input('a', x, value=x, hint=x, error=x)", "parts.help(x)",
        "parts.textarea('a', x, value=x, hint=x, error=x)", "parts.select('a', x, [(x, x)], value=x)",
        "parts.radios('a', x, [(x, x)], value=x)", "parts.checkboxes('a', x, [(x, x)], chosen=[x])",
        "parts.button(x, refusal=x)", "parts.button(x, name='a', value=x)", "parts.notification(x, x)",
        "parts.warning(x)", "parts.inset(x)", "parts.tabs(x, [(x, x, true)])", "parts.progress(x, 1, 2, x)",
        "parts.link(x, x)", "parts.code(x)", "parts.passkey(visit, x, 'get', x, x)", "parts.pagination(next=x)",
    ],
)  # fmt: skip
def test_text_in_any_part_is_never_markup(tmp_path, assets, part):
    text = show(tmp_path, assets, f"{{{{ {part} }}}}", x=HOSTILE)

    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "<img" not in text


def test_a_misspelt_name_stops_the_page(tmp_path, assets):
    with pytest.raises(Exception, match="nmae"):
        show(tmp_path, assets, "{{ nmae }}", naem="x")


def test_a_disabled_button_says_which_check_refused_it(tmp_path, assets):
    refusal = FilesMissing("some-code", "The quorum is not complete.")

    text = show(tmp_path, assets, "{{ parts.button('Sign', refusal=refusal) }}", refusal=refusal)

    assert "disabled" in text
    assert "Not possible: The quorum is not complete." in text


def test_a_browser_gets_its_cookie_with_the_first_form_and_not_before(tmp_path, assets):
    form = "{% call parts.form(visit, '/x') %}{% endcall %}"

    assert "set-cookie" not in show(tmp_path, assets, "text")
    assert "__Host-safeconduct=" + "0" * 64 in show(tmp_path, assets, form)
    assert "set-cookie" not in show(tmp_path, assets, form, make_visit(fresh=False))


def test_the_cookie_is_for_this_site_alone(tmp_path, assets):
    form = "{% call parts.form(visit, '/x') %}{% endcall %}"

    assert "HttpOnly; Path=/; SameSite=lax; Secure" in show(tmp_path, assets, form)
    assert "__Host-" not in show(tmp_path, assets, form, make_visit(secure=False))


def test_a_page_has_no_inline_script_or_style(tmp_path, assets):
    text = show(tmp_path, assets, "text")

    assert "<style" not in text
    assert " style=" not in text
    assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')


def test_files_are_kept_for_ever_under_their_digest(assets):
    app = FastAPI()
    app.include_router(asset_files.router)
    app.state.pages = Pages(SITE, Path(), assets)

    def get(address: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://x", verify=False
            ) as client:
                return await client.get(address)

        return asyncio.run(ask())

    for name in (*asset_files.INSTALLED, "faces.css", "faces.js", "icon.svg"):
        answer = get(assets.url(name))
        assert answer.headers["cache-control"] == asset_files.FOR_EVER
        assert answer.headers["content-type"] == asset_files.TYPES[Path(name).suffix]
        assert answer.content == assets.files[name]
    assert get("/static/0000000000000000/faces.css").status_code == 404
    assert get(f"/static/{assets.digest}/..%2Fpages.py").status_code == 404


@pytest.mark.parametrize("folder", [None, Path("/nowhere")])
def test_missing_files_are_named_with_what_to_do(folder):
    with pytest.raises(FilesMissing, match="SAFECONDUCT_WEB"):
        asset_files.read_assets(folder).url("faces.css")
