"""Whom to believe: the trust root, the offices' word, and the committees' agreement."""

from protocol.trust.memory import Memory
from protocol.trust.offices import Accredited, Standing, check_valid, find_accredited, live_standing
from protocol.trust.root import (
    check_live,
    office_keys,
    open_next_trust_root,
    open_policy,
    open_trust_root,
    required_committees,
)

__all__ = [
    "Accredited",
    "Memory",
    "Standing",
    "check_live",
    "check_valid",
    "find_accredited",
    "live_standing",
    "office_keys",
    "open_next_trust_root",
    "open_policy",
    "open_trust_root",
    "required_committees",
]
