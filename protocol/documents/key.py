"""A public key inside a document."""

from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.crypto.keys import PublicKey, Scheme
from protocol.documents.fields import Digest, Record, Subject
from protocol.errors import Refused


class Key(Record):
    """A key with its one scheme; its id must be the digest of its bytes, so that no key has two ids."""

    keyid: Digest
    scheme: Scheme
    public: str = Field(max_length=200)

    @classmethod
    def of(cls, key: PublicKey) -> Self:
        """The entry for ``key``."""
        return cls(keyid=key.keyid, scheme=key.scheme, public=encode_base64(key.spki))

    def to_public(self) -> PublicKey:
        """The key itself."""
        return _public_key(self.scheme, self.public)

    def subject(self, name: str) -> Subject:
        """This key as the subject of a statement about ``name``."""
        return Subject(name=name, sha256=self.keyid)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.to_public().keyid != self.keyid:
            raise Refused("key-malformed", "A key's id is not the digest of its bytes; use the id that we computed.")
        return self


@lru_cache(maxsize=4096)
def _public_key(scheme: Scheme, public: str) -> PublicKey:
    return PublicKey(scheme, decode_base64(public))


def check_in_files(keys: tuple[Key, ...]) -> None:
    """Refuse (``key-scheme``) passkeys where only keys in files may sign."""
    if any(key.scheme == "webauthn" for key in keys):
        raise Refused("key-scheme", "Passkeys sign approvals only; name a key in a file here.")


def check_distinct(keys: tuple[Key, ...]) -> None:
    """Refuse (``key-duplicate``) a list that names one key twice."""
    if len({key.keyid for key in keys}) != len(keys):
        raise Refused("key-duplicate", "One key is listed twice; list every key once.")
