"""Read the ledger for people, and verify it from its first entry on."""

from pathlib import Path
from typing import Any

from protocol.documents.policy import Policy
from sandbox.actions.charge import POOL
from sandbox.actions.policy import policy_history
from sandbox.domain.caps import caps_of
from sandbox.domain.ledger import Head, LedgerEntry, Scope
from sandbox.store import ledger
from sandbox.store.base import Store
from sandbox.store.ledger_head import check_head


def show_ledger(store: Store, policy: Policy) -> dict[str, Any]:
    """Every entry with its accounts, what each account has spent and left, and the caps of every policy so far."""
    caps = caps_of(policy).named()
    with store.reading() as session:
        entries = list(ledger.entries(session))
        accounts = sorted(
            {
                (scope, name)
                for entry in entries
                for scope, name in entry.scopes.named().items()
                if name and scope != Scope.JOB
            }
            | {(Scope.POOL, POOL)}
        )
        return {
            "head": ledger.head(session).digest,
            "accounts": [
                {
                    "scope": scope.value,
                    "name": name,
                    "rho_spent_nano": (spent := ledger.spent(session, scope, name)),
                    "rho_cap_nano": caps[scope],
                    "rho_left_nano": max(caps[scope] - spent, 0),
                }
                for scope, name in accounts
            ],
            "policies": policy_history(session),
            "entries": [_entry(entry) for entry in entries],
        }


def verify_ledger(store: Store, head_file: Path) -> Head:
    """Verify chain, accounts and the head outside the database; raises what does not agree."""
    with store.reading() as session:
        check_head(head_file, session)
        return ledger.check_ledger(session)


def _entry(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "kind": entry.kind.value,
        "order": entry.order_id,
        "dataset": entry.scopes.lineage,
        "project": entry.scopes.project,
        "algorithm": entry.scopes.algorithm,
        "rho_nano": entry.rho_nano,
        "charged_at": entry.charged_at,
        "digest": entry.digest,
    }
