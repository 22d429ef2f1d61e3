"""What the README points to is there, and its pictures load on a slow line."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\"]+)\"", TEXT)


@pytest.mark.parametrize("target", sorted({a or b for a, b in TARGETS}))
def test_readme_points_to_what_is_there(target: str) -> None:
    assert (ROOT / target).exists()


def test_readme_shows_two_small_pictures_with_words_for_who_cannot_see_them() -> None:
    pictures = re.findall(r"<img [^>]+>", TEXT)
    assert len(pictures) == 2
    for picture in pictures:
        source, words = (re.search(f'{name}="([^"]+)"', picture) for name in ("src", "alt"))
        assert source
        assert words
        content = (ROOT / source[1]).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 150_000
