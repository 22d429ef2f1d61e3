"""What a researcher can do about a receipt that brings no result: one sentence for each family of codes.

A receipt's own reason says what happened and why. Codes are stable, and their first word says whose turn it is.
"""

from typing import Final

#: By the beginning of a code, the longest first where two fit.
NEXT: Final[dict[str, str]] = {
    "accreditation-": "Ask your accreditation office to renew your accreditation, then order again.",
    "algorithm-": "Look at the algorithm's page: a revoked or changed version needs a new one, reviewed anew.",
    "algorithm-quarantined": "The node's admin looks at this algorithm first. Ask them, with the order's id.",
    "approval-": "Look at what the committees approved on the algorithm's page, and order within it or ask them anew.",
    "approval-quorum": "Wait until enough members have signed, or ask the committee; then order again.",
    "blocks-": "Order fewer blocks.",
    "budget-": "Ask for less ρ, or ask the data holder whether your project's cap can be raised.",
    "dataset-": "Choose a dataset that the node's catalogue lists.",
    "gate-": "Nothing was spent. Change blocks, ρ or parameters as the reason says, and order again.",
    "image-": "Submit the algorithm's image again: safeconduct algorithm submit. Then order again.",
    "job-cancelled": "The node's admin cancelled it. Ask them why before you order again.",
    "job-failed": "What was charged stays charged. The node's admin has been told; ask them, with the order's id.",
    "key-": "Ask your accreditation office which of your keys is still good, and sign with that one.",
    "order-": "Correct the order as the reason says, and sign a new one.",
    "person-": "Ask your accreditation office: you, or somebody whose signature this needs, is revoked.",
    "policy-": "This data holder does not permit it. Ask the node's admin which purposes and datasets it permits.",
    "project-failures": "Too many of this project's jobs failed here. The node's admin looks first; ask them.",
    "roster-": "Ask the committee's office for a roster in force; members must then approve under it.",
    "runs-": "The approvals' runs at this node are used up. Ask the committee for more, with a new version.",
    "site": "Ask only for variants that the catalogue lists at this node.",
    "status-": "The registry brought no fresh status of an office. Try again later; if it stays, ask the office.",
    "trust-root-": "The node must renew whom it believes. Ask its admin, then order again.",
    "variant-": "Ask only for variants that the catalogue lists at this node, each once.",
}
OTHERWISE: Final = "Send the order's id and this code to the node's admin; both say all that they need."


def next_step(code: str) -> str:
    """Return what to do next about a receipt's code; never empty, for a code of later versions neither."""
    fitting = [start for start in NEXT if code.startswith(start)]
    return NEXT[max(fitting, key=len)] if fitting else OTHERWISE
