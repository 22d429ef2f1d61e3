"""Every test that docs/security.md names for a promise exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+/)?(test_\w+\.py)(?:::(test_\w+)(…?))?")
CONTINUED = re.compile(r"`…([a-z_]\w+)…?`")


def test_every_test_that_a_promise_names_exists() -> None:
    sources = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    named = NAMED.findall((ROOT / "docs" / "security.md").read_text())

    assert len(named) > 80
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
