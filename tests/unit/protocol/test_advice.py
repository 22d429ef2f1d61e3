"""What to do next about a code: the most particular sentence there is, and always one."""

import pytest

from protocol.advice import NEXT, OTHERWISE, next_step
from protocol.codes import CODES


@pytest.mark.parametrize("start", sorted(NEXT))
def test_each_beginning_is_reached(start: str) -> None:
    assert next_step(start) == NEXT[start]


def test_the_longest_beginning_wins() -> None:
    assert next_step("approval-quorum") != next_step("approval-expired") == NEXT["approval-"]


def test_a_code_that_nobody_knows_has_an_answer_too() -> None:
    assert next_step("of-later-versions") == OTHERWISE


def test_every_code_about_approvals_orders_and_accreditations_has_an_answer_of_its_own() -> None:
    ours = [code for code in CODES if code.startswith(("approval-", "order-", "accreditation-", "roster-", "status-"))]
    assert ours
    assert OTHERWISE not in {next_step(code) for code in ours}
