"""The output gate: the only way by which anything computed on protected data may leave (DESIGN 7).

OpenDP is loaded at the first call, not at import: a command that releases nothing does not pay for it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from protocol.documents.release import Interval, ReleasedOutput, ReleasedValue
from sandbox.domain.plan import GatePlan
from sandbox.gate.values import OutputPrice, Price
from sandbox.gate.wording import assumptions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Interval",
    "OutputPrice",
    "Price",
    "ReleasedOutput",
    "ReleasedValue",
    "assumptions",
    "epsilon",
    "library_version",
    "price",
    "release",
    "release_statistics",
]


def price(plan: GatePlan) -> Price:
    """Say what releasing this plan costs, to the nano: exactly what must be charged before any chamber sees data."""
    from sandbox.gate import pricing

    return pricing.price(plan)


def release(plan: GatePlan, untrusted_outputs: Sequence[bytes | None]) -> tuple[ReleasedOutput, ...]:
    """Release a charged plan, once: raw results of the chambers in their order (None: no result) to noisy values."""
    from sandbox.gate import releasing

    return releasing.release(plan, untrusted_outputs)


def release_statistics(plan: GatePlan, measured: "Sequence[npt.NDArray[np.int64]]") -> tuple[ReleasedOutput, ...]:
    """Release a charged plan of statistics, once: exact numbers in the order of the plan's statistics to noisy ones."""
    from sandbox.gate import statistic

    return statistic.release(plan, measured)


def epsilon(rho_nano: int, delta: Decimal) -> Decimal:
    """Give the epsilon that belongs to `delta` for a loss of `rho_nano`, rounded up to four places."""
    from sandbox.gate import releasing

    return releasing.epsilon(rho_nano, delta)


def library_version() -> str:
    """Give the version of OpenDP, for the receipt."""
    from sandbox.gate import library

    return library.opendp_version()
