"""The demo's cache: found again under the same facts, made anew when what went in has changed, never half-made."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.commands.demo_cache import Cache, folder_digest, source_digest


def test_thing_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []
    cache = Cache(tmp_path)

    first = cache.get("cohort", {"people": 10, "seed": 1}, made.append)
    second = cache.get("cohort", {"seed": 1, "people": 10}, made.append)

    assert first == second
    assert first.is_dir()
    assert len(made) == 1


@pytest.mark.parametrize("other", [{"people": 11}, {"people": 10, "seed": 1}, {"people": "10"}])
def test_other_facts_are_another_thing(tmp_path: Path, other: dict[str, object]) -> None:
    cache = Cache(tmp_path)

    assert cache.place("cohort", {"people": 10}) != cache.place("cohort", other)
    assert cache.place("cohort", {"people": 10}) != cache.place("image", {"people": 10})


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.get("cohort", {"people": 10}, fail)

    assert list(tmp_path.iterdir()) == []


def test_left_over_draft_of_a_killed_demo_is_not_taken(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    place = cache.place("cohort", {"people": 10})
    left = place.with_name(f".{place.name}.draft")
    left.mkdir()
    (left / "half").write_text("half")

    found = cache.get("cohort", {"people": 10}, lambda folder: (folder / "whole").touch())

    assert [path.name for path in found.iterdir()] == ["whole"]


@pytest.mark.parametrize("change", ["content", "name", "more"])
def test_folder_digest_sees_every_change(tmp_path: Path, change: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base")
    before = folder_digest(tmp_path)

    if change == "content":
        (tmp_path / "Dockerfile").write_text("FROM other")
    elif change == "name":
        (tmp_path / "Dockerfile").rename(tmp_path / "Containerfile")
    else:
        (tmp_path / "main.py").write_text("")

    assert folder_digest(tmp_path) != before


def test_source_digest_is_stable() -> None:
    assert source_digest("sandbox/data") == source_digest("sandbox/data")
    assert source_digest("sandbox/data") != source_digest("sandbox/gate")
