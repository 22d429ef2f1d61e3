"""What the chamber self-test asks of the kernel, from inside a chamber, and what the answers must be.

Two chambers run side by side, each over a block with a secret of its own and with the path of the other's. The answer
to a question is what its system call returned: a number from zero on if it was let through, else the error, negative.
"""

import struct
from collections.abc import Sequence

from sandbox.errors import InfrastructureLost

SECRET_BYTES = 32
PATH_BYTES = 256  # of the other block's file on the node, with zeros behind it
OWN_FILE = "secret"
ELSEWHERE_FILE = "elsewhere"

QUESTIONS = (
    "user",
    "become-root",
    "namespace",
    "write-root",
    "write-block",
    "change-block",
    "socket",
    "route",
    "other-block",
)

# The wall that does not hold if a call is let through, in words for the node's admin.
_WALLS = {
    "become-root": ("chamber-root", "A chamber can become root."),
    "namespace": ("chamber-root", "A chamber can make a user namespace, in which it is root."),
    "write-root": ("chamber-writes", "A chamber can write to the root of its image."),
    "write-block": ("chamber-writes", "A chamber can write beside its block."),
    "change-block": ("chamber-writes", "A chamber can change its block."),
    "route": ("chamber-network", "A chamber has a way into a network."),
    "other-block": ("chamber-sees-others", "A chamber can read the block of another."),
}


def check_walls(untrusted_outputs: Sequence[bytes | None], secrets: Sequence[bytes]) -> None:
    """Raise InfrastructureLost, named for the wall that does not hold; one output and one secret for each chamber."""
    for output, secret in zip(untrusted_outputs, secrets, strict=True):
        _check_one(output, secret)


def _check_one(output: bytes | None, secret: bytes) -> None:
    wanted = SECRET_BYTES + PATH_BYTES + 8 * len(QUESTIONS)
    if output is None or len(output) != wanted:
        raise InfrastructureLost("chamber-silent", "A chamber did not run: it gave no answer within its slot.")
    if output[:SECRET_BYTES] != secret:
        raise InfrastructureLost("chamber-sees-others", "A chamber did not get its own block.")
    numbers = struct.unpack(f"<{len(QUESTIONS)}q", output[SECRET_BYTES + PATH_BYTES :])
    answers = dict(zip(QUESTIONS, numbers, strict=True))
    if answers["user"] <= 0:
        raise InfrastructureLost("chamber-root", "A chamber runs as root.")
    for question, (code, sentence) in _WALLS.items():
        if answers[question] >= 0:
            raise InfrastructureLost(code, sentence)
