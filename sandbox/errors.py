"""What can go wrong at a node, as one tree.

::

    SafeconductError (protocol)      code, sentence
    ├── Refused (protocol)           a document or order is not to be believed or allowed: a signed refusal
    │   └── PolicyDenied             Cedar or DUO said no; carries the policies' names
    ├── Misconfigured                a setting or a file of the node is wrong: it does not start
    ├── BadInput                     a person's command or data file is wrong: nothing is written
    ├── GateBroken                   trusted code handed the gate what it must never get: the job fails, charged
    ├── LedgerBroken                 the ledger's chain, sums or head do not agree: the node stops
    ├── Conflict                     something else already stands or runs where this would
    ├── Held                         the job waits and says why
    ├── NotFit                       a rehearsal found a fault in an algorithm
    ├── RegistryDeclined             the registry answers, and will not take what it was sent
    └── InfrastructureLost           the machine failed, not the algorithm: tried again within the same charge
        └── Unreachable              registry, broker or engine does not answer

    Fenced                           another worker has taken this job: drop everything, say nothing
"""

from protocol.errors import Refused, SafeconductError

__all__ = [
    "BadInput",
    "Conflict",
    "Fenced",
    "GateBroken",
    "Held",
    "InfrastructureLost",
    "LedgerBroken",
    "Misconfigured",
    "NotFit",
    "PolicyDenied",
    "Refused",
    "RegistryDeclined",
    "SafeconductError",
    "Unreachable",
]


class PolicyDenied(Refused):
    """Some policy set forbids this order; `policies` are the names of those that did."""

    def __init__(self, policies: tuple[str, ...], sentence: str) -> None:
        super().__init__("policy-denied", sentence)
        self.policies = policies


class Misconfigured(SafeconductError):
    """A setting or a file of this node is missing or wrong, so the node does not start."""


class BadInput(SafeconductError):
    """What a person gave on the command line cannot be used; nothing was written."""

    exit_code = 2


class GateBroken(SafeconductError):
    """Trusted code handed the gate what it must never get; nothing is released."""


class LedgerBroken(SafeconductError):
    """The ledger does not agree with itself or with its head outside the database; nothing may be charged."""


class Conflict(SafeconductError):
    """Something else already stands, or runs, where this would."""

    exit_code = 3


class Held(SafeconductError):
    """The job cannot go on yet; the sentence says what it waits for."""


class NotFit(SafeconductError):
    """A rehearsal found a fault: the algorithm would run, and its answer would be of no use."""

    exit_code = 6


class RegistryDeclined(SafeconductError):
    """The registry answers, and will not take what this node sent; sending it again would not help."""


class InfrastructureLost(SafeconductError):
    """The machine failed, not the algorithm."""


class Unreachable(InfrastructureLost):
    """A service that the node needs does not answer."""

    exit_code = 7


class Fenced(Exception):
    """This worker's claim on the job is over: another one holds a higher fence."""
