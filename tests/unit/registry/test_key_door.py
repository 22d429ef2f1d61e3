"""At the registry's door every key is proved, stands for one person, and does not come back after a revocation."""

from typing import Any

import pytest
from authenticator import PAGE, Authenticator
from factory import OFFICE, key_entry, private_key, proofs_of

from protocol.documents.key import Key
from protocol.documents.key_proof import proof_bytes
from protocol.documents.passkey import vote_challenge


def refused(hub: Any, kind: str, document: Any) -> str:
    answer = hub.post(f"/{kind}", hub.world.sign(document, OFFICE))
    assert not answer.is_success
    code: str = answer.json()["code"]
    return code


@pytest.mark.parametrize("proofs", [[], proofs_of([key_entry("rita")], "mallory", OFFICE)], ids=["none", "another's"])
def test_accreditation_of_a_key_that_nobody_proved_is_refused(hub: Any, proofs: list[Any]) -> None:
    assert refused(hub, "accreditations", hub.world.accreditation("rita", proofs=proofs)) == "key-unproved"


def test_roster_of_a_key_that_nobody_proved_is_refused(hub: Any) -> None:
    members = [hub.world.member("meri", proof=None)]
    assert refused(hub, "rosters", hub.world.roster(members=members)) == "key-unproved"


def test_key_of_another_person_is_refused(settled: Any) -> None:
    borrowed = settled.world.accreditation("mallory", keys=[key_entry("rita")])
    assert refused(settled, "accreditations", borrowed) == "key-taken"
    members = [settled.world.member("mallory", key=key_entry("rita"))]
    assert refused(settled, "rosters", settled.world.roster(version=2, members=members)) == "key-taken"


@pytest.mark.parametrize("owner", [OFFICE, "the log"])
def test_key_of_an_office_or_of_the_log_is_nobody_s(hub: Any, owner: str) -> None:
    key_entry(owner)  # made here, so that it can be proved
    borrowed = hub.world.accreditation("rita", keys=[Key.of(private_key(owner).public).model_dump()])
    assert refused(hub, "accreditations", borrowed) == "key-taken"


def test_revoked_key_does_not_come_back(settled: Any) -> None:
    keyid = key_entry("rita")["keyid"]
    settled.publish("statuses", settled.world.sign(settled.world.status(version=2, revoked={"keys": [keyid]}), OFFICE))
    again = settled.world.accreditation("rita", institution="elsewhere")
    assert refused(settled, "accreditations", again) == "key-revoked"


def test_person_who_changes_keys_is_accredited_with_both(settled: Any) -> None:
    both = settled.world.accreditation("rita", keys=[key_entry("rita"), key_entry("rita-2")], institution="elsewhere")
    settled.publish("accreditations", settled.world.sign(both, OFFICE))


def test_passkey_is_rostered_and_votes_on_a_page_that_the_registry_knows(settled: Any) -> None:
    passkey = Authenticator("meri")
    keyid = passkey.public.keyid
    proof = passkey.answer(vote_challenge(proof_bytes(keyid, "meri", OFFICE))).to_entry().model_dump()
    roster = settled.world.roster(version=2, members=[settled.world.member("meri", key=passkey.entry, proof=proof)])
    assert refused(settled, "rosters", roster) == "key-unproved"  # this registry allows passkeys nowhere
    object.__setattr__(settled.desk, "passkey_pages", (PAGE,))
    digest = settled.publish("rosters", settled.world.sign(roster, OFFICE))
    approval = settled.world.approval("meri", settled.submit(), digest)
    settled.publish("approvals", passkey.sign(approval))
    again = settled.world.approval("meri", approval.algorithm, digest, rationale="Once more.")
    answer = settled.post("/approvals", passkey.sign(again, challenge=b"a login".ljust(32)))
    assert answer.json()["code"] == "passkey-challenge"
