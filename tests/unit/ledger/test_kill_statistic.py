"""A worker is killed while it measures a statistic, and after the gate drew its noise but before the seal."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from kill_place import RHO, KillPlace

import sandbox.actions.statistic as action
import sandbox.data.statistic as measuring

Stop = Callable[[], None]


@pytest.fixture
def place() -> Iterator[KillPlace]:
    """Orders 1 and 3 are of a statistic."""
    with TemporaryDirectory(prefix="safeconduct-test-") as folder:
        made = KillPlace(Path(folder), 4, 4, seed=7)
        yield made
        made.close()


def while_it_measures(stop: Stop) -> None:
    """Stop when the exact numbers are known, and no noise was drawn."""
    _after(measuring, "measure_all", stop)


def before_it_seals(stop: Stop) -> None:
    """Stop when the noisy numbers are known, and nothing is sealed."""
    _after(action, "release_statistics", stop)


def _after(module: Any, name: str, stop: Stop) -> None:
    done = getattr(module, name)

    def then_stop(*given: Any) -> Any:
        result = done(*given)
        stop()
        return result

    setattr(module, name, then_stop)  # in the forked worker alone


def test_worker_killed_amid_a_statistic_keeps_one_charge_and_gives_one_answer(place: KillPlace) -> None:
    killed = {place.orders[1]: while_it_measures, place.orders[3]: before_it_seals}

    for order, instant in killed.items():
        place.kill_at(order, instant)
        assert order not in place.answers()
    charged = [entry for entry in place.entries() if entry.order_id in killed]
    place.finish()
    place.order_again()
    place.finish()

    assert [(entry.order_id, entry.rho_nano) for entry in charged] == [(order, RHO) for order in killed]
    assert [entry for entry in place.entries() if entry.order_id in killed] == charged
    assert all(place.answers()[order].ciphertext == place.released()[order] for order in killed)
    assert place.second_answers() == []
