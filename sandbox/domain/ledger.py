"""The ledger's rules: what may still be spent, and a chain of entries that nobody rewrites unnoticed.

1. Amounts are integers in nano-rho. Five scopes are debited together, all or nothing: the pool of persons, the
   dataset's lineage, the project, the algorithm and the job. "Spent + next <= cap" is a valid filter for adaptively
   chosen releases under zero-concentrated DP (Whitehouse et al. 2023); only the pool's cap carries the claim about a
   person, the others ration it.
2. An order is charged once, for ever: its id and its nonce are remembered with the charge.
3. There is no refund, and so no negative entry.
4. Each entry carries the digest of the one before it. The newest digest, the head, is in every receipt and also kept
   outside the database: a database that is older than its head was rolled back, and nothing is charged on it.
5. Entries of other kinds than a charge stand in the same chain: what a restore puts back (`restore.py`), and a new
   policy of the holder's. Numbers are left out at a restore only: those of the entries that were lost.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from sandbox.errors import LedgerBroken, Refused

_NEXT = "put an honest copy in its place, or take a backup of the database and run `ledger restore`"
_HEAD = re.compile(r"([0-9]{20}) ([0-9a-f]{64})")
HEAD_LINE_BYTES = 20 + 1 + 64 + 1 + 16 + 1


class Scope(StrEnum):
    """What a charge counts against, in the order in which a missing budget is named."""

    JOB = "job"
    PROJECT = "project"
    ALGORITHM = "algorithm"
    LINEAGE = "dataset"
    POOL = "pool"


class Kind(StrEnum):
    """What an entry records."""

    CHARGE = "charge"
    RESTORE = "restore"  # the ledger was restored; with the pool's reserve for what nobody witnessed
    RESERVE = "reserve"  # one lineage's reserve
    WITNESSED = "witnessed"  # a charge that was lost and is known by its receipt
    POLICY = "policy"  # the holder's next policy took effect


FREE = frozenset({Kind.RESTORE, Kind.RESERVE, Kind.POLICY})
"""What may cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """The names of the five accounts that one job is charged to; other entries leave names empty: no account."""

    pool: str
    lineage: str
    project: str
    algorithm: str
    job: str

    def named(self) -> dict[Scope, str]:
        """Give the account's name for each scope."""
        return {
            Scope.JOB: self.job,
            Scope.PROJECT: self.project,
            Scope.ALGORITHM: self.algorithm,
            Scope.LINEAGE: self.lineage,
            Scope.POOL: self.pool,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that each account may ever spend, in nano-rho, from the signed policy and the approvals."""

    pool_nano: int
    lineage_nano: int
    project_nano: int
    algorithm_nano: int
    job_nano: int

    def named(self) -> dict[Scope, int]:
        """Give the cap of each scope."""
        return {
            Scope.JOB: self.job_nano,
            Scope.PROJECT: self.project_nano,
            Scope.ALGORITHM: self.algorithm_nano,
            Scope.LINEAGE: self.lineage_nano,
            Scope.POOL: self.pool_nano,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the chain: how many entries there are, and the digest of the last one."""

    sequence: int
    digest: str


GENESIS = Head(sequence=0, digest=sha256(b"safeconduct ledger v1").hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One charge, or something else that the ledger must never forget.

    `previous` and `digest` are its links in the chain; `evidence` is the digest of the signed document behind an entry
    that is no charge.
    """

    sequence: int
    order_id: str
    nonce: str
    scopes: Scopes
    rho_nano: int
    charged_at: datetime
    previous: str
    digest: str
    kind: Kind = Kind.CHARGE
    evidence: str | None = None

    @property
    def head(self) -> Head:
        """The end of the chain when this entry was the last."""
        return Head(sequence=self.sequence, digest=self.digest)


def next_entry(
    head: Head,
    *,
    order_id: str,
    nonce: str,
    scopes: Scopes,
    rho_nano: int,
    now: datetime,
    kind: Kind = Kind.CHARGE,
    evidence: str | None = None,
    sequence: int = 0,
) -> LedgerEntry:
    """Make the entry that follows `head`; a charge of nothing or less is refused.

    `sequence` is given by a restore, which leaves out the numbers of lost entries.
    """
    if type(rho_nano) is not int or rho_nano < _least(kind):
        raise ValueError("a charge is a whole number of nano-rho above 0")
    entry = LedgerEntry(
        sequence=max(sequence, head.sequence + 1),
        order_id=order_id,
        nonce=nonce,
        scopes=scopes,
        rho_nano=rho_nano,
        charged_at=now.astimezone(UTC),
        previous=head.digest,
        digest="",
        kind=kind,
        evidence=evidence,
    )
    return replace(entry, digest=entry_digest(entry))


def entry_digest(entry: LedgerEntry) -> str:
    """Give SHA-256 over the entry's canonical JSON, its predecessor's digest included and its own left out."""
    document: dict[str, object] = {
        "sequence": entry.sequence,
        "order": entry.order_id,
        "nonce": entry.nonce,
        "scopes": {scope.value: name for scope, name in entry.scopes.named().items()},
        "rho_nano": entry.rho_nano,
        "charged_at": entry.charged_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "previous": entry.previous,
    }
    if entry.kind is not Kind.CHARGE:
        document |= {"kind": entry.kind.value, "evidence": entry.evidence}
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def check_caps(spent_nano: Mapping[Scope, int], caps: Caps, rho_nano: int) -> None:
    """Refuse a charge that any scope cannot bear, naming the narrowest first; nothing is spent by a refusal."""
    for scope, cap in caps.named().items():
        if spent_nano[scope] + rho_nano > cap:
            left = max(cap - spent_nano[scope], 0)
            raise Refused(
                f"budget-{scope}", f"the {scope} has {left} nano-rho left of {cap}, and this job needs {rho_nano}"
            )


def left_nano(spent_nano: Mapping[Scope, int], caps: Caps) -> int:
    """Give what the fullest account could still spend."""
    return max(min(cap - spent_nano[scope] for scope, cap in caps.named().items() if scope is not Scope.JOB), 0)


def verify_chain(entries: Iterable[LedgerEntry]) -> Head:
    """Follow the chain from its beginning and give its head; an entry that does not fit stops the node."""
    return verify_links(_unchanged(entry) for entry in entries)


def verify_links(entries: Iterable[LedgerEntry]) -> Head:
    """Follow numbers and links alone: for entries whose names were left out, so that no digest can be computed."""
    head = GENESIS
    for entry in entries:
        jumps = entry.kind is Kind.RESTORE and entry.sequence > head.sequence
        if not (jumps or entry.sequence == head.sequence + 1) or entry.previous != head.digest:
            raise LedgerBroken("ledger-chain", f"entry {entry.sequence} does not follow entry {head.sequence}: {_NEXT}")
        head = entry.head
    return head


def _unchanged(entry: LedgerEntry) -> LedgerEntry:
    if entry.rho_nano < _least(entry.kind) or entry.digest != entry_digest(entry):
        raise LedgerBroken("ledger-entry", f"entry {entry.sequence} was changed after it was written: {_NEXT}")
    return entry


def _least(kind: Kind) -> int:
    return 0 if kind in FREE else 1


def head_line(head: Head) -> str:
    """Give one line of the head file, of fixed length, that ends with a check of itself."""
    said = f"{head.sequence:020d} {head.digest}"
    return f"{said} {_check_of(said)}\n"


def write_head_text(head: Head) -> str:
    """Give the whole text of a new head file: two lines, of which each next head overwrites the older one."""
    return head_line(head) * 2


def read_head_text(text: str) -> Head:
    """Give the newest head that a head file witnesses; a line that was cut off by a power cut does not count."""
    heads = [head for head in map(_read_line, text.splitlines()) if head is not None]
    if not heads:
        raise LedgerBroken("ledger-head-unreadable", f"the ledger's head file cannot be read: {_NEXT}")
    return max(heads, key=lambda head: head.sequence)


def _read_line(line: str) -> Head | None:
    said, _, check = line.rpartition(" ")
    match = _HEAD.fullmatch(said)
    if match is None or check != _check_of(said):
        return None
    return Head(sequence=int(match[1]), digest=match[2])


def _check_of(said: str) -> str:
    return sha256(said.encode()).hexdigest()[:16]
