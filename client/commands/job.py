"""`safeconduct job`: order a run at one or many nodes, watch it, read the answer."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from client.client import Client
from client.commands.common import (
    ForceOption,
    KeyOption,
    PassphraseFile,
    RegistryOption,
    now,
    person,
    write_file,
)
from client.commands.job_page import results_page
from client.commands.job_sign import sign
from client.commands.job_tables import show_previews, show_results
from client.commands.job_wishes import Asked, parameters_of, wishes_of
from client.console import JsonFlag, emit, err, pairs, say
from client.errors import JobFailed
from client.home import HomeOption
from client.results import as_data, combination_data, combine_all
from protocol.errors import Refused

app = typer.Typer(help="Order a run, watch it, read the answer.", no_args_is_help=True, rich_markup_mode=None)
app.command("sign")(sign)

POLL_SECONDS: Final = 0.5
STEPS: Final = ("queued", "received", "held", "verified", "charged", "staged", "running", "sealed", "released")

AlgorithmArgument = Annotated[str, typer.Argument(help="Digest of the algorithm, or NAME@VERSION.")]
ProjectOption = Annotated[str, typer.Option(help="Project that the approvals name.")]
PurposeOption = Annotated[str, typer.Option(help="Purpose, as a DUO code.")]
NodeOption = Annotated[list[str], typer.Option(help="Node to run at, or NODE=DATASET; repeat for several.")]
RhoOption = Annotated[str | None, typer.Option(help="Total rho at each node, e.g. 0.03125; split equally.")]
ShareOption = Annotated[list[str] | None, typer.Option(help="OUTPUT=RHO for one output; instead of --rho.")]
IntervalOption = Annotated[
    list[str] | None, typer.Option(help="OUTPUT=RHO more, to buy the total interval of a median.")
]
BlocksOption = Annotated[int, typer.Option(help="How many blocks; 0 in unit mode.")]
ParamOption = Annotated[list[str] | None, typer.Option(help="NAME=VALUE; the value as JSON, else as text.")]
ParamsOption = Annotated[Path | None, typer.Option(help="JSON file with the parameters.")]
ApprovalOption = Annotated[list[str] | None, typer.Option(help="Approval digests; without it, the project's.")]
PageOption = Annotated[Path | None, typer.Option(help="Also write them, drawn and as tables, to this HTML file.")]
Orders = Annotated[list[str], typer.Argument(help="Order ids.")]


@app.command()
def submit(
    algorithm: AlgorithmArgument,
    project: ProjectOption,
    purpose: PurposeOption,
    node: NodeOption,
    rho: RhoOption = None,
    share: ShareOption = None,
    interval: IntervalOption = None,
    blocks: BlocksOption = 0,
    param: ParamOption = None,
    params: ParamsOption = None,
    approval: ApprovalOption = None,
    valid_hours: Annotated[float, typer.Option(help="The node must begin within so many hours.")] = 24,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign and send one order for each node, and print the order ids."""
    with person(home, key, passphrase_file, registry) as me:
        asked = Asked(
            project=project,
            purpose=purpose,
            node=node,
            rho=rho,
            share=share,
            interval=interval,
            blocks=blocks,
            approval=approval,
        )
        wishes = wishes_of(me, algorithm, asked, parameters_of(param, params))
        ids = me.order(wishes, lifetime=timedelta(hours=valid_hours))
    data = [
        {"node": wish.node, "dataset": wish.dataset, "order": order} for wish, order in zip(wishes, ids, strict=True)
    ]
    emit(data, as_json=as_json, show=pairs({one["node"]: one["order"] for one in data}))


@app.command()
def preview(
    algorithm: AlgorithmArgument,
    project: ProjectOption,
    purpose: PurposeOption,
    node: NodeOption,
    rho: RhoOption = None,
    share: ShareOption = None,
    interval: IntervalOption = None,
    blocks: BlocksOption = 0,
    param: ParamOption = None,
    params: ParamsOption = None,
    approval: ApprovalOption = None,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what an order would cost at each node, what is left there, and foreseeable refusals. Nothing is sent."""
    from client.preview import preview as look

    with person(home, key, passphrase_file, registry) as me:
        asked = Asked(
            project=project,
            purpose=purpose,
            node=node,
            rho=rho,
            share=share,
            interval=interval,
            blocks=blocks,
            approval=approval,
        )
        wishes = wishes_of(me, algorithm, asked, parameters_of(param, params))
        data = [look(me, wish, now()) for wish in wishes]
    emit(data, as_json=as_json, show=lambda console: show_previews(console, data))


@app.command()
def watch(
    orders: Orders,
    timeout: Annotated[float, typer.Option(help="Stop watching after so many seconds.")] = 3600,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Watch orders until everything that will come has come."""
    with person(home, key, passphrase_file, registry) as me:
        states = wait(me, orders, timeout, Lines())
    data = [states[order] for order in orders]
    emit(data, as_json=as_json, show=pairs({one["order"]: f"{one['state']} at {one['node']}" for one in data}))
    _check_released([one["state"] for one in data])


@app.command()
def results(
    orders: Orders,
    page: PageOption = None,
    force: ForceOption = False,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetch, verify and decrypt the answers; combine what several nodes say."""
    with person(home, key, passphrase_file, registry) as me:
        found = me.results(orders)
    combined = combine_all(found)
    data = {"results": [as_data(one) for one in found], "combined": [combination_data(one) for one in combined]}
    if page:
        write_file(page, results_page(found, combined).encode(), force=force)
    emit(data, as_json=as_json, show=lambda console: show_results(console, found, combined))
    _check_released([one.receipt.decision for one in found])


class Lines:
    """Narrates changes of state: a status line on a terminal, one line per change elsewhere."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._console = err()
        self._status = self._console.status("Waiting") if self._console.is_terminal else None
        if self._status:
            self._status.start()

    def update(self, states: dict[str, dict[str, Any]]) -> None:
        """Show what has changed."""
        for order, state in states.items():
            if self._last.get(order) != state["state"]:
                self._last[order] = state["state"]
                say(f"{state['node']}: {state['state']}  ({order[:16]})")
        if self._status:
            self._status.update(", ".join(f"{one['node']} {one['state']}" for one in states.values()))

    def stop(self) -> None:
        """Take the status line away."""
        if self._status:
            self._status.stop()


def wait(me: Client, orders: list[str], timeout: float, lines: Lines) -> dict[str, dict[str, Any]]:
    """Poll until every order is settled or time is up."""
    deadline = time.monotonic() + timeout
    states: dict[str, dict[str, Any]] = {}
    try:
        while True:
            states |= {o: me.state(o) for o in orders if o not in states or not me.is_settled(states[o])}
            lines.update(states)
            if all(me.is_settled(states[o]) for o in orders):
                return states
            if time.monotonic() > deadline:
                raise JobFailed(
                    "watch-timeout", f"Not all orders ended within {timeout:.0f} s; watch them again later."
                )
            time.sleep(POLL_SECONDS)
    finally:
        lines.stop()


def _check_released(decisions: list[str]) -> None:
    """A refusal and a failure have exit codes of their own, after everything was printed."""
    if "refused" in decisions:
        raise Refused("order-refused", "A node refused an order; its receipt says why.")
    bad = next((one for one in decisions if one != "released"), None)
    if bad:
        raise JobFailed("job-ended", f"A job ended as {bad}; its receipt says why.")
