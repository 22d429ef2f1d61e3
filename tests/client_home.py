"""The home of somebody who uses the command: a profile, the pinned trust root, keys in files."""

import json
from pathlib import Path
from typing import Any

from factory import HOLDER, digest_of, private_key, recipient_key
from registry_process import Registry

from client.client import DEFAULT_KEY
from client.keys import KeyFiles, write_private


def home_of(registry: Registry, folder: Path, person: str, *, key: str | None = None, **root: Any) -> Path:
    """Make a home of `person` at a running registry; `key` names whose key lies there, without it the person's own."""
    files = KeyFiles(folder=folder / "keys", name=DEFAULT_KEY)
    files.folder.mkdir(parents=True)
    write_private(files.signing, private_key(key or person).to_pem(None))
    write_private(files.recipient, recipient_key(person).to_pem(None))
    pin(registry, folder, person, **root)
    return folder


def pin(registry: Registry, folder: Path, person: str, **root: Any) -> None:
    """Let a home know who it belongs to, the registry, and the world's trust root with these changes."""
    raw = registry.world.sign(registry.world.trust_root(**root), HOLDER)
    (folder / "root.json").write_bytes(raw)
    profile = {
        "registry": registry.url, "person": person, "trust_root": str(folder / "root.json"),
        "fingerprint": digest_of(raw),
    }  # fmt: skip
    (folder / "config.toml").write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in profile.items()))
