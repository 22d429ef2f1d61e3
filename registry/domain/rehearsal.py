"""Automatic rehearsals: which algorithm versions are rehearsed, on twins of which datasets, and who may report.

1. A version with an image is rehearsed from its submission until its review has ended, whatever the reviewers do.
2. It is rehearsed for each dataset in the catalogue that it is made for: the same privacy unit, and all its columns.
3. Only a node that its office accredited for it (the role `rehearsal`) reports, and on each version and catalogue entry
   once. Two such nodes are two opinions.
4. A report decides nothing: it is evidence for the reviewers, most of all where it says that something is not fit.
"""

from typing import Final

from protocol.documents.algorithm import Algorithm
from protocol.documents.catalogue import CatalogueEntry
from registry.domain.caller import Caller, check_is_node
from registry.errors import Forbidden

ROLE: Final = "rehearsal"
OPEN_STATES: Final = ("submitted", "checking", "in_review", "consolidating")


def is_rehearser(caller: Caller) -> bool:
    """Tell whether a caller is a rehearsal node."""
    return caller.kind == "node" and ROLE in caller.roles


def check_is_rehearser(caller: Caller, node: str) -> None:
    """Raise Forbidden unless the caller is that very node, and accredited to rehearse."""
    check_is_node(caller, node)
    if not is_rehearser(caller):
        raise Forbidden("rehearsal-node-only", f"{node} is not accredited with the role {ROLE}. Ask its office.")


def is_made_for(algorithm: Algorithm, entry: CatalogueEntry) -> bool:
    """Tell whether a dataset is one that an algorithm is made for (rule 2)."""
    return algorithm.unit == entry.unit and entry.offers(algorithm.inputs.columns)
