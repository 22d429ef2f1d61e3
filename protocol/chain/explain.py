"""Why a set of files is, or is not, to be believed: step by step, offline, from the trust root alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.documents.trust_root import TrustRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question, whether it was answered well (``None``: not reached), and a sentence for people."""

    name: str
    ok: bool | None
    sentence: str


def explain(untrusted: Sequence[bytes], trust_root: TrustRoot, now: datetime) -> list[Step]:
    """Judge ``untrusted`` files: envelopes and bundles of any kind, in any order, and sealed releases."""
    return []
