"""The review at a glance: every state of the evidence, and nothing untold is ever green."""

from types import SimpleNamespace
from typing import Any

import pytest
from factory import AUTHOR, OFFICE, World
from review_visits import asked_review, visit

from registry.domain.consent import Consent
from registry.domain.contents import Contents
from registry.web.review_glance import glance

WORLD = World()


def page(**changes: Any) -> Any:
    """A page on which everything is as it should be."""
    place = SimpleNamespace(consent=Consent(covered=True, words=""))
    image = SimpleNamespace(concerns=True, is_signed=True, contents=Contents(archive="0" * 64))
    fields = {
        "accredited": True,
        "asked": [SimpleNamespace(places=[place])],
        "image": image,
        "algorithm": WORLD.algorithm(),
        "rehearsals": SimpleNamespace(reports=[SimpleNamespace(report=SimpleNamespace(fit=True))], awaited=()),
        "comparisons": [SimpleNamespace(changes=(1, 2))],
        "whole": SimpleNamespace(review=SimpleNamespace(image_here=True)),
    }
    return SimpleNamespace(**fields | changes)


def consents(*covered: bool | None) -> Any:
    places = [SimpleNamespace(consent=Consent(covered=each, words="")) for each in covered]
    return [SimpleNamespace(places=places)]


def image(**changes: Any) -> Any:
    return SimpleNamespace(**vars(page().image) | changes)


def rehearsals(*fit: bool, awaited: tuple[str, ...] = ()) -> Any:
    reports = [SimpleNamespace(report=SimpleNamespace(fit=each)) for each in fit]
    return SimpleNamespace(reports=reports, awaited=awaited)


REFUSED = Contents(archive="0" * 64, refused="It holds a setuid file. [image-setuid]")


@pytest.mark.parametrize(
    ("changes", "row", "words", "colour"),
    [
        ({}, 0, "Yes", "green"),
        ({"accredited": False}, 0, "Not any more", "red"),
        ({}, 1, "Yes", "green"),
        ({"asked": []}, 1, "Nobody can say", "grey"),
        ({"asked": consents(True, None)}, 1, "Nobody can say", "grey"),
        ({"asked": consents(None, False)}, 1, "No", "red"),
        ({}, 2, "Yes", "green"),
        ({"image": None}, 2, "It has none", "green"),
        ({"image": image(concerns=False)}, 2, "Not for you to see", "grey"),
        ({"image": image(contents=None)}, 2, "Not looked into yet", "orange"),
        ({"image": image(is_signed=False)}, 2, "No", "red"),
        ({"image": image(contents=REFUSED)}, 2, "No", "red"),
        ({}, 3, "Fit", "green"),
        ({"rehearsals": rehearsals()}, 3, "Not rehearsed", "grey"),
        ({"rehearsals": rehearsals(True, awaited=("a",))}, 3, "1 awaited", "orange"),
        ({"rehearsals": rehearsals(True, False, awaited=("a",))}, 3, "Not fit", "red"),
        ({"comparisons": []}, 4, "You know none", "grey"),
        ({}, 4, "2 changed", "blue"),
    ],
)
def test_each_state_has_its_words(changes: dict[str, Any], row: int, words: str, colour: str) -> None:
    assert glance(page(**changes))[row][2:] == (words, colour)


def test_every_address_is_on_the_page(settled: Any) -> None:
    algorithm = asked_review(settled)

    text = visit(settled, "meri", f"/reviews/{algorithm}").text

    for _, address, _, _ in glance(page()):
        assert f'href="{address}"' in text
        assert f'id="{address[1:]}"' in text


def test_an_author_whose_accreditation_was_revoked_is_told(settled: Any) -> None:
    algorithm = asked_review(settled)
    assert "Not any more" not in visit(settled, "meri", f"/reviews/{algorithm}").text

    revoked = settled.world.status(version=2, revoked={"persons": [AUTHOR]})
    settled.publish("statuses", settled.world.sign(revoked, OFFICE))

    assert "Not any more" in visit(settled, "meri", f"/reviews/{algorithm}").text
