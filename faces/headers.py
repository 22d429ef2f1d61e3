"""What every answer says to the browser: nothing from elsewhere, nothing inline, nobody's frame."""

from typing import Final

_SOURCES: Final = ("script-src", "style-src", "img-src", "font-src", "connect-src", "form-action")

CONTENT_SECURITY_POLICY: Final = "; ".join(
    ["default-src 'none'", *(f"{source} 'self'" for source in _SOURCES), "base-uri 'none'", "frame-ancestors 'none'"]
)

HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # not "no-referrer": it makes a form's Origin "null", and older browsers send no other proof
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"publickey-credentials-get=(self), publickey-credentials-create=(self)"),
    (b"cache-control", b"no-store"),
)
"""What a response says itself stays; see `with_headers`."""


def with_headers(present: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return a response's headers with those of `HEADERS` that it does not set itself."""
    names = {name.lower() for name, _ in present}
    return present + [pair for pair in HEADERS if pair[0] not in names]
