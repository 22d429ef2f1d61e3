"""POST /token: machines log in (RFC 6749 section 4.4 with RFC 7523)."""

from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter
from pydantic import BaseModel

from registry.actions import token
from registry.api.doors import Body
from registry.errors import Malformed
from registry.request import Now, TheDesk

router = APIRouter(tags=["token"])

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FIELDS: Final = ("grant_type", "client_assertion_type", "client_assertion", "client_id", "scope")
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "client_assertion_type", "client_assertion"],
                    "properties": {name: {"type": "string"} for name in _FIELDS},
                }
            }
        },
    }
}


class TokenAnswer(BaseModel):
    """An access token and its life in seconds."""

    access_token: str
    token_type: str
    expires_in: int


@router.post("/token", openapi_extra=_FORM)
def issue_token(desk: TheDesk, now: Now, body: Body) -> TokenAnswer:
    """Exchange a signed assertion for an access token."""
    form = _read_form(body)
    if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Malformed(
            "grant-unsupported", "Only client_credentials with a jwt-bearer client assertion is taken here."
        )
    issued = token.issue(desk, form.get("client_assertion", ""), form.get("client_id"), now)
    return TokenAnswer(access_token=issued.access_token, token_type="Bearer", expires_in=issued.expires_in)  # noqa: S106


def _read_form(untrusted_body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(untrusted_body.decode("ascii"), strict_parsing=True, max_num_fields=len(_FIELDS))
    except (ValueError, UnicodeDecodeError) as error:
        raise Malformed("form-malformed", "The body is not a form (application/x-www-form-urlencoded).") from error
    if any(len(values) > 1 for values in fields.values()):
        raise Malformed("form-malformed", "A field of the form stands there twice.")
    return {name: values[0] for name, values in fields.items()}
