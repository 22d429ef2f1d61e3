"""What a page refuses, each with a stable code, one sentence that says what to do next, and its HTTP status.

SafeconductError (protocol)
└── FaceError
    ├── FormRefused      403  not sent from our own page
    ├── FormMalformed    400  cannot be read
    ├── FormTooLarge     413  over the limit
    ├── SignInNeeded     401  nobody, or nobody any more
    ├── PasskeyRefused   403  the ceremony did not prove what it had to
    ├── TooMany          429  too often; wait
    └── FilesMissing     503  style and scripts were not installed
"""

from collections.abc import Mapping
from typing import ClassVar

from protocol.errors import SafeconductError


class FaceError(SafeconductError):
    """Any refusal of a page."""

    status: ClassVar[int] = 400


class FormRefused(FaceError):
    """The form did not come from our own page. `untrusted_fields`: what it held, if it came from this site at all."""

    status = 403

    def __init__(self, code: str, sentence: str, untrusted_fields: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Refuse; what was typed may still be shown to whoever typed it."""
        super().__init__(code, sentence)
        self.untrusted_fields = untrusted_fields or {}


class FormMalformed(FaceError):
    """The form cannot be read."""


class FormTooLarge(FaceError):
    """The form is over the limit."""

    status = 413


class SignInNeeded(FaceError):
    """There is no session, or it is over."""

    status = 401


class PasskeyRefused(FaceError):
    """The ceremony did not prove what it had to."""

    status = 403


class TooMany(FaceError):
    """The same caller came too often."""

    status = 429


class FilesMissing(FaceError):
    """Style and scripts were not installed."""

    status = 503
