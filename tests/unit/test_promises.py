"""Every test that docs/security.md and docs/privacy.md name for a promise exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+/)?(test_\w+\.py)(?:::(test_\w+)(…?))?")
CONTINUED = re.compile(r"`…([a-z_]\w+)…?`")


@pytest.mark.parametrize(("page", "promises"), [("security.md", 80), ("privacy.md", 25)])
def test_every_test_that_a_promise_names_exists(page: str, promises: int) -> None:
    sources = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    named = NAMED.findall((ROOT / "docs" / page).read_text())

    assert len(named) > promises
    assert [one for one in named if not _exists(*one, sources)] == []


def test_every_abbreviated_name_is_part_of_a_test_s() -> None:
    text = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = CONTINUED.findall((ROOT / "docs" / "security.md").read_text())

    assert named
    assert [part for part in named if not re.search(rf"def test_\w*{part}", text)] == []


def test_every_folder_of_tests_that_a_promise_names_exists() -> None:
    folders = re.findall(r"`(tests/[\w/]+)`", (ROOT / "docs" / "security.md").read_text())

    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def _exists(folder: str, file: str, test: str, cut: str, sources: dict[Path, str]) -> bool:
    found = [text for path, text in sources.items() if path.name == file and f"/{folder}{file}" in str(path)]
    wanted = f"def {test}" if cut else f"def {test}("
    return any(wanted in text for text in found) if test else bool(found)


def test_privacy_page_never_says_that_data_are_almost_the_same() -> None:
    assert "almost the same" not in (ROOT / "docs" / "privacy.md").read_text()


def test_every_attack_on_privacy_is_on_the_page() -> None:
    page = (ROOT / "docs" / "privacy.md").read_text()

    files = {path.name for path in (ROOT / "tests" / "privacy").glob("test_*.py")}

    assert files <= set(re.findall(r"test_\w+\.py", page))
