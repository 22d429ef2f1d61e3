"""A start that would not be safe does not happen, and says which setting is to blame."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from factory import OFFICE, key_entry

from protocol.errors import SafeconductError
from registry import folder, settings


@pytest.fixture
def office(tmp_path: Path) -> Path:
    path = tmp_path / "office.json"
    path.write_text(json.dumps({"office": OFFICE, "keys": [key_entry(OFFICE)]}))
    return path


@pytest.fixture
def made(tmp_path: Path, office: Path) -> Path:
    """A registry's folder."""
    directory = tmp_path / "registry"
    folder.create(directory, {OFFICE: office}, ("http://hub.test:8400",), None)
    return directory


def code_of(act: Callable[[], Any]) -> str | None:
    try:
        act()
    except SafeconductError as refusal:
        return refusal.code
    return None


def test_a_made_registry_has_its_settings_offices_and_database(made: Path) -> None:
    chosen = settings.load(made, {})

    assert chosen.audiences == ("http://hub.test:8400",)
    assert chosen.database == f"sqlite:///{made}/registry.db"
    assert [key.keyid for key in folder.read_offices(made)[OFFICE]] == [key_entry(OFFICE)["keyid"]]
    assert (made / "registry.db").is_file()
    assert (made.stat().st_mode & 0o777, (made / "registry.toml").stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_second_init_leaves_the_first_alone(made: Path, office: Path) -> None:
    before = (made / "registry.toml").read_bytes()

    assert code_of(lambda: folder.create(made, {OFFICE: office}, (), None)) == "registry-exists"
    assert (made / "registry.toml").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"office": "office-eu", "keys": []}',
        json.dumps({"office": "another", "keys": [key_entry(OFFICE)]}).encode(),
        json.dumps({"office": OFFICE, "keys": [key_entry(OFFICE) | {"keyid": "0" * 64}]}).encode(),
        json.dumps({"office": OFFICE, "keys": [key_entry(OFFICE)] * 2}).encode(),
    ],
)
def test_a_bad_office_file_is_named_and_nothing_is_written(tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "office.json"
    bad.write_bytes(content)

    assert code_of(lambda: folder.create(tmp_path / "registry", {OFFICE: bad}, (), None)) == "setting-offices"
    assert not (tmp_path / "registry").exists()


def test_a_missing_office_file_is_named(tmp_path: Path) -> None:
    offices = {OFFICE: tmp_path / "none.json"}

    assert code_of(lambda: folder.create(tmp_path / "registry", offices, (), None)) == "setting-offices"
    assert code_of(lambda: folder.create(tmp_path / "registry", {}, (), None)) == "setting-offices"


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"port": 70000}, "setting-port"),
        ({"port": "x"}, "setting-port"),
        ({"image_bytes": 2**31 + 1}, "setting-image-bytes"),
        ({"urls": ["ftp://x"]}, "setting-urls"),
        ({"urls": ["http://x/path"]}, "setting-urls"),
        ({"unknown": 1}, "setting-unknown"),
    ],
)
def test_a_bad_setting_is_named(made: Path, overrides: dict[str, Any], code: str) -> None:
    assert code_of(lambda: settings.load(made, overrides)) == code


def test_later_sources_win(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFECONDUCT_REGISTRY_URLS", "http://a.test http://b.test")
    monkeypatch.setenv("SAFECONDUCT_REGISTRY_PORT", "1234")

    assert settings.load(made, {}).urls == ("http://a.test", "http://b.test")
    assert settings.load(made, {"port": 99}).port == 99
    assert settings.load(made, {}).port == 1234


def test_a_folder_without_a_registry_is_refused(tmp_path: Path) -> None:
    assert code_of(lambda: settings.load(tmp_path, {})) == "setting-directory"


def test_a_broken_settings_file_is_refused(made: Path) -> None:
    (made / "registry.toml").write_text("= nonsense")

    assert code_of(lambda: settings.load(made, {})) == "setting-file"


def test_the_application_names_what_it_misses(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    monkeypatch.delenv("SAFECONDUCT_REGISTRY_DIRECTORY", raising=False)
    assert code_of(settings.from_environment) == "setting-directory"

    monkeypatch.setenv("SAFECONDUCT_REGISTRY_DIRECTORY", str(made))
    assert settings.from_environment().directory == made
    for path in (made / "offices").iterdir():
        path.unlink()
    assert code_of(lambda: folder.read_offices(made)) == "setting-offices"


def test_a_database_password_is_not_shown(made: Path) -> None:
    chosen = settings.load(made, {"database_url": "postgresql+psycopg://me:secret@db/registry"})

    assert "secret" not in repr(chosen)
    assert chosen.database.endswith("secret@db/registry")
