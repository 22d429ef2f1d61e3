"""What the gate gives: the price of a plan before the charge, and the released outputs after it."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPrice:
    """What one output costs in nano-rho, and the mechanism that costs it (scale in the unit the mechanism works in)."""

    name: str
    mechanism: str
    scale: float
    rho_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a plan costs, to the nano: exactly what is charged. `measurement` is canonical JSON for the receipt."""

    rho_nano_total: int
    per_output: tuple[OutputPrice, ...]
    measurement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval around a released value; `covers` says in words what lies in it and under which assumption."""

    low: Decimal
    high: Decimal
    level: Decimal
    covers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedOutput:
    """One number that leaves. All decimals; `scale` is in the value's unit for Gaussian noise, in ranks for a median.

    `total_interval` and `standard_error` are present where public numbers suffice: noise and sampling together.
    """

    name: str
    value: Decimal
    mechanism: str
    scale: Decimal
    noise_interval: Interval
    total_interval: Interval | None
    standard_error: Decimal | None
    rho_nano: int
