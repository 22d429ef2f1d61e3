"""What an author asks of a committee, for every test that needs a review to be under way."""

from typing import Any

from factory import COMMITTEE, PROJECT, RESEARCHER, World


def review_request(world: World, **changes: Any) -> dict[str, Any]:
    """The body of a request: this project, its researcher, one committee, the world's conditions."""
    conditions = world.conditions()
    return {
        "project": PROJECT,
        "persons": [RESEARCHER],
        "committees": [COMMITTEE],
        "conditions": conditions | {"expires": conditions["expires"].strftime("%Y-%m-%dT%H:%M:%SZ")},
        "purpose": "Which variants go with the disease?",
        **changes,
    }
