"""The registry's folder: `registry.toml`, `offices/<name>.json`, `registry.db`, `blobs/`, `partial/`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.crypto.keys import PublicKey
from protocol.documents.fields import Record, Slug, Some
from protocol.documents.key import Key, check_distinct
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused
from registry import settings
from registry.errors import Conflict, Misconfigured
from registry.store import schema
from registry.store.base import Store

OFFICES: Final = "offices"
_OFFICE_BYTES: Final = 64 * 1024


class Office(Record):
    """An accreditation office's public keys."""

    office: Slug
    keys: Some[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A registry's folder and the offices it serves."""

    directory: Path
    offices: Mapping[str, tuple[PublicKey, ...]]


def create(directory: Path, offices: Mapping[str, Path], urls: tuple[str, ...], database: str | None) -> Folder:
    """Make a registry; everything is checked before anything is written, and an existing one is left alone."""
    if (directory / settings.FILE).exists():
        raise Conflict("registry-exists", f"{directory} holds a registry already. Choose another folder.")
    content = {name: _office_bytes(name, path) for name, path in offices.items()}
    if not content:
        raise Misconfigured("setting-offices", "A registry needs at least one accreditation office.")
    given = {"urls": urls or None, "database_url": database}
    chosen = settings.check(directory, given)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / OFFICES).mkdir(mode=0o700, exist_ok=True)
    for name, raw in content.items():
        (directory / OFFICES / f"{name}.json").write_bytes(raw)
    store = Store(chosen.database)
    schema.upgrade(store.engine)
    store.close()
    settings.write(directory, given)  # last: a folder without it is no registry, and `init` may be repeated
    return Folder(directory=directory, offices=read_offices(directory))


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
