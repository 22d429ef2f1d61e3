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
from client.results import Result, open_result
from protocol.crypto.hpke import RecipientKey
from protocol.crypto.keys import PrivateKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_envelope
from protocol.documents.receipt import Receipt
from protocol.documents.roster import Roster
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.root import open_trust_root

ORDER_LIFETIME: Final = timedelta(days=1)
RELEASED: Final = "released"
ENDED: Final = frozenset({RELEASED, "refused", "failed", "cancelled"})
DIGEST_LENGTH: Final = 64
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
        for name in {"registry", "anonymous"} & self.__dict__.keys():
            getattr(self, name).close()

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
    def trust_root(self) -> TrustRoot:
        """The trust root that this person pinned: whose nodes' receipts to believe."""
        path, pinned = Path(self.profile.need("trust_root")), self.profile.need("fingerprint")
        return open_trust_root(path.read_bytes(), pinned)

    @cached_property
    def registry(self) -> RegistryClient:
        """The registry, as this person."""
        address = self._address or self.profile.need("registry")
        person = self.profile.person
        return RegistryClient(address, person=person, key=self.key if person else None)

    @cached_property
    def anonymous(self) -> RegistryClient:
        """The registry, as nobody: for what needs no token, so that who has only a passkey can do it."""
        return RegistryClient(self._address or self.profile.need("registry"))

    # Algorithms -----------------------------------------------------------------------------------------------

    def sign_algorithm(self, spec: Mapping[str, Any], image: Mapping[str, Any] | None, source_commit: str) -> bytes:
        """Bind a spec to an image and sign both; what a node's own code computes (mode statistic) has no image."""
        claimed = {"author", "image"} & spec.keys()
        if claimed:
            sentence = f"algorithm.toml must not say {sorted(claimed)[0]}: signing fills it in. Remove it."
            raise UsageProblem("spec-reserved", sentence)
        fields = {"source_commit": source_commit, **spec, "author": self.profile.need("person"), "image": image}
        return documents.sign(Algorithm, fields, [self.key])

    def submit_algorithm(self, envelope: bytes, archive: Path, progress: Progress | None = None) -> str:
        """Upload the image, if there is one, then the document that names it; return the algorithm's digest."""
        algorithm = read_envelope(envelope).untrusted(Algorithm)
        if algorithm.image is not None:
            self.registry.upload_image(archive, algorithm.image.archive_digest, progress)
        return self.registry.publish("algorithms", envelope)

    def find_algorithm(self, named: str) -> tuple[str, Algorithm]:
        """Return the digest and the document of an algorithm named by digest or as NAME@VERSION.

        The author's signature is the node's to check; here the digest alone says that it is the one.
        """
        digest = named if len(named) == DIGEST_LENGTH else self._digest_of(named)
        envelope = read_envelope(self.registry.document(digest))
        if envelope.digest != digest:
            sentence = "The registry answered with another document than was asked for; do not trust this registry."
            raise Refused("document-other", sentence)
        return digest, envelope.untrusted(Algorithm)

    def _digest_of(self, named: str) -> str:
        name, _, version = named.partition("@")
        found = [one for one in self.registry.listing("algorithms") if one["name"] == name]
        fitting = [one for one in found if version in ("", one["version"])]
        if len(fitting) != 1:
            known = ", ".join(f"{one['name']}@{one['version']}" for one in found) or "none of that name"
            raise UsageProblem("algorithm-unknown", f"{named!r} names no single algorithm here ({known}).")
        return str(fitting[0]["digest"])

    def approvals_of(self, algorithm: str, project: str) -> list[str]:
        """Return the digests of the approvals that the registry holds for an algorithm and a project."""
        for review in self.registry.listing("reviews"):
            if review["digest"] == algorithm:
                votes = review.get("approvals", [])
                return [v["digest"] for v in votes if v["project"] == project and v["decision"] == "approve"]
        return []

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

    def state(self, order_id: str) -> dict[str, Any]:
        """Return what the registry says about an order; only the receipt is to be believed."""
        return self.registry.order(order_id)

    def is_settled(self, state: Mapping[str, Any]) -> bool:
        """Say whether everything that will come for an order has come."""
        said = state.get("state")
        return said in ENDED and (said != RELEASED or bool(state.get("release_ready")))

    def result(self, order_id: str) -> Result:
        """Fetch the receipt, then the release; verify, compare, decrypt. Nothing unverified is returned."""
        receipt = self.registry.receipt(order_id)
        return open_result(
            order_id,
            receipt,
            self._release(order_id),
            accreditations=[self.registry.accreditation(read_envelope(receipt).untrusted(Receipt).node)],
            statuses=self.registry.statuses(),
            trust_root=self.trust_root,
            recipient=self.recipient,
            now=self._now(),
        )

    def results(self, order_ids: Iterable[str]) -> list[Result]:
        """Return the results of several orders."""
        return [self.result(order_id) for order_id in order_ids]

    def _release(self, order_id: str) -> bytes | None:
        return self.registry.release(order_id) if self.registry.order(order_id).get("release_ready") else None
