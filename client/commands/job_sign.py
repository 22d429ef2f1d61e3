"""`safeconduct job sign`: sign, on this machine, the orders that you composed on the registry's page."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from client.commands.common import KeyOption, PassphraseFile, RegistryOption, now, person
from client.console import JsonFlag, emit, err, pairs
from client.errors import UsageProblem
from client.home import HomeOption
from protocol.documents.amount import write_nano

if TYPE_CHECKING:
    from client.draft import CheckedOrder

Code = Annotated[str, typer.Argument(help="The code that the page shows once you have composed a job.")]
Hours = Annotated[float, typer.Option(help="Each node must begin within so many hours.", min=0.1)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before signing.")]


def sign(
    code: Code,
    valid_hours: Hours = 24,
    yes: Yes = False,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Check what you composed as its nodes will, against the trust root that you pinned; show it in full, sign, send.

    The registry prepared it, so it is not asked whether it is right: who asked, the algorithm, its author, every
    approval and what is revoked are checked here. Nothing is sent before you agree.
    """
    from client.draft import Signer, check_drafts

    with person(home, key, passphrase_file, registry) as me:
        signer = Signer(person=me.profile.need("person"), key=me.key, recipient=me.recipient, trust_root=me.trust_root)
        found = check_drafts(me.anonymous.prepared(code, "order-drafts"), signer, now(), timedelta(hours=valid_hours))
        for line in (line for one in found for line in _told(one)):
            err().print(line, markup=False, soft_wrap=True)
        _confirm(len(found), yes=yes)
        data = [
            {
                "node": one.order.node,
                "dataset": one.order.dataset,
                "order": me.anonymous.publish("orders", one.envelope),
            }
            for one in found
        ]
    emit(data, as_json=as_json, show=pairs({one["node"]: one["order"] for one in data}))


def _told(one: CheckedOrder) -> list[str]:
    """The whole order, and what was found to hold."""
    order, algorithm = one.order, one.algorithm
    shares = (
        f"  {share.output}: {write_nano(share.nano)}"
        + (f", and {write_nano(share.interval_nano)} for its interval" if share.interval_nano else "")
        for share in order.rho
    )
    return [
        f"order for {order.dataset} at {order.node}: rho {write_nano(order.rho_nano)} in all",
        *shares,
        f"  algorithm: {algorithm.name} {algorithm.version} by {algorithm.author}, {order.algorithm}",
        f"  {algorithm.summary}",
        f"  project {order.project}, purpose {order.purpose}, blocks {order.blocks or 'none'}",
        f"  parameters: {json.dumps(order.parameters, ensure_ascii=False, sort_keys=True)}",
        f"  approvals: {', '.join(order.approvals)}",
        f"  to begin until {order.not_after:%Y-%m-%d %H:%M} UTC",
        *(f"  checked: {check}" for check in one.checks),
    ]


def _confirm(orders: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageProblem("confirm-needed", "Nobody is at a terminal to confirm. Read the order, then say --yes.")
    typer.confirm(f"Sign and send {orders} order{'s' if orders > 1 else ''}?", abort=True, err=True)
