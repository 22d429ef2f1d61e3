"""The home of somebody who uses the command: a profile, the pinned trust root, keys in files."""

import json
from pathlib import Path

from factory import HOLDER, digest_of, private_key, recipient_key
from registry_process import Registry

from client.client import DEFAULT_KEY
from client.keys import KeyFiles, write_private


def home_of(registry: Registry, folder: Path, person: str, *, key: str | None = None) -> Path:
    """Make a home of `person` at a running registry; `key` names whose key lies there, without it the person's own."""
    root = registry.world.sign(registry.world.trust_root(), HOLDER)
    files = KeyFiles(folder=folder / "keys", name=DEFAULT_KEY)
    files.folder.mkdir(parents=True)
    (folder / "root.json").write_bytes(root)
    write_private(files.signing, private_key(key or person).to_pem(None))
    write_private(files.recipient, recipient_key(person).to_pem(None))
    profile = {
        "registry": registry.url, "person": person, "trust_root": str(folder / "root.json"),
        "fingerprint": digest_of(root),
    }  # fmt: skip
    (folder / "config.toml").write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in profile.items()))
    return folder
