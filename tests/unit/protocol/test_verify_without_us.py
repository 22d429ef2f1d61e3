"""Strangers' tools check our signatures: the recipes of the documentation, run as they stand there."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from authenticator import PAGE, Authenticator
from factory import OFFICE, World, digest_of, private_key
from vectors.forge import P256Key

from protocol.documents.envelope import sign_statement
from protocol.documents.key import Key
from protocol.documents.passkey import PasskeyOrigin

PAGE_OF_DOCS = (Path(__file__).parents[3] / "docs/how-to/verify-without-us.md").read_text(encoding="utf-8")
TOOLS, ROSTER, MEMBER, FILE_KEY, PASSKEY = re.findall(r"```sh\n(.*?)```", PAGE_OF_DOCS, re.DOTALL)
WORLD = World()
FILE_KEYS: dict[str, Any] = {"ed25519": private_key("meri"), "p256": P256Key(secret=11)}


def run(folder: Path, *blocks: str) -> bool:
    """Whether the recipes succeed, with openssl and a plain shell alone."""
    script = "set -eu\n" + "".join((TOOLS, *blocks))
    return subprocess.run(["sh", "-c", script], cwd=folder, check=False, capture_output=True).returncode == 0


def papers(folder: Path, key: dict[str, Any]) -> Any:
    """The office's key and a roster on which meri has this key; returns meri's approval, to be signed."""
    roster = sign_statement(WORLD.roster(members=[WORLD.member("meri", key=key)]), [private_key(OFFICE)])
    (folder / "roster.json").write_bytes(roster)
    (folder / "office.pem").write_bytes(private_key(OFFICE).public.to_pem())
    return WORLD.approval("meri", "0" * 64, digest_of(roster))


def tamper(path: Path) -> None:
    """Change one letter of what was signed."""
    envelope = json.loads(path.read_bytes())
    payload = envelope["payload"]
    envelope["payload"] = payload[:400] + ("A" if payload[400] != "A" else "B") + payload[401:]
    path.write_text(json.dumps(envelope, separators=(",", ":")))


@pytest.mark.parametrize("scheme", FILE_KEYS)
def test_openssl_verifies_a_key_in_a_file(tmp_path: Path, scheme: str) -> None:
    key = FILE_KEYS[scheme]
    approval = papers(tmp_path, Key.of(key.public).model_dump())
    (tmp_path / "approval.json").write_bytes(sign_statement(approval, [key]))

    assert run(tmp_path, ROSTER, MEMBER, FILE_KEY)
    assert not run(tmp_path, ROSTER, MEMBER, PASSKEY)


@pytest.mark.parametrize("altered", ["roster.json", "approval.json", "office.pem"])
def test_openssl_refuses_what_was_altered(tmp_path: Path, altered: str) -> None:
    key = private_key("meri")
    approval = papers(tmp_path, Key.of(key.public).model_dump())
    (tmp_path / "approval.json").write_bytes(sign_statement(approval, [key]))
    if altered == "office.pem":
        (tmp_path / altered).write_bytes(private_key("mallory").public.to_pem())
    else:
        tamper(tmp_path / altered)

    assert not run(tmp_path, ROSTER, MEMBER, FILE_KEY)


@pytest.mark.parametrize("algorithm", ["es256", "eddsa"])
def test_openssl_verifies_a_passkey(tmp_path: Path, algorithm: str) -> None:
    passkey = Authenticator("meri", PAGE, algorithm)
    approval = papers(tmp_path, passkey.entry)
    (tmp_path / "approval.json").write_bytes(passkey.sign(approval))

    assert run(tmp_path, ROSTER, MEMBER, PASSKEY)
    assert not run(tmp_path, ROSTER, MEMBER, FILE_KEY)


FAULTS: dict[str, dict[str, Any]] = {
    "registration": {"type": "webauthn.create"},
    "login": {"challenge": b"a login".ljust(32)},
    "another page": {"origin": "https://login.example"},
    "framed": {"cross_origin": True},
    "framed from above": {"more": (("topOrigin", "https://login.example"),)},
    "another site": {"rp_id": "login.example"},
    "nobody there": {"user_present": False},
    "nobody verified": {"user_verified": False},
    "trailing bytes": {"behind": b"\x00"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_openssl_recipe_refuses_what_our_own_check_refuses(tmp_path: Path, fault: str) -> None:
    passkey = Authenticator("meri")
    approval = papers(tmp_path, passkey.entry)
    (tmp_path / "approval.json").write_bytes(passkey.sign(approval, **FAULTS[fault]))

    assert not run(tmp_path, ROSTER, MEMBER, PASSKEY)


def test_stranger_s_passkey_is_not_the_member_s(tmp_path: Path) -> None:
    approval = papers(tmp_path, Authenticator("meri").entry)
    (tmp_path / "approval.json").write_bytes(Authenticator("mallory").sign(approval))

    assert not run(tmp_path, ROSTER, MEMBER, PASSKEY)


def test_page_of_the_recipe_is_the_one_of_the_test() -> None:
    origin, rp_id = re.findall(r"origin=(\S+) rp_id=(\S+)", PASSKEY)[0]
    assert PasskeyOrigin(origin=origin, rp_id=rp_id) == PAGE
