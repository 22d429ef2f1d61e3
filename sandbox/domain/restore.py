"""What a restore puts back into a ledger that is older than what was witnessed of it (DESIGN 8).

1. Every charge that a witnessed receipt proves is debited again, in all scopes, whatever the caps say: it was spent.
2. Charges between the restored end and the witnessed one that no receipt proves cost at most one job's cap each. A
   reserve of at least that is charged to the pool and to every lineage. The cap is the highest of all known policies.
3. The entries that were lost keep their numbers: the first entry of a restore comes after the witnessed end, so that no
   number ever means two charges.
4. An order whose window began before the restore may have been answered, whatever the database remembers. It never runs
   again: one that is witnessed ends with its witnessed receipt, any other must be signed anew.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from sandbox.domain.ledger import Head, Kind, LedgerEntry, Scopes, next_entry
from sandbox.errors import BadInput

NOBODY = ""  # no account


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A charge as a receipt of this node proves it; `receipt` is the receipt's digest."""

    receipt: str
    order_id: str
    lineage: str
    project: str
    algorithm: str
    rho_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Where the restored ledger ends, what was witnessed outside, and the lost charges that receipts prove."""

    ledger: Head
    witnessed: Head
    proved: tuple[Witnessed, ...]
    head_file_lost: bool = False

    @property
    def unproved(self) -> int:
        """How many lost entries no receipt proves; without a head file one at the least, because nobody knows."""
        least = 1 if self.head_file_lost else 0
        return max(self.witnessed.sequence - self.ledger.sequence - len(self.proved), least)


def check_reserve(gap: Gap, reserve_nano: int, job_cap_nano: int) -> None:
    """Refuse a reserve that does not cover every charge that nobody witnessed at the most it can have cost."""
    least = least_reserve(gap, job_cap_nano)
    if reserve_nano < least:
        sentence = f"{gap.unproved} charge(s) are lost and unwitnessed, so the reserve is at least {least} nano-rho."
        raise BadInput("restore-reserve", sentence)


def least_reserve(gap: Gap, job_cap_nano: int) -> int:
    """Give the most that the lost and unwitnessed charges can have cost."""
    return gap.unproved * job_cap_nano


def restore_entries(
    gap: Gap, *, document: str, pool: str, lineages: Iterable[str], reserve_nano: int, now: dt.datetime
) -> Iterator[LedgerEntry]:
    """Make the entries of a restore in their order: the restore with the pool's reserve, the lineages', the charges."""
    last = next_entry(
        gap.ledger,
        order_id=document,
        nonce=f"restore:{document}",
        scopes=_accounts(pool=pool),
        rho_nano=reserve_nano,
        now=now,
        kind=Kind.RESTORE,
        evidence=document,
        sequence=gap.witnessed.sequence + 1,
    )
    yield last
    for lineage in sorted(lineages):
        name = sha256(f"reserve:{document}:{lineage}".encode()).hexdigest()
        last = next_entry(
            last.head,
            order_id=name,
            nonce=f"reserve:{name}",
            scopes=_accounts(lineage=lineage),
            rho_nano=reserve_nano,
            now=now,
            kind=Kind.RESERVE,
            evidence=document,
        )
        yield last
    for one in gap.proved:
        last = next_entry(
            last.head,
            order_id=one.order_id,
            nonce=f"witnessed:{one.order_id}",
            scopes=Scopes(
                pool=pool, lineage=one.lineage, project=one.project, algorithm=one.algorithm, job=one.order_id
            ),
            rho_nano=one.rho_nano,
            now=now,
            kind=Kind.WITNESSED,
            evidence=one.receipt,
        )
        yield last


def _accounts(*, pool: str = NOBODY, lineage: str = NOBODY) -> Scopes:
    return Scopes(pool=pool, lineage=lineage, project=NOBODY, algorithm=NOBODY, job=NOBODY)
