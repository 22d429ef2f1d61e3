"""What a node remembers from one order to the next, so that nobody can turn its world back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The highest that was ever seen; empty for a verifier that starts from nothing.

    ``rosters`` maps a roster's digest to the moment this node first saw it; what its admin accepted or rejected counts
    at once, or never. ``roster_versions`` maps a committee to the highest version of those in force,
    ``status_versions`` an office to its highest version; ``clock`` is the latest moment this node ever acted on.
    """

    rosters: Mapping[str, datetime] = field(default_factory=dict)
    accepted_rosters: frozenset[str] = frozenset()
    rejected_rosters: frozenset[str] = frozenset()
    roster_versions: Mapping[str, int] = field(default_factory=dict)
    status_versions: Mapping[str, int] = field(default_factory=dict)
    clock: datetime | None = None
