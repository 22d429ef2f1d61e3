"""Images are forgotten when no order under way and no live approval refers to them."""

from typing import Any

import pytest
from factory import OFFICE, digest_of

from sandbox.actions.images import forget_images
from sandbox.actions.intake import note_statuses, take_in


def is_there(kit: Any) -> tuple[bool, bool]:
    """Whether the engine has the image, and whether its archive is kept."""
    archive = kit.node.places.images / f"{kit.world.image.archive_digest}.tar"
    return kit.runtime.find_image(kit.world.image) is not None, archive.exists()


def test_image_stays_as_long_as_its_approvals_live(kit: Any) -> None:
    kit.finish(kit.take())

    assert forget_images(kit.node) == 0
    assert is_there(kit) == (True, True)


def test_image_goes_when_its_approvals_have_expired(kit: Any) -> None:
    kit.finish(kit.take())
    kit.clock.at = kit.world.conditions()["expires"]

    assert forget_images(kit.node) == 1
    assert is_there(kit) == (False, False)
    assert forget_images(kit.node) == 0


def test_image_of_an_order_under_way_stays(kit: Any) -> None:
    kit.lose(times=1)
    assert kit.tick(kit.take()).state == "charged"
    kit.clock.at = kit.world.conditions()["expires"]

    assert forget_images(kit.node) == 0
    assert is_there(kit) == (True, True)


@pytest.mark.parametrize("what", ["approvals", "algorithms"])
def test_image_goes_when_its_algorithm_or_one_of_its_approvals_is_revoked(kit: Any, what: str) -> None:
    bundle = kit.bundle()
    _, job_id = take_in(kit.node, bundle.to_json())
    kit.finish(job_id)
    revoked = digest_of(bundle.approvals[0] if what == "approvals" else bundle.algorithm)
    note_statuses(kit.node, [kit.world.sign(kit.world.status(version=2, revoked={what: [revoked]}), OFFICE)])

    assert forget_images(kit.node) == 1
    assert is_there(kit) == (False, False)


def test_image_that_the_engine_lost_after_the_charge_is_loaded_again(kit: Any) -> None:
    """Somebody pruned the engine, or it was started anew without its data: the job goes on within its charge."""
    kit.lose(times=1)
    order = kit.take()
    assert kit.tick(order).state == "charged"
    kit.runtime.remove_image(kit.row(order).image_id)

    row = kit.finish(order)

    assert (row.state, row.losses) == ("reported", 1)
