"""What an approval binds besides algorithm, roster and project, as one digest: votes add up only where it is equal."""

from collections.abc import Iterable

from protocol.crypto.digest import sha256_hex
from protocol.documents.approval import Conditions
from protocol.documents.strict import canonical


def scope_of(persons: Iterable[str], conditions: Conditions) -> str:
    """Return the digest of persons and conditions."""
    return sha256_hex(canonical({"persons": list(persons), "conditions": conditions.model_dump(mode="json")}))
