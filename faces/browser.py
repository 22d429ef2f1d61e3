"""One cookie: a random name for this browser, from which everything else follows.

Only the hash of its value is ever stored. With a session it is the session's secret; without one it binds the form and
the passkey ceremony of somebody who is about to sign in. It changes at sign-in, sign-out and each change of rights, so
what somebody planted before is worth nothing after. A form's token is derived from it: whoever cannot read the cookie
cannot make the token.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

NAME: Final = "safeconduct"
_VALUE: Final = re.compile("[0-9a-f]{64}")  # 256 bits
_FORM: Final = b"safeconduct-form-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """The cookie's value; `fresh` if the browser does not have it yet; `secure` unless on plain-http loopback."""

    token: str
    fresh: bool
    secure: bool

    @property
    def hash(self) -> str:
        """What is stored in place of the value."""
        return hashlib.sha256(self.token.encode()).hexdigest()

    @property
    def form_token(self) -> str:
        """What each form of this browser carries."""
        return hashlib.sha256(_FORM + self.token.encode()).hexdigest()

    def set_cookie(self, response: Response) -> None:
        """Make the browser keep the value: this site alone, no script, gone with the browser."""
        response.set_cookie(_name(self.secure), self.token, path="/", secure=self.secure, httponly=True, samesite="lax")


def new_browser(*, secure: bool) -> Browser:
    """Return a value that nobody has."""
    return Browser(token=secrets.token_hex(32), fresh=True, secure=secure)


def browser_of(request: Request, *, secure: bool) -> Browser:
    """Return the browser that a request comes from, or a new one if it shows none that is well formed."""
    untrusted = request.cookies.get(_name(secure), "")
    if _VALUE.fullmatch(untrusted):
        return Browser(token=untrusted, fresh=False, secure=secure)
    return new_browser(secure=secure)


def _name(secure: bool) -> str:
    return f"__Host-{NAME}" if secure else NAME  # browsers keep the prefix for https
