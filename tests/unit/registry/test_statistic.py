"""The registry takes a statistic like any algorithm; it has no image that could be missing."""

from typing import Any

from factory import AUTHOR
from statistic_specs import statistic


def test_statistic_is_listed_and_reviewed_without_an_image(settled: Any) -> None:
    digest = settled.publish("algorithms", settled.world.sign(statistic(), AUTHOR))

    (listed,) = settled.request("GET", "/algorithms").json()["algorithms"]
    (review,) = settled.request("GET", "/reviews").json()["reviews"]

    assert (listed["digest"], listed["mode"], listed["image"]) == (digest, "statistic", None)
    assert review["image_here"] is True


def test_statistic_can_be_approved(settled: Any) -> None:
    digest = settled.publish("algorithms", settled.world.sign(statistic(), AUTHOR))

    votes = [settled.vote(digest, member) for member in settled.world.members[:2]]

    assert all(vote.is_success for vote in votes)
    (review,) = settled.request("GET", "/reviews").json()["reviews"]
    assert review["state"] == "approved"
