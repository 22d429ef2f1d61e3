"""Key files: made once, readable by their owner only, never overwritten.

`NAME.pem` is the Ed25519 signing key (PKCS #8, encrypted when there is a passphrase), `NAME.public.json` its public
half as documents carry it, `NAME.recipient` the hybrid HPKE key that results are encrypted to, and
`NAME.recipient.pub` its public half. A private file that its group or others may read is refused: whoever could read
it could have signed.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from client.errors import Conflict, NotAuthorised, UsageProblem
from protocol.crypto.hpke import RecipientKey, load_recipient
from protocol.crypto.keys import PrivateKey, load_private
from protocol.errors import SafeconductError

PRIVATE_MODE: Final = 0o600
OTHERS: Final = 0o077
LIMIT_BYTES: Final = 64 * 1024
PASSPHRASE_VARIABLE: Final = "SAFECONDUCT_PASSPHRASE"  # noqa: S105  the name of a variable

Asker = Callable[[], bytes | None]
K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFiles:
    """Where the four files of one key are."""

    folder: Path
    name: str

    @property
    def signing(self) -> Path:
        """The private signing key."""
        return self.folder / f"{self.name}.pem"

    @property
    def public(self) -> Path:
        """The public signing key, as JSON."""
        return self.folder / f"{self.name}.public.json"

    @property
    def recipient(self) -> Path:
        """The private key that results are encrypted to."""
        return self.folder / f"{self.name}.recipient"

    @property
    def recipient_public(self) -> Path:
        """Its public half, base64."""
        return self.folder / f"{self.name}.recipient.pub"


def make(files: KeyFiles, passphrase: bytes | None) -> dict[str, str]:
    """Make a signing key and a recipient key, and return the public half of the first.

    Refused: any of the files is already there (a key is never overwritten; results would become unreadable).
    """
    for path in (files.signing, files.public, files.recipient, files.recipient_public):
        if path.exists():
            raise Conflict("key-exists", f"{path} is already there and is kept. Choose another name for the new key.")
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, recipient = PrivateKey.generate_ed25519(), RecipientKey.generate()
    public = public_json(key)
    write_private(files.signing, key.to_pem(passphrase))
    write_private(files.recipient, recipient.to_pem(passphrase))
    files.public.write_text(json.dumps(public, indent=2) + "\n", encoding="utf-8")
    files.recipient_public.write_text(base64.b64encode(recipient.public_bytes).decode() + "\n", encoding="ascii")
    return public


def public_json(key: PrivateKey) -> dict[str, str]:
    """Return a key's public half in the form in which documents carry it."""
    public = key.public
    return {
        "keyid": public.keyid,
        "scheme": public.scheme,
        "public": base64.b64encode(public.spki).decode("ascii"),
    }


def read_signing(path: Path, ask: Asker) -> PrivateKey:
    """Read a signing key; the passphrase is asked for only when the file is encrypted."""
    return _open(path, ask, load_private)


def read_recipient(path: Path, ask: Asker) -> RecipientKey:
    """Read a recipient key; the passphrase is asked for only when the file is encrypted."""
    return _open(path, ask, load_recipient)


def read_public(path: Path) -> dict[str, str]:
    """Read a public key file as documents carry it: `keyid`, `scheme`, `public`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(found[name]) for name in ("keyid", "scheme", "public")}
    except FileNotFoundError as missing:
        raise UsageProblem("file-missing", f"There is no public key file {path}. Check the path.") from missing
    except (ValueError, KeyError, TypeError) as problem:
        sentence = f"{path} is not a public key file of `safeconduct key new` (…public.json). Name that file."
        raise UsageProblem("key-malformed", sentence) from problem


def _open(path: Path, ask: Asker, load: Callable[[bytes, bytes | None], K]) -> K:
    pem = read_private(path)
    passphrase = ask() if b"ENCRYPTED" in pem else None
    try:
        return load(pem, passphrase)
    except SafeconductError as problem:
        raise UsageProblem(problem.code, f"{path} cannot be opened: {problem.sentence}") from problem


def write_private(path: Path, content: bytes) -> None:
    """Create a file that only its owner can read, from its first instant."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def read_private(path: Path) -> bytes:
    """Read a private file. Refused: missing, not a plain file, owned by another, readable by group or others."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as missing:
        sentence = f"There is no key {path}. Make one with `safeconduct key new`, or name another with --key."
        raise UsageProblem("key-missing", sentence) from missing
    with os.fdopen(descriptor, "rb") as stream:
        _check_private(path, os.fstat(descriptor))
        return stream.read(LIMIT_BYTES)


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UsageProblem("key-not-a-file", f"{path} is not a plain file; name the key file itself.")
    if found.st_uid != os.geteuid():
        raise NotAuthorised("key-owner", f"{path} belongs to another user; use a key of your own.")
    mode = stat.S_IMODE(found.st_mode)
    if mode & OTHERS:
        sentence = (
            f"{path} can be read by others (mode {mode:04o}), so its signatures prove nothing. "
            f"If it was ever readable, make a new key; otherwise run `chmod 600 {path}`."
        )
        raise NotAuthorised("key-permissions", sentence)


def passphrase_asker(file: Path | None, *, confirm: bool = False) -> Asker:
    """Return a function that finds the passphrase: the file, the environment, else a prompt on a terminal."""

    def ask() -> bytes | None:
        if file is not None:
            return read_private(file).rstrip(b"\r\n")
        named = os.environ.get(PASSPHRASE_VARIABLE)
        if named is not None:
            return named.encode("utf-8")
        return _prompt(confirm=confirm)

    return ask


def _prompt(*, confirm: bool) -> bytes:
    if not sys.stdin.isatty():
        sentence = (
            f"A passphrase is needed and nobody is at a terminal to ask. Give --passphrase-file or set "
            f"{PASSPHRASE_VARIABLE}."
        )
        raise UsageProblem("passphrase-needed", sentence)
    import getpass

    first = getpass.getpass("Passphrase: ")
    if confirm and getpass.getpass("Again: ") != first:
        raise UsageProblem("passphrase-differs", "The two passphrases differ; start again.")
    return first.encode("utf-8")
