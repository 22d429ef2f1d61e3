"""What comes in a form: believed to be from our own page first, then read within limits.

1. The browser says that the request comes from this site (Sec-Fetch-Site), or, if it is too old to say so, names our
   own origin. Neither: refused.
2. The form carries the token that belongs to this browser's cookie.
3. Size, number of fields and encoding are as a form's of ours.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

from faces.browser import Browser
from faces.errors import FormMalformed, FormRefused, FormTooLarge

FORM_BYTES: Final = 512 * 1024
FIELDS_MOST: Final = 500
TOKEN_FIELD: Final = "form_token"  # noqa: S105  the field's name
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_REFUSED: Final = "This form did not come from this site's own page, or the page was open for too long. Open it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a form that came from our own page; what is in them is still anybody's text."""

    untrusted_fields: Mapping[str, tuple[str, ...]]

    def untrusted(self, name: str) -> str:
        """Return a field's one value without the space around it; empty if the form has none."""
        values = self.untrusted_fields.get(name, ("",))
        if len(values) != 1:
            raise FormMalformed("form-malformed", f"The field {name} stands twice in the form. Open the page again.")
        return values[0].strip()

    def untrusted_all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field, such as the ticked boxes of one name."""
        return self.untrusted_fields.get(name, ())


async def read_form(request: Request, browser: Browser, origin: str) -> Form:
    """Return the form; raises FormRefused, FormTooLarge or FormMalformed."""
    check_same_site(request.headers, origin)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise FormMalformed("form-malformed", f"A form is sent as {MEDIA_TYPE}.")
    fields = _parse(await _body(request))
    shown = fields.pop(TOKEN_FIELD, ("",))[0]
    if browser.fresh or not hmac.compare_digest(shown.encode(), browser.form_token.encode()):
        raise FormRefused("form-token", _REFUSED, fields)
    return Form(untrusted_fields=fields)


def check_same_site(headers: Mapping[str, str], origin: str) -> None:
    """Raise FormRefused unless the browser says that this request was made by a page of `origin`."""
    site = headers.get("sec-fetch-site")
    if site is None and headers.get("origin") == origin:
        return
    if site != "same-origin":
        raise FormRefused("form-cross-site", _REFUSED)


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES:
                raise FormTooLarge("form-too-large", f"A form may have at most {FORM_BYTES} bytes. Shorten it.")
    except ClientDisconnect as error:
        raise FormMalformed("form-broken", "The request ended before its form did. Send it again.") from error
    return bytes(body)


def _parse(body: bytes) -> dict[str, tuple[str, ...]]:
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MOST, errors="strict")
    except ValueError as error:
        raise FormMalformed("form-malformed", "The form cannot be read. Open the page again.") from error
    return {name: tuple(values) for name, values in fields.items()}
