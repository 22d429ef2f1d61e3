"""An office revokes a version that it prepared at the registry, with the command that a committee member signs with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from client_home import home_of
from client_place import call, done
from factory import AUTHOR, OFFICE
from registry_process import Registry, running


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    yield from running(tmp_path)


def test_a_revocation_is_checked_signed_and_believed(registry: Registry, tmp_path: Path) -> None:
    algorithm = registry.publish("algorithms", registry.world.sign(registry.world.algorithm(), AUTHOR))
    said = registry.request("POST", f"/reviews/{algorithm}/revocations", OFFICE, json={"reason": "It is wrong."})
    said.raise_for_status()
    sign = ("review", "sign", said.json()["handover"], "--yes", "--home")

    refused = call(*sign, home_of(registry, tmp_path / "mallory", OFFICE, key="mallory"))
    assert refused.code != 0
    assert "key-other" in refused.err

    assert done(*sign, home_of(registry, tmp_path / "office", OFFICE))["version"] == 2

    assert registry.request("GET", f"/reviews/{algorithm}", AUTHOR).json()["state"] == "revoked"
    gone = call(*sign, tmp_path / "office")
    assert gone.code != 0
