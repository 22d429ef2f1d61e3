"""An office revokes a version that it prepared at the registry, with the command that a committee member signs with."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_place import call, done
from factory import AUTHOR, HOLDER, OFFICE, digest_of, private_key
from registry_process import Registry, running

from client.client import DEFAULT_KEY
from client.keys import write_private


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    yield from running(tmp_path)


def home_of(registry: Registry, folder: Path, who: str) -> Path:
    """The home of somebody who has the office's pinned trust root and a key in a file."""
    root = registry.world.sign(registry.world.trust_root(), HOLDER)
    (folder / "keys").mkdir(parents=True)
    (folder / "root.json").write_bytes(root)
    write_private(folder / "keys" / f"{DEFAULT_KEY}.pem", private_key(who).to_pem(None))
    profile = {
        "registry": registry.url, "person": OFFICE, "trust_root": str(folder / "root.json"),
        "fingerprint": digest_of(root),
    }  # fmt: skip
    (folder / "config.toml").write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in profile.items()))
    return folder


def test_a_revocation_is_checked_signed_and_believed(registry: Registry, tmp_path: Path) -> None:
    algorithm = registry.publish("algorithms", registry.world.sign(registry.world.algorithm(), AUTHOR))
    said = registry.request("POST", f"/reviews/{algorithm}/revocations", OFFICE, json={"reason": "It is wrong."})
    said.raise_for_status()
    sign = ("review", "sign", said.json()["handover"], "--yes", "--home")

    refused = call(*sign, home_of(registry, tmp_path / "mallory", "mallory"))
    assert refused.code != 0
    assert "key-other" in refused.err

    assert done(*sign, home_of(registry, tmp_path / "office", OFFICE))["version"] == 2

    assert registry.request("GET", f"/reviews/{algorithm}", AUTHOR).json()["state"] == "revoked"
    gone = call(*sign, tmp_path / "office")
    assert gone.code != 0
