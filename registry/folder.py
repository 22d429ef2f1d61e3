"""The registry's folder: `registry.toml`, `offices/<name>.json`, `registry.db`, `blobs/`, `partial/`, `log.pem`.

`log.pem` is the private key of the transparency log; `log.public.json` is what trust roots pin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.crypto.keys import PrivateKey, PublicKey, load_private
from protocol.documents.fields import Record, Slug, Some
from protocol.documents.key import Key, check_distinct
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused
from registry import settings
from registry.errors import Conflict, Misconfigured
from registry.store import schema
from registry.store.base import Store

OFFICES: Final = "offices"
LOG_KEY: Final = "log.pem"
LOG_PUBLIC: Final = "log.public.json"
_SECRET: Final = 0o600
_OFFICE_BYTES: Final = 64 * 1024


class Office(Record):
    """An accreditation office's public keys."""

    office: Slug
    keys: Some[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A registry's folder, the offices it serves, and the key of its log."""

    directory: Path
    offices: Mapping[str, tuple[PublicKey, ...]]
    log_key: PublicKey


def create(
    directory: Path,
    offices: Mapping[str, Path],
    urls: tuple[str, ...],
    database: str | None,
    log_passphrase_file: Path | None = None,
) -> Folder:
    """Make a registry; everything is checked before anything is written, and an existing one is left alone."""
    if (directory / settings.FILE).exists():
        raise Conflict("registry-exists", f"{directory} holds a registry already. Choose another folder.")
    content = {name: _office_bytes(name, path) for name, path in offices.items()}
    if not content:
        raise Misconfigured("setting-offices", "A registry needs at least one accreditation office.")
    passphrase_file = str(log_passphrase_file.absolute()) if log_passphrase_file else None
    given = {"urls": urls or None, "database_url": database, "log_passphrase_file": passphrase_file}
    chosen = settings.check(directory, given)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / OFFICES).mkdir(mode=0o700, exist_ok=True)
    for name, raw in content.items():
        (directory / OFFICES / f"{name}.json").write_bytes(raw)
    store = Store(chosen.database)
    schema.upgrade(store.engine)
    store.close()
    key = _make_log_key(chosen)
    settings.write(directory, given)  # last: a folder without it is no registry, and `init` may be repeated
    return Folder(directory=directory, offices=read_offices(directory), log_key=key)


def read_log_key(chosen: settings.Settings) -> PrivateKey:
    """Return the key that signs the log's checkpoints; raises Misconfigured unless its owner alone can read it."""
    path = chosen.directory / LOG_KEY
    try:
        if path.stat().st_mode & 0o077:
            raise Misconfigured("setting-log-key", f"Others can read {path}. Give it the permissions 0600.")
        return load_private(path.read_bytes(), _passphrase(chosen))
    except OSError as error:
        raise Misconfigured("setting-log-key", f"The log's key {path} cannot be read: {error.strerror}.") from error
    except Refused as error:
        raise Misconfigured("setting-log-key", f"The log's key {path}: {error.sentence}") from error


def _make_log_key(chosen: settings.Settings) -> PublicKey:
    """Make the log's key, or keep the one of a beginning that was broken off."""
    path = chosen.directory / LOG_KEY
    if not path.exists():
        part = path.with_suffix(".part")
        part.touch(mode=_SECRET)
        part.write_bytes(PrivateKey.generate_ed25519().to_pem(_passphrase(chosen)))
        part.replace(path)
    public = read_log_key(chosen).public
    (chosen.directory / LOG_PUBLIC).write_bytes(canonical(Key.of(public).model_dump(mode="json")))
    return public


def _passphrase(chosen: settings.Settings) -> bytes | None:
    path = chosen.log_passphrase_file
    return path.read_bytes().rstrip(b"\r\n") if path else None


def read_offices(directory: Path) -> Mapping[str, tuple[PublicKey, ...]]:
    """Return the offices of a registry's folder; raises Misconfigured if there are none."""
    files = sorted((directory / OFFICES).glob("*.json"))
    if not files:
        raise Misconfigured("setting-offices", f"{directory / OFFICES} names no accreditation office.")
    return {path.stem: _keys(path.stem, _office_bytes(path.stem, path)) for path in files}


def _office_bytes(name: str, path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Misconfigured("setting-offices", f"The office file {path} cannot be read: {error.strerror}.") from error
    raw = _from_key_file(name, raw)
    _keys(name, raw)
    return raw


def _from_key_file(name: str, raw: bytes) -> bytes:
    """Take a single public key, as `safeconduct key new` writes it, for an office with that one key."""
    try:
        found = parse_object(raw, _OFFICE_BYTES)
    except Refused:
        return raw  # said better by _keys
    return raw if "keys" in found else canonical({"office": name, "keys": [found]})


def _keys(name: str, raw: bytes) -> tuple[PublicKey, ...]:
    try:
        office = build(Office, parse_object(raw, _OFFICE_BYTES))
        check_distinct(office.keys)
    except Refused as error:
        raise Misconfigured("setting-offices", f"The file of the office {name}: {error.sentence}") from error
    if office.office != name:
        raise Misconfigured("setting-offices", f"The file of the office {name} is for the office {office.office}.")
    return tuple(key.to_public() for key in office.keys)
