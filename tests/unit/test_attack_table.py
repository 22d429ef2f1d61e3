"""The table of attacks in docs/security.md names tests that exist, and leaves out none of the battery's files."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
SECTION = re.search(
    r"^## Chambers\n(.*?)^## ", (TESTS.parent / "docs" / "security.md").read_text(), re.DOTALL | re.MULTILINE
)


def named() -> set[tuple[str, str]]:
    """The file and the function of every test that the section names."""
    assert SECTION
    return set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", SECTION[1]))


def test_every_attack_has_a_test_that_exists() -> None:
    sources = {path.name: path.read_text() for path in TESTS.rglob("test_*.py")}

    assert named()
    assert {test for test in named() if f"def {test[1]}(" not in sources.get(test[0], "")} == set()


def test_every_row_says_what_stops_the_attack_and_which_test_shows_it() -> None:
    assert SECTION
    rows = [line.strip("|").split("|") for line in SECTION[1].splitlines() if line.startswith("| ")][1:]

    assert len(rows) > 20
    assert [row[0] for row in rows if len(row) != 3 or not row[1].strip() or "::test_" not in row[2]] == []


def test_every_file_of_the_battery_is_in_the_table() -> None:
    files = {path.name for path in (TESTS / "attacks").glob("test_*.py")}

    assert files <= {file for file, _ in named()}
