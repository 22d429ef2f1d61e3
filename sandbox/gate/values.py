"""What the gate gives before the charge: the price of a plan. What it gives after it is protocol's `ReleasedValue`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPrice:
    """What one output costs in nano-rho, and the mechanism that costs it (scale in the unit the mechanism works in).

    `interval_nano` comes on top of `rho_nano`: what its total interval is bought for.
    """

    name: str
    mechanism: str
    scale: float
    rho_nano: int
    interval_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a plan costs, to the nano: exactly what is charged. `measurement` is canonical JSON for the receipt."""

    rho_nano_total: int
    per_output: tuple[OutputPrice, ...]
    measurement: str
