"""Checks on Ed25519 public keys that OpenSSL does not make.

OpenSSL accepts keys of small order, under which one signature fits (nearly) every message, and encodings of y at or
above the field prime, which give one key two ids. RFC 8032 section 5.1.3 forbids the second; the first is the
"contributory" check of the Wycheproof and libsodium authors.
"""

from protocol.errors import Refused

FIELD = 2**255 - 19
_D = -121665 * pow(121666, -1, FIELD) % FIELD
_SIGN_BIT = 1 << 255
#: The y coordinates of the eight points whose order divides the cofactor: 1, -1, 0 and the two roots of
#: d·y⁴ + 2y² - 1 = 0 (whose doubles have y = 0), with their negatives.
_ORDER_EIGHT = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
SMALL_ORDER_Y = frozenset({0, 1, FIELD - 1, _ORDER_EIGHT, FIELD - _ORDER_EIGHT})


def check_point(raw: bytes) -> None:
    """Refuse the 32 bytes of a public key that is not canonical, of small order, or not on the curve."""
    y = int.from_bytes(raw, "little") & ~_SIGN_BIT
    if y >= FIELD:
        raise Refused("key-weak", "The Ed25519 key is not in its only form; make a new key.")
    if y in SMALL_ORDER_Y:
        raise Refused("key-weak", "The Ed25519 key has small order and would sign anything; make a new key.")
    if not _is_on_curve(y):
        raise Refused("key-malformed", "The Ed25519 key is not a point of the curve; make a new key.")


def _is_on_curve(y: int) -> bool:
    """Whether x² = (y² - 1) / (d·y² + 1) has a root, by Euler's criterion (RFC 8032 section 5.1.3)."""
    square = y * y % FIELD
    return pow((square - 1) * (_D * square + 1), (FIELD - 1) // 2, FIELD) == 1
