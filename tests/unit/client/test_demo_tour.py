"""What stays after the demo: as wished or at a terminal; a member is seated with a passkey that trust roots allow."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from authenticator import Authenticator
from factory import key_entry

from client.commands.demo import stays
from client.commands.demo_cast import MEMBERS, OFFICE, REGISTRY_PAGE, SIGNER, Cast
from client.commands.demo_stage import Stage
from protocol.documents.envelope import read_envelope
from protocol.documents.key_proof import KeyRequest, check_proved, proof_bytes, read_request
from protocol.documents.passkey import vote_challenge
from protocol.documents.roster import Roster
from protocol.documents.strict import canonical
from protocol.documents.trust_root import TrustRoot


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("wished", "terminal", "machine", "stay"),
    [
        (None, True, "", True),
        (None, False, "", False),
        (None, True, "1", False),
        (True, False, "1", True),
        (False, True, "", False),
    ],
)
def test_demo_stays_as_wished_else_for_a_person_alone(
    monkeypatch: pytest.MonkeyPatch, wished: bool | None, terminal: bool, machine: str, stay: bool
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stdin", stream)
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("CI", machine)

    assert stays(wished) is stay


def test_what_is_to_be_copied_is_one_line() -> None:
    stream = io.StringIO()
    Stage(stream).line(f"Somebody: http://localhost:8400/enrol?code={'x' * 200}")

    assert stream.getvalue().count("\n") == 1


def test_member_with_a_passkey_is_seated_and_trust_roots_let_it_sign(tmp_path: Path) -> None:
    cast, (chair, member, _) = Cast(tmp_path), MEMBERS
    passkey = Authenticator(member.person, SIGNER)
    proof = passkey.answer(vote_challenge(proof_bytes(passkey.public.keyid, member.person, OFFICE))).to_entry()
    fields = {"subject": member.person, "office": OFFICE, "keys": [passkey.entry]}
    asked = read_request(canonical({**fields, "proofs": [proof.model_dump(exclude_none=True)]}), [SIGNER])
    requests: dict[str, KeyRequest] = {each.person: cast.request(each.person) for each in MEMBERS}

    raw = cast.roster(2, {**requests, member.person: asked})

    roster = read_envelope(raw).untrusted(Roster)
    seated = roster.member(member.person)
    assert seated is not None
    assert seated.key.to_public() == passkey.public
    check_proved([seated.key], [seated.proof] if seated.proof else [], member.person, OFFICE, [SIGNER])
    assert [each.person for each in roster.members if "chair" in each.seats] == [chair.person]
    root = read_envelope(cast.trust_root("holder", ["cohort"], key_entry("the log"))).untrusted(TrustRoot)
    assert root.passkey_origins == (SIGNER, REGISTRY_PAGE)
    assert [page.registry_page for page in root.passkey_origins] == [False, True]
