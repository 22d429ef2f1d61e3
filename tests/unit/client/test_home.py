"""The profile: one small file, private, with known settings only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from client.errors import UsageProblem
from client.home import find_home, read_profile, write_profile


def test_profile_comes_back(tmp_path: Path) -> None:
    write_profile(read_profile(tmp_path), registry="https://registry.example", person='a "quoted" name')
    write_profile(read_profile(tmp_path), key="ada")

    found = read_profile(tmp_path)

    assert (found.registry, found.person, found.key) == ("https://registry.example", 'a "quoted" name', "ada")
    assert stat.S_IMODE((tmp_path / "config.toml").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["registry = 3", "colour = 'red'", "registry =", "\xff"])
def test_profile_that_cannot_be_meant_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.toml").write_bytes(content.encode("latin-1"))

    with pytest.raises(UsageProblem) as refused:
        read_profile(tmp_path)

    assert refused.value.code == "profile-malformed"


def test_missing_setting_says_how_to_set_it(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as refused:
        read_profile(tmp_path).need("trust_root")

    assert "profile set --trust-root" in refused.value.sentence


def test_home_is_the_option_then_the_environment_then_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFECONDUCT_HOME", str(tmp_path / "named"))
    assert find_home(tmp_path / "option") == tmp_path / "option"
    assert find_home(None) == tmp_path / "named"
    monkeypatch.delenv("SAFECONDUCT_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert find_home(None) == tmp_path / "config" / "safeconduct"
