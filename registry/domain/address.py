"""What a mail address may look like, and how often one may be asked for."""

import re
from datetime import timedelta
from typing import Final

from registry.errors import Malformed

PATTERN: Final = r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,180}[A-Za-z0-9])?$"
"""Plain addresses only: what is odd is more often a mistake, or a header in disguise, than somebody's address."""

LINK_LIVES: Final = timedelta(hours=1)
"""From the moment at which the letter left."""

REQUESTS_MOST: Final = 5
REQUESTS_WITHIN: Final = timedelta(hours=1)
"""How many letters one person may have sent to addresses that nobody has confirmed."""


def check_address(untrusted: str) -> str:
    """Return a plain mail address; raises Malformed for anything else."""
    if not re.fullmatch(PATTERN, untrusted):
        raise Malformed("address-malformed", "This is no plain mail address like name@hospital.example. Correct it.")
    return untrusted
