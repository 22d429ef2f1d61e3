"""Amounts of ρ as people write them, and as documents hold them."""

from decimal import Decimal
from typing import Final

NANO: Final = 10**9


def read_nano(text: str) -> int:
    """Read an amount of ρ written as a decimal, such as 0.03125, as nano-units.

    `ValueError`, with a sentence for people, for what is no number, not above zero, or finer than a nano.
    """
    try:
        amount = Decimal(text) * NANO
    except ArithmeticError as problem:
        raise ValueError(f"{text!r} is not a decimal number; write rho like 0.03125.") from problem
    if not amount.is_finite() or amount <= 0 or amount != int(amount):
        raise ValueError(f"rho {text} is not a positive number of at most nine decimals.")
    return int(amount)


def write_nano(nano: int) -> str:
    """Write nano-units of ρ as the shortest decimal, exactly: 31250000 is 0.03125."""
    return f"{Decimal(nano).scaleb(-9).normalize():f}"
