"""Who plays in the demo: people with keys of their own, a committee, data holders; and what they sign before it starts.

Everybody has a folder of their own, as on different machines. All keys are made for this one performance and are
worth nothing afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from client import documents
from client.client import Client
from client.home import read_profile, write_profile
from client.keys import KeyFiles, make, read_signing
from protocol.crypto.keys import PrivateKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.envelope import read_envelope
from protocol.documents.key_proof import KeyRequest, make_request, read_request
from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot

OFFICE: Final = "accreditation-office"
COMMITTEE: Final = "ethics"
QUORUM: Final = 2
KEY: Final = "me"
SIGNER: Final = PasskeyOrigin(origin="http://localhost:8765", rp_id="localhost")
REGISTRY_PORT: Final = 8400
REGISTRY_PAGE: Final = PasskeyOrigin(origin=f"http://localhost:{REGISTRY_PORT}", rp_id="localhost", registry_page=True)
"""Where members' passkeys may sign: on pages of this machine, and on the registry's, if it gets that port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a name, an institution and a country."""

    person: str
    name: str
    institution: str
    country: str
    seats: tuple[str, ...] = ()


RESEARCHER: Final = Person(person="mari.tamm", name="Mari Tamm", institution="university-of-tartu", country="EE")
MEMBERS: Final = (
    Person(
        person="aino.virtanen",
        name="Aino Virtanen",
        institution="helsinki-ethics-board",
        country="FI",
        seats=("chair",),
    ),
    Person(person="diego.romero", name="Diego Romero", institution="sevilla-ethics-board", country="ES"),
    Person(person="giulia.conti", name="Giulia Conti", institution="trieste-ethics-board", country="IT"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What the office and the holders signed, and the digests that others refer to."""

    roster: bytes
    roster_digest: str
    status: bytes
    accreditations: tuple[bytes, ...]


def role_of(member: Person) -> str:
    """Say what a member is in the committee."""
    return "chair" if "chair" in member.seats else "member"


class Cast:
    """The people of one performance, each with a home under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime.now(UTC)

    def home(self, who: str) -> Path:
        """Return somebody's own folder."""
        return self.folder / who

    def files(self, who: str) -> KeyFiles:
        """Return somebody's key files."""
        return KeyFiles(folder=self.home(who) / "keys", name=KEY)

    def public(self, who: str) -> dict[str, str]:
        """Return somebody's public key, making the pair on first use."""
        files = self.files(who)
        return documents_key(read_signing(files.signing, _nobody)) if files.signing.exists() else make(files, None)

    def key(self, who: str) -> PrivateKey:
        """Return somebody's signing key."""
        self.public(who)
        return read_signing(self.files(who).signing, _nobody)

    def client(self, person: Person, registry: str, trust_root: Path, fingerprint: str) -> Client:
        """Return the Python client of a person at the registry."""
        home = self.home(person.person)
        write_profile(
            read_profile(home),
            registry=registry,
            person=person.person,
            key=KEY,
            trust_root=str(trust_root),
            fingerprint=fingerprint,
        )
        return Client(home, passphrase=_nobody)

    # The accreditation office ---------------------------------------------------------------------------------

    def accredit(self, person: Person, roles: list[str]) -> bytes:
        """Sign who a person is."""
        return self._accredit(person.person, "person", person, roles, self.request(person.person))

    def accredit_node(self, node: str, country: str, institution: str, request: dict[str, Any]) -> bytes:
        """Sign who a node is, with the key that its own request proves."""
        asked = read_request(json.dumps(request).encode())
        who = Person(person=node, name=f"Node {node}", institution=institution, country=country)
        return self._accredit(node, "node", who, ["node"], asked)

    def request(self, who: str) -> KeyRequest:
        """Return somebody's request to the office, in which their key is proved."""
        return make_request([self.key(who)], who, OFFICE)

    def _accredit(self, subject: str, kind: str, who: Person, roles: list[str], asked: KeyRequest) -> bytes:
        fields = {
            "subject": subject,
            "kind": kind,
            "name": who.name,
            "institution": who.institution,
            "country": who.country,
            "roles": roles,
            "keys": [key.model_dump() for key in asked.keys],
            "proofs": [proof.model_dump() for proof in asked.proofs],
            "office": OFFICE,
            "valid_from": self.now - timedelta(minutes=1),
            "valid_until": self.now + timedelta(days=30),
        }
        return documents.sign(Accreditation, fields, [self.key(OFFICE)])

    def papers(self) -> Papers:
        """Sign the committee's roster, an empty list of revocations, and everybody's accreditation."""
        roster = self.roster(1, {member.person: self.request(member.person) for member in MEMBERS})
        revoked: dict[str, Any] = {}
        status = {"office": OFFICE, "version": 1, "issued": self.now, "expires": self.now + timedelta(days=7)}
        return Papers(
            roster=roster,
            roster_digest=read_envelope(roster).digest,
            status=documents.sign(Status, {**status, "revoked": revoked}, [self.key(OFFICE)]),
            accreditations=(
                self.accredit(RESEARCHER, ["researcher"]),
                *(self.accredit(member, ["committee"]) for member in MEMBERS),
            ),
        )

    def roster(self, version: int, requests: Mapping[str, KeyRequest]) -> bytes:
        """Sign who sits in the committee, each with the key that their own request proves."""
        members = [
            {
                "person": member.person,
                "institution": member.institution,
                "seats": list(member.seats),
                "key": requests[member.person].keys[0].model_dump(),
                "proof": requests[member.person].proofs[0].model_dump(),
            }
            for member in MEMBERS
        ]
        fields = {
            "committee": COMMITTEE,
            "office": OFFICE,
            "version": version,
            "members": members,
            "minimum_approvals": QUORUM,
            "minimum_institutions": QUORUM,
            "seats": [],
            "expires": self.now + timedelta(days=30),
        }
        return documents.sign(Roster, fields, [self.key(OFFICE)])

    # Data holders ---------------------------------------------------------------------------------------------

    def trust_root(self, holder: str, datasets: list[str], log_key: Any) -> bytes:
        """Sign whom a holder's node believes: this office, for each data set two of the committee's three, the log.

        Two persons of the holder may make good for a ledger that was lost (docs/how-to/restore-a-ledger.md).
        """
        rule = {
            "committee": COMMITTEE,
            "office": OFFICE,
            "minimum_approvals": QUORUM,
            "minimum_institutions": QUORUM,
            "seats": [],
        }
        fields = {
            "holder": holder,
            "version": 1,
            "expires": self.now + timedelta(days=30),
            "root_keys": [self.public(holder)],
            "root_threshold": 1,
            "offices": [{"office": OFFICE, "keys": [self.public(OFFICE)]}],
            "datasets": [{"dataset": dataset, "committees": [rule]} for dataset in datasets],
            "log_key": log_key,
            "roster_delay_hours": 0,
            "passkey_origins": [page.model_dump() for page in (SIGNER, REGISTRY_PAGE)],
            "custodians": [{"person": person, "keys": [self.public(person)]} for person in custodians(holder)],
        }
        return documents.sign(TrustRoot, fields, [self.key(holder)])


def custodians(holder: str) -> tuple[str, str]:
    """Return the names of a holder's two custodians: their keys lie in homes of their own."""
    return f"archivist-of-{holder}", f"auditor-of-{holder}"


def documents_key(key: PrivateKey) -> dict[str, str]:
    """Return a key's public half as documents carry it."""
    from client.keys import public_json

    return public_json(key)


def _nobody() -> bytes | None:
    """The demo's keys have no passphrase."""
    raise RuntimeError("a key of the demo is encrypted")
