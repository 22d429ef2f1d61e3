"""Base64 as DSSE writes it: both alphabets are read, the standard one is written."""

import base64
import binascii

from protocol.errors import Refused


def encode_base64(data: bytes) -> str:
    """``data`` in the standard alphabet, padded, on one line."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes that ``text`` stands for, in the standard or in the URL-safe alphabet.

    White space, missing padding and unused bits that are not zero are refused: one value has one spelling in each
    alphabet, so that nothing can be hidden in the slack.
    """
    standard = text.replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("document-malformed", "A base64 value is broken; ask for the document again.") from error
    if encode_base64(data) != standard:
        raise Refused("document-malformed", "A base64 value is not in its only form; ask for the document again.")
    return data
