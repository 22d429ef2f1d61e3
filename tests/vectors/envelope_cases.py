"""Faults of the envelope and of its JSON, shown on an accreditation: every document shares them."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from factory import AUTHOR, OFFICE, private_key
from vectors.forge import WORLD, P256Key, envelope_of, keys_of, public_entry, signed, statement_of, to_bytes, vector

from protocol.documents.envelope import sign_statement

DOCUMENT = WORLD.accreditation()
STATEMENT = statement_of(DOCUMENT)
PAYLOAD = to_bytes(STATEMENT)
TRUE = envelope_of(PAYLOAD, OFFICE)
_KIND = "urn:safeconduct:"


def vectors() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _accepted()
    yield from _bad_json()
    yield from _bad_envelopes()
    yield from _bad_statements()
    yield from _bad_signatures()


def _case(name: str, says: str, code: str | None, data: bytes, **context: Any) -> tuple[str, dict[str, Any]]:
    context = {"check": "document", "kind": "accreditation", "keys": keys_of(OFFICE), "threshold": 1} | context
    return f"envelope/{name}", vector(says, code, data, **context)


def _accepted() -> Iterator[tuple[str, dict[str, Any]]]:
    yield _case("plain", "An envelope as we write it.", None, to_bytes(TRUE))
    spaced = json.dumps(TRUE, indent=3).encode() + b"\n"
    yield _case("white-space", "JSON's own white space changes nothing: the payload is what counts.", None, spaced)
    text = TRUE["payload"].replace("+", "-").replace("/", "_")
    sig = TRUE["signatures"][0]["sig"].replace("+", "-").replace("/", "_")
    url_safe = TRUE | {"payload": text, "signatures": [TRUE["signatures"][0] | {"sig": sig}]}
    yield _case("url-safe-base64", "DSSE lets readers accept both alphabets.", None, to_bytes(url_safe))
    indented = signed(json.dumps(STATEMENT, indent=2).encode(), OFFICE)
    yield _case("payload-written-otherwise", "Other tools order and space JSON otherwise.", None, indented)
    two = to_bytes(envelope_of(PAYLOAD, AUTHOR, OFFICE))
    yield _case("foreign-signature-beside", "A signature by a key that nobody asked about is no harm.", None, two)
    key = P256Key(secret=2023)
    p256 = sign_statement(DOCUMENT, [key])
    yield _case("ecdsa-p256", "The other scheme.", None, p256, keys=[public_entry(key.public)])
    escaped = signed(PAYLOAD.replace(b'"Rita"', b'"Rita \\ud83e\\uddec"'), OFFICE)
    yield _case("escaped-pair", "A whole surrogate pair, escaped, is one character.", None, escaped)
    both = to_bytes(envelope_of(PAYLOAD, OFFICE, AUTHOR))
    yield _case("threshold-two", "Two keys of two.", None, both, keys=keys_of(OFFICE, AUTHOR), threshold=2)


def _bad_json() -> Iterator[tuple[str, dict[str, Any]]]:
    raw = to_bytes(TRUE)
    texts = {
        "empty": ("There is nothing.", b""),
        "not-json": ("It is no JSON.", b"envelope"),
        "array": ("The top is an array.", b"[" + raw + b"]"),
        "truncated": ("The end is missing.", raw[:-10]),
        "trailing-bytes": ("Something follows the value.", raw + b"{}"),
        "trailing-nul": ("A NUL follows the value.", raw + b"\x00"),
        "byte-order-mark": ("A byte order mark comes first.", b"\xef\xbb\xbf" + raw),
        "invalid-utf-8": ("A byte is no UTF-8.", raw.replace(b"vnd", b"v\xffd")),
        "utf-16": ("It is written in UTF-16.", raw.decode().encode("utf-16")),
        "duplicate-key": ("A key appears twice.", raw[:-1] + b',"payload":"e30="}'),
        "unknown-member": ("A member is unknown.", to_bytes(TRUE | {"comment": "hello"})),
        "deep": ("It is nested a thousand levels deep.", b'{"payload":' + b"[" * 1000 + b"]" * 1000 + b"}"),
        "unbalanced": ("It opens ten thousand brackets.", b"[" * 10_000),
        "comment": ("It has a comment.", b"/* hello */" + raw),
        "single-quotes": ("It is written with single quotes.", raw.replace(b'"', b"'")),
    }
    for name, (says, data) in texts.items():
        yield _case(name, says, "document-malformed", data)
    payloads = {
        "payload-duplicate-key": ("A key of the predicate appears twice.", b'"country":"FI","country":"SE"'),
        "payload-duplicate-escaped-key": ("A key appears twice, once escaped.", b'"country":"FI","countr\\u0079":"SE"'),
        "payload-nan": ("A value is NaN.", b'"country":NaN'),
        "payload-infinity": ("A value is infinite.", b'"country":-Infinity'),
        "payload-float": ("A value is a float.", b'"country":1.0'),
        "payload-exponent": ("A value has an exponent.", b'"country":1e3'),
        "payload-huge-integer": ("A value is beyond 2**53.", b'"country":9007199254740992'),
        "payload-ten-thousand-digits": ("A value has ten thousand digits.", b'"country":' + b"9" * 10_000),
        "payload-lone-surrogate": ("A text is half of a surrogate pair.", b'"country":"\\ud800"'),
        "payload-reversed-surrogates": ("A surrogate pair is the wrong way round.", b'"country":"\\udc00\\ud800"'),
        "payload-control-character": ("A text holds a raw control character.", b'"country":"F\x01"'),
        "payload-invalid-utf-8": ("A text is no UTF-8.", b'"country":"\xff\xff"'),
        "payload-overlong-utf-8": ("A text is overlong UTF-8.", b'"country":"\xc0\xaf"'),
        "payload-trailing-comma": ("A comma is one too many.", b'"country":"FI",,'),
    }
    for name, (says, text) in payloads.items():
        data = signed(PAYLOAD.replace(b'"country":"FI"', text), OFFICE)
        yield _case(name, says, "document-malformed", data)


def _bad_envelopes() -> Iterator[tuple[str, dict[str, Any]]]:
    signature = TRUE["signatures"][0]
    changed = {
        "wrong-payload-type": ("The payload type is another.", {"payloadType": "application/json"}),
        "payload-type-case": ("The payload type is in capitals.", {"payloadType": "APPLICATION/VND.IN-TOTO+JSON"}),
        "no-signatures": ("There is no signature.", {"signatures": []}),
        "signature-without-keyid": ("A signature names no key.", {"signatures": [{"sig": signature["sig"]}]}),
        "signature-twice": ("One key id signs twice.", {"signatures": [signature, signature]}),
        "too-many-signatures": (
            "There are a hundred signatures.",
            {"signatures": [signature | {"keyid": f"{number:064x}"} for number in range(100)]},
        ),
        "base64-space": ("The payload has a space.", {"payload": " " + TRUE["payload"]}),
        "base64-unpadded": ("The padding is missing.", {"payload": "e30"}),
        "base64-slack": ("Unused bits are not zero.", {"payload": "e31="}),
        "base64-other-letters": ("The payload is not base64.", {"payload": "***="}),
        "payload-object": ("The payload is an object.", {"payload": STATEMENT}),
    }
    for name, (says, change) in changed.items():
        yield _case(name, says, "document-malformed", to_bytes(TRUE | change))
    missing = {name: value for name, value in TRUE.items() if name != "payloadType"}
    yield _case("no-payload-type", "The payload type is missing.", "document-malformed", to_bytes(missing))


def _bad_statements() -> Iterator[tuple[str, dict[str, Any]]]:
    changed: dict[str, tuple[str, str, dict[str, Any]]] = {
        "statement-v0": (
            "The statement has an older version.",
            "document-malformed",
            {"_type": "https://in-toto.io/Statement/v0.1"},
        ),
        "other-kind": ("It is another kind of document.", "document-kind", {"predicateType": _KIND + "roster:v1"}),
        "other-version": ("It is another version.", "document-kind", {"predicateType": _KIND + "accreditation:v2"}),
        "kind-with-slack": ("The kind has a space.", "document-kind", {"predicateType": _KIND + "accreditation:v1 "}),
        "other-subject": (
            "The subject is another key.",
            "document-subject",
            {"subject": [{"name": "rita", "digest": {"sha256": private_key("mallory").public.keyid}}]},
        ),
        "other-subject-name": (
            "The subject is another person.",
            "document-subject",
            {"subject": [STATEMENT["subject"][0] | {"name": "mallory"}]},
        ),
        "subject-too-many": ("There is a subject too many.", "document-subject", {"subject": STATEMENT["subject"] * 2}),
        "no-subject": ("There is no subject.", "document-malformed", {"subject": []}),
        "subject-other-digest": (
            "The subject has a SHA-1.",
            "document-malformed",
            {"subject": [{"name": "rita", "digest": {"sha1": "0" * 40}}]},
        ),
        "predicate-text": ("The predicate is a text.", "document-malformed", {"predicate": "trust me"}),
        "statement-unknown-member": ("A member is unknown.", "document-malformed", {"note": "hello"}),
    }
    for name, (says, code, change) in changed.items():
        yield _case(name, says, code, signed(to_bytes(STATEMENT | change), OFFICE))


def _bad_signatures() -> Iterator[tuple[str, dict[str, Any]]]:
    signature = TRUE["signatures"][0]
    sig = base64.b64decode(signature["sig"])

    def with_sig(data: bytes) -> bytes:
        return to_bytes(TRUE | {"signatures": [signature | {"sig": base64.b64encode(data).decode()}]})

    order = 2**252 + 27742317777372353535851937790883648493  # of the group; RFC 8032 section 5.1
    malleable = sig[:32] + (int.from_bytes(sig[32:], "little") + order).to_bytes(32, "little")
    for name, says, data in (
        ("flipped-bit", "One bit of the signature is another.", bytes([sig[0] ^ 1]) + sig[1:]),
        ("signature-short", "The signature is cut off.", sig[:-1]),
        ("signature-empty", "The signature is empty.", b""),
        ("signature-malleable", "The group's order was added to s (RFC 8032 section 8.4).", malleable),
        ("signature-of-nothing", "The signature is 64 zeros.", bytes(64)),
    ):
        yield _case(name, says, "signature-invalid", with_sig(data))
    payload = base64.b64encode(PAYLOAD.replace(b'"FI"', b'"SE"')).decode()
    yield _case(
        "payload-changed", "The payload was changed.", "signature-invalid", to_bytes(TRUE | {"payload": payload})
    )
    bare = private_key(OFFICE).sign(PAYLOAD)
    yield _case("signed-without-type", "The bare payload was signed.", "signature-invalid", with_sig(bare))
    other = envelope_of(PAYLOAD, OFFICE, payload_type="text/plain") | {"payloadType": TRUE["payloadType"]}
    yield _case("signed-as-other-type", "It was signed as text.", "signature-invalid", to_bytes(other))
    stranger = to_bytes(envelope_of(PAYLOAD, "mallory"))
    yield _case("stranger", "A stranger signed it.", "key-unknown", stranger)
    claimed = envelope_of(PAYLOAD, "mallory")
    claimed["signatures"][0]["keyid"] = signature["keyid"]
    yield _case("stranger-claims-key", "A stranger signed it as the office.", "signature-invalid", to_bytes(claimed))
    one = to_bytes(TRUE)
    yield _case("threshold-unmet", "One of two signed.", "key-unknown", one, keys=keys_of(OFFICE, AUTHOR), threshold=2)
    twice = TRUE | {"signatures": [signature, signature | {"keyid": "0" * 64}]}
    yield _case(
        "one-key-two-ids",
        "One key signs under two ids: two well-known libraries count two.",
        "key-unknown",
        to_bytes(twice),
        keys=keys_of(OFFICE, AUTHOR),
        threshold=2,
    )
