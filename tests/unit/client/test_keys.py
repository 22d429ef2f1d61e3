"""Key files: private from the first instant, never overwritten, refused when others may read them."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest

from client import cli
from client.errors import CONFLICT, NOT_AUTHORISED, USAGE, NotAuthorised, UsageProblem
from client.keys import KeyFiles, make, passphrase_asker, public_json, read_public, read_recipient, read_signing
from protocol.crypto.hpke import open_sealed, seal


def nobody() -> bytes | None:
    raise AssertionError("an unencrypted key needs no passphrase")


@pytest.fixture
def files(tmp_path: Path) -> KeyFiles:
    return KeyFiles(folder=tmp_path / "keys", name="ada")


def test_new_key_files_are_readable_by_their_owner_only(files: KeyFiles) -> None:
    make(files, None)

    for path in (files.signing, files.recipient):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_key_comes_back_from_its_file(files: KeyFiles) -> None:
    public = make(files, None)

    assert public_json(read_signing(files.signing, nobody)) == public == read_public(files.public)


def test_encrypted_key_opens_with_its_passphrase_only(files: KeyFiles) -> None:
    public = make(files, b"correct horse")

    assert public_json(read_signing(files.signing, lambda: b"correct horse")) == public
    with pytest.raises(UsageProblem):
        read_signing(files.signing, lambda: b"wrong")


def test_recipient_key_opens_what_was_sealed_to_it(files: KeyFiles) -> None:
    make(files, b"pass")

    key = read_recipient(files.recipient, lambda: b"pass")

    assert open_sealed(seal(b"a value", key.public_bytes, b"i"), key, b"i") == b"a value"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_key_that_others_may_touch_is_refused(files: KeyFiles, mode: int) -> None:
    make(files, None)
    files.signing.chmod(mode)

    with pytest.raises(NotAuthorised) as refused:
        read_signing(files.signing, nobody)

    assert refused.value.code == "key-permissions"
    assert "chmod 600" in refused.value.sentence


def test_key_behind_a_link_is_refused(files: KeyFiles, tmp_path: Path) -> None:
    make(files, None)
    link = tmp_path / "link.pem"
    link.symlink_to(files.signing)

    with pytest.raises(OSError, match="symbolic links"):
        read_signing(link, nobody)


def test_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as refused:
        read_signing(tmp_path / "none.pem", nobody)

    assert "safeconduct key new" in refused.value.sentence


def test_key_new_never_overwrites(tmp_path: Path) -> None:
    line = ["key", "new", "ada", "--no-passphrase", "--home", str(tmp_path)]
    assert cli.run(line) == 0
    before = (tmp_path / "keys" / "ada.pem").read_bytes()

    assert cli.run(line) == CONFLICT

    assert (tmp_path / "keys" / "ada.pem").read_bytes() == before


def test_key_new_without_terminal_and_passphrase_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFECONDUCT_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert cli.run(["key", "new", "ada", "--home", str(tmp_path)]) == USAGE

    assert not (tmp_path / "keys").exists()


def test_passphrase_file_must_be_private(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("word\n")
    secret.chmod(0o644)

    with pytest.raises(NotAuthorised):
        passphrase_asker(secret)()
    secret.chmod(0o600)

    assert passphrase_asker(secret)() == b"word"


def test_passphrase_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAFECONDUCT_PASSPHRASE", "from outside")

    assert cli.run(["key", "new", "ada", "--home", str(tmp_path)]) == 0

    assert b"ENCRYPTED" in (tmp_path / "keys" / "ada.pem").read_bytes()


def test_loose_permissions_exit_with_not_authorised(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("word\n")
    secret.chmod(0o644)

    found = cli.run(["key", "new", "ada", "--home", str(tmp_path), "--passphrase-file", str(secret)])

    assert found == NOT_AUTHORISED
