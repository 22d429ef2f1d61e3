"""What a node does with what a registry that was taken over hands to it. The table of cases is in `forgeries`."""

import pytest
from attacks.registry.forgeries import COUNTED, HELD, REFUSED, Forgery
from attacks.registry.place import Stage

from client.errors import ClientError

# The registry below the lies never saw an order that was signed for the case, so it does not take a word on it.
UNKNOWN = {"order-unknown"}


def named(forgeries: tuple[Forgery, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", forgeries, ids=lambda case: case.name)


@named(REFUSED)
def test_forged_order_is_refused_with_a_signed_receipt(stage: Stage, case: Forgery) -> None:
    bundle = case.forge(stage, stage.order())

    assert set(stage.handed(bundle)) <= UNKNOWN
    order = stage.place_id(bundle)
    row = stage.kit.finish(order)

    receipt = stage.receipt(order)
    assert (row.state, receipt.decision, receipt.code) == ("refused", "refused", case.code)
    assert (receipt.rho_charged_nano, receipt.release_digest) == (0, None)
    stage.check_untouched()


@named(HELD)
def test_order_that_may_become_believable_is_held_with_its_reason(stage: Stage, case: Forgery) -> None:
    honest = stage.order()
    bundle = case.forge(stage, honest)

    assert set(stage.handed(bundle, statuses=False)) <= UNKNOWN
    order = stage.place_id(bundle)
    row = stage.kit.tick(order)

    assert (row.state, row.code) == ("held", case.code)
    stage.clock.advance(25 * 3600)
    assert (stage.kit.finish(order).state, stage.receipt(order).code) == ("refused", case.code)
    stage.check_untouched()


@named(COUNTED)
def test_order_that_nobody_signed_is_counted_and_never_a_job(stage: Stage, case: Forgery) -> None:
    honest = stage.order()
    bundle = case.forge(stage, honest)

    stage.handed_as(bundle, stage.place_id(honest))

    assert stage.unsigned() == [case.code]
    assert stage.kit.live() == frozenset()
    with stage.client() as client, pytest.raises(ClientError) as told:
        client.result(stage.place_id(honest))
    assert told.value.code == "receipt-unknown"
    stage.check_untouched()
