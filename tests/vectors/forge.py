"""How vectors are made: true documents from the factory, and the tools to break them in one place."""

import base64
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from factory import NOW, World, private_key

from protocol.crypto.keys import PublicKey
from protocol.documents.envelope import PAYLOAD_TYPE, statement_bytes
from protocol.documents.fields import Document
from protocol.documents.signature import pre_authentication_encoding

Json = Any
WORLD = World()
NOW_TEXT = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"


def vector(fault: str, code: str | None, data: bytes, **context: Json) -> dict[str, Json]:
    """One vector: what is wrong (or right) in one sentence, the code to expect, the bytes, and what a check needs."""
    return {"says": fault, "code": code, "bytes": base64.b64encode(data).decode(), **context}


def keys_of(*names: str) -> list[dict[str, str]]:
    """The public keys of these names, as context of a vector."""
    return [public_entry(private_key(name).public) for name in names]


def public_entry(key: PublicKey) -> dict[str, str]:
    return {"scheme": key.scheme, "public": base64.b64encode(key.spki).decode()}


def envelope_of(payload: bytes, *names: str, payload_type: str = PAYLOAD_TYPE) -> dict[str, Json]:
    """A DSSE envelope, as an object, around any payload."""
    signed = pre_authentication_encoding(payload_type, payload)
    signatures = [
        {"keyid": private_key(name).public.keyid, "sig": base64.b64encode(private_key(name).sign(signed)).decode()}
        for name in names
    ]
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": signatures,
    }


def to_bytes(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed(payload: bytes, *names: str) -> bytes:
    """An envelope around any payload, as bytes."""
    return to_bytes(envelope_of(payload, *names))


def statement_of(document: Document) -> dict[str, Json]:
    """The true statement about a document, as an object to break."""
    statement: dict[str, Json] = json.loads(statement_bytes(document))
    return statement


def broken(document: Document, signer: str, change: Callable[[dict[str, Json]], object]) -> bytes:
    """The signed envelope of ``document`` after ``change`` was done to its predicate."""
    statement = deepcopy(statement_of(document))
    change(statement["predicate"])
    return signed(to_bytes(statement), signer)


def setting(path: str, value: Json) -> Callable[[dict[str, Json]], object]:
    """A change that sets the member at a dotted path, such as ``outputs.0.range``."""

    def change(predicate: Json) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            predicate = predicate[step]
        predicate[last] = value

    return change


def without(path: str) -> Callable[[dict[str, Json]], object]:
    """A change that removes the member at a dotted path."""

    def change(predicate: Json) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            predicate = predicate[step]
        del predicate[last]

    return change


class P256Key:
    """A P-256 key whose signatures are the same in every run (RFC 6979), so that vectors are."""

    def __init__(self, secret: int) -> None:
        self._key = ec.derive_private_key(secret, ec.SECP256R1())

    @property
    def public(self) -> PublicKey:
        numbers = self._key.public_key().public_numbers()
        point = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        return PublicKey("ecdsa-p256", bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + point)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True))
