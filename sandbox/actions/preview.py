"""What an order would cost at this node, or why it would be refused: the charge's own path, read and not written.

The checks are those of steps 1 to 9 by the same functions: `examine`, `since_restore`, `check_due`, `check_charge`,
`check_admission`. What only the running job asks for is left out: the log's proofs of the approvals, and the image
itself. Nothing is promised: another order may come first.
"""

from typing import Any

from protocol.chain import OrderBundle
from protocol.documents.envelope import read_claim
from protocol.documents.job_order import JobOrder
from sandbox.actions.charge import check_due
from sandbox.actions.examine import Examined, examine
from sandbox.actions.node import Node
from sandbox.actions.since_restore import check_since_restore
from sandbox.domain.admission import check_admission
from sandbox.domain.job import JobState
from sandbox.domain.ledger import Scope
from sandbox.errors import Held, Refused
from sandbox.store import ledger
from sandbox.store.admission import read_admission


def preview(node: Node, untrusted: bytes) -> dict[str, Any]:
    """Say what would become of an order's bundle: `charge` with its price, or `refuse` or `wait` with the reason."""
    try:
        return {"would": "charge", **_priced(node, OrderBundle.from_json(untrusted))}
    except Refused as refused:
        return {"would": "refuse", "code": refused.code, "sentence": refused.sentence}
    except Held as held:
        return {"would": "wait", "code": held.code, "sentence": held.sentence}


def _priced(node: Node, bundle: OrderBundle) -> dict[str, Any]:
    node.clock.check_not_behind()
    now = node.clock.now()
    examined = examine(node, bundle, now)
    claim = read_claim(bundle.order, JobOrder)
    with node.store.reading() as session:
        check_since_restore(session, claim.digest, claim.untrusted)
        due = check_due(node, session, bundle, examined, now)
        spent = ledger.check_charge(
            session,
            order_id=due.order_id,
            nonce=due.nonce,
            scopes=due.scopes,
            caps=due.caps,
            rho_nano=due.rho_nano,
        )
        check_admission(read_admission(session).admission, JobState.VERIFIED)
    return {
        "order": due.order_id,
        "rho_nano": due.rho_nano,
        "outputs": _outputs(examined),
        "accounts": [
            {
                "scope": scope.value,
                "name": name,
                "rho_spent_nano": spent[scope],
                "rho_cap_nano": due.caps.named()[scope],
                "rho_left_after_nano": due.caps.named()[scope] - spent[scope] - due.rho_nano,
            }
            for scope, name in due.scopes.named().items()
            if scope is not Scope.JOB
        ],
    }


def _outputs(examined: Examined) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "mechanism": one.mechanism,
            "scale": one.scale,
            "rho_nano": one.rho_nano,
            "interval_nano": one.interval_nano,
        }
        for one in examined.price.per_output
    ]
