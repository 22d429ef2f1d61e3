"""The code under which something prepared on a page is fetched to be signed."""

import secrets
from typing import Final

_BYTES: Final = 32


def new_code() -> str:
    """Return a secret of 43 characters that a command line takes as an argument: it does not begin with a dash."""
    while (code := secrets.token_urlsafe(_BYTES)).startswith("-"):
        pass
    return code
