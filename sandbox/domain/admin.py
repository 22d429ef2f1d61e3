"""Who may act on a node's admin page: names, how long a code and a challenge live, and how many raise a cap."""

import datetime as dt
import re

from sandbox.errors import BadInput, Refused

CODE = dt.timedelta(hours=1)
CHALLENGE = dt.timedelta(minutes=5)
PERSONS_TO_RAISE = 2

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")


def check_name(name: str) -> None:
    """Refuse (admin-name) what would not read as one word in the audit."""
    if not _NAME.fullmatch(name):
        raise BadInput("admin-name", "An admin's name is 1 to 50 of a-z, 0-9, point, dash and underscore.")


def check_persons(persons: int) -> None:
    """Refuse (policy-unconfirmed) a raised cap that fewer than two admins confirmed."""
    if persons < PERSONS_TO_RAISE:
        sentence = (
            "The policy raises a cap: two admins confirm it on the node's admin page first, then accept it again."
        )
        raise Refused("policy-unconfirmed", sentence)


def signed_name(name: str) -> str:
    """How the audit calls an admin."""
    return f"admin:{name}"
