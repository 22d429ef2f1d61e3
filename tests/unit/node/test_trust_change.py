"""What a trust root says, and what the next one would change, in lines for an admin."""

from factory import HOLDER, World

from sandbox.domain.trust_change import describe_change, describe_root

WORLD = World()


def test_everything_that_a_root_says_is_told() -> None:
    told = describe_root(WORLD.trust_root())

    assert told["holder"] == HOLDER
    assert describe_change(WORLD.trust_root(), WORLD.trust_root(version=7)) == (f"~ version: {told['version']} -> 7",)
