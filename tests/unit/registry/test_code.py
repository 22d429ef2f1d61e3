"""A code is a secret that a command line takes as it stands."""

import re

import pytest

from registry.actions.code import new_code


def test_a_code_is_long_and_never_the_same() -> None:
    found = {new_code() for _ in range(200)}

    assert len(found) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{42}", code) for code in found)


def test_a_code_that_would_look_like_an_option_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-" + "a" * 42, "b" * 43])
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: next(drawn))

    assert new_code() == "b" * 43
