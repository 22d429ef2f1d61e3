"""The Python client: the verbs of the command line, for notebooks and for the commands themselves.

    from client import Client

    me = Client()                                      # the profile in ~/.config/safeconduct
    orders = me.order(wishes)                          # one signed order per node
    results = me.results(orders)                       # verified, decrypted

A `Client` speaks for one person. It opens the person's keys when a verb needs them and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from client import documents
from client.api import Progress, RegistryClient
from client.errors import UsageProblem
from client.home import Profile, read_profile
from client.keys import Asker, KeyFiles, passphrase_asker, read_recipient, read_signing
from protocol.crypto.hpke import RecipientKey
from protocol.crypto.keys import PrivateKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_envelope
from protocol.documents.roster import Roster

ORDER_LIFETIME: Final = timedelta(days=1)
DEFAULT_KEY: Final = "me"


class Client:
    """One person at one registry."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        registry: str | None = None,
        key: str | None = None,
        passphrase: Asker | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.profile: Profile = read_profile(home)
        self._address, self._key_name, self._now = registry, key, now
        self._ask = passphrase or passphrase_asker(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to the registry, if there is one."""
        if "registry" in self.__dict__:
            self.registry.close()

    @cached_property
    def files(self) -> KeyFiles:
        """This person's key files."""
        return KeyFiles(folder=self.profile.keys, name=self._key_name or self.profile.key or DEFAULT_KEY)

    @cached_property
    def key(self) -> PrivateKey:
        """This person's signing key; asks for its passphrase."""
        return read_signing(self.files.signing, self._ask)

    @cached_property
    def recipient(self) -> RecipientKey:
        """The key that results are encrypted to; asks for its passphrase."""
        return read_recipient(self.files.recipient, self._ask)

    @cached_property
    def registry(self) -> RegistryClient:
        """The registry, as this person."""
        address = self._address or self.profile.need("registry")
        person = self.profile.person
        return RegistryClient(address, person=person, key=self.key if person else None)

    # Algorithms -----------------------------------------------------------------------------------------------

    def sign_algorithm(self, spec: Mapping[str, Any], image: Mapping[str, Any], source_commit: str) -> bytes:
        """Bind a spec to an image and sign both."""
        claimed = {"author", "image"} & spec.keys()
        if claimed:
            sentence = f"algorithm.toml must not say {sorted(claimed)[0]}: signing fills it in. Remove it."
            raise UsageProblem("spec-reserved", sentence)
        fields = {"source_commit": source_commit, **spec, "author": self.profile.need("person"), "image": dict(image)}
        return documents.sign(Algorithm, fields, [self.key])

    def submit_algorithm(self, envelope: bytes, archive: Path, progress: Progress | None = None) -> str:
        """Upload the image, then the document that names it; return the algorithm's digest."""
        algorithm = read_envelope(envelope).untrusted(Algorithm)
        self.registry.upload_image(archive, algorithm.image.archive_digest, progress)
        return self.registry.publish("algorithms", envelope)

    # Reviews --------------------------------------------------------------------------------------------------

    def decide(
        self, algorithm: str, roster: str, decision: str, terms: Mapping[str, Any], *, rationale: str, conflict: bool
    ) -> bytes:
        """Sign a decision about an algorithm; `terms` are project, persons and conditions."""
        member = self.profile.need("person")
        found = read_envelope(self.registry.document(roster)).untrusted(Roster)
        if found.member(member) is None:
            sentence = f"{member} is not on the roster of {found.committee}; name the roster of your own committee."
            raise UsageProblem("not-a-member", sentence)
        fields = {
            **terms,
            "algorithm": algorithm,
            "roster": roster,
            "committee": found.committee,
            "member": member,
            "decision": decision,
            "conflict_of_interest": conflict,
            "rationale": rationale,
            "signed_at": self._now(),
        }
        return documents.sign(Approval, fields, [self.key])

    # Jobs -----------------------------------------------------------------------------------------------------

    def order(self, wishes: Iterable[documents.Wish], *, lifetime: timedelta = ORDER_LIFETIME) -> list[str]:
        """Sign and send one order per wish; return the order ids."""
        return [self.registry.publish("orders", envelope) for envelope in self.sign_orders(wishes, lifetime=lifetime)]

    def sign_orders(self, wishes: Iterable[documents.Wish], *, lifetime: timedelta = ORDER_LIFETIME) -> list[bytes]:
        """Sign one order per wish and send none."""
        researcher, recipient = self.profile.need("person"), self.recipient.public_bytes
        return [
            documents.order(
                wish, researcher=researcher, recipient=recipient, key=self.key, now=self._now(), lifetime=lifetime
            )
            for wish in wishes
        ]
