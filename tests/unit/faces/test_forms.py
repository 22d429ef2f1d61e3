"""A form is believed only from our own page: truth tables of the browser's word and of the token."""

import asyncio

import pytest
from starlette.requests import Request

from faces.browser import Browser
from faces.errors import FaceError
from faces.forms import FIELDS_MOST, FORM_BYTES, MEDIA_TYPE, Form, read_form

ORIGIN = "https://registry.example"
BROWSER = Browser(token="a" * 64, fresh=False, secure=True)
OTHER = Browser(token="b" * 64, fresh=False, secure=True)
GOOD = f"form_token={BROWSER.form_token}&a=1&b=2&b=3".encode()
SAME = {"sec-fetch-site": "same-origin"}


def send(body: bytes = GOOD, headers: dict[str, str] = SAME, browser: Browser = BROWSER) -> Form:
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    given = [(name.encode(), value.encode()) for name, value in ({"content-type": MEDIA_TYPE} | headers).items()]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": given}, receive)
    return asyncio.run(read_form(request, browser, ORIGIN))


def test_a_form_of_our_own_page_is_read():
    form = send()

    assert form.untrusted("a") == "1"
    assert form.untrusted_all("b") == ("2", "3")
    assert form.untrusted("form_token") == ""


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"sec-fetch-site": "same-origin"}, None),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, None),
        ({"sec-fetch-site": "same-site"}, "form-cross-site"),
        ({"sec-fetch-site": "cross-site", "origin": ORIGIN}, "form-cross-site"),
        ({"sec-fetch-site": "none"}, "form-cross-site"),
        ({"sec-fetch-site": ""}, "form-cross-site"),
        ({"origin": ORIGIN}, None),
        ({"origin": "https://registry.example.evil"}, "form-cross-site"),
        ({"origin": "null"}, "form-cross-site"),
        ({}, "form-cross-site"),
    ],
)
def test_what_the_browser_says_about_the_sender(headers, code):
    if code is None:
        assert send(headers=headers).untrusted("a") == "1"
    else:
        with pytest.raises(FaceError) as refusal:
            send(headers=headers)
        assert refusal.value.code == code


@pytest.mark.parametrize(
    ("body", "browser", "code"),
    [
        (b"a=1", BROWSER, "form-token"),
        (b"form_token=&a=1", BROWSER, "form-token"),
        (f"form_token={OTHER.form_token}".encode(), BROWSER, "form-token"),
        (f"form_token={BROWSER.token}".encode(), BROWSER, "form-token"),
        ("form_token=å".encode(), BROWSER, "form-malformed"),
        (b"form_token=%C3%A5", BROWSER, "form-token"),
        (GOOD, Browser(token=BROWSER.token, fresh=True, secure=True), "form-token"),
        (b"a=" + b"x" * FORM_BYTES, BROWSER, "form-too-large"),
        (b"&".join([b"a=1"] * (FIELDS_MOST + 1)), BROWSER, "form-malformed"),
        (b"\xff=1", BROWSER, "form-malformed"),
    ],
)
def test_a_form_without_the_browsers_token_or_out_of_bounds(body, browser, code):
    with pytest.raises(FaceError) as refusal:
        send(body, browser=browser)
    assert refusal.value.code == code


def test_another_kind_of_body_is_no_form():
    with pytest.raises(FaceError, match="form"):
        send(headers=SAME | {"content-type": "text/plain"})


def test_one_value_is_asked_for_and_two_are_there():
    with pytest.raises(FaceError, match="twice"):
        send().untrusted("b")
