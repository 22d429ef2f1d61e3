"""Why a person did something to a node: typed each time, and kept in the audit."""

from sandbox.errors import BadInput

REASON_CHARACTERS = 100  # as many as the audit keeps


def check_reason(reason: str) -> str:
    """Give the reason without blanks around it; refuse (`reason-missing`) none, and one that the audit cannot keep."""
    reason = reason.strip()
    if not 0 < len(reason) <= REASON_CHARACTERS:
        raise BadInput("reason-missing", f"Say why, in 1 to {REASON_CHARACTERS} characters: the audit keeps it.")
    return reason
