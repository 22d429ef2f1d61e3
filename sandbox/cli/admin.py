"""`safeconduct node admin`: who may use the node's admin page, and the page itself."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, is_address, is_loopback, now, say, settings_of

if TYPE_CHECKING:
    from protocol.documents.passkey import PasskeyOrigin
    from sandbox.admin.desk import Desk
    from sandbox.settings import Settings

app = typer.Typer(help="The node's admin page and its admins.", no_args_is_help=True, rich_markup_mode=None)

PORT = 8470
Name = Annotated[str, typer.Argument(help="Short name of the admin, as the audit will call them.")]
Origin = Annotated[str | None, typer.Option(help="Address that browsers use, such as https://node.hospital.example.")]


@app.command()
def invite(
    directory: Directory, name: Name, origin: Origin = None, port: int = PORT, as_json: JsonFlag = False
) -> None:
    """Make a one-time code with which an admin enrols a passkey within an hour; one they have works until then."""
    from sandbox.actions.admin_account import invite as make
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    code = make(store, name, now())
    store.close()
    page = origin or f"http://localhost:{port}"
    say("Hand this over in person, or by a channel of your own; it works once, within an hour.")
    emit({"admin": name, "code": code, "page": f"{page}/enrol"}, as_json)


@app.command()
def remove(directory: Directory, name: Name, as_json: JsonFlag = False) -> None:
    """Take an admin's passkey and sessions away at once."""
    from sandbox.actions.admin_account import remove as take
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    take(store, name, now())
    store.close()
    emit({"admin": name, "removed": True}, as_json)


@app.command("list")
def list_(directory: Directory, as_json: JsonFlag = False) -> None:
    """List the admins, and since when each has a passkey."""
    from sandbox.actions.admin_account import list_admins
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    found = list_admins(store)
    store.close()
    emit({"admins": found}, as_json)


@app.command()
def serve(
    directory: Directory,
    host: Annotated[str, typer.Option(help="Address to listen on; loopback unless a proxy with TLS is in front.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65_535)] = PORT,
    origin: Origin = None,
    as_json: JsonFlag = False,
) -> None:
    """Serve the admin page until it is told to end."""
    import uvicorn

    from sandbox.admin.app import make_app

    page = check_origin(host, origin or f"http://localhost:{port}")
    settings = settings_of(directory)
    desk = open_desk(settings, page)
    emit({"ready": True, "node": desk.node, "page": page.origin}, as_json)
    uvicorn.run(make_app(desk, settings.web), host=host, port=port, log_level="warning", server_header=False)
    desk.store.close()


def check_origin(host: str, origin: str) -> PasskeyOrigin:
    """Refuse (admin-origin) a page that passkeys cannot belong to, or that is reached from elsewhere without TLS."""
    from protocol.documents.passkey import PasskeyOrigin
    from sandbox.errors import Misconfigured

    try:
        page = PasskeyOrigin(origin=origin, rp_id=urlsplit(origin).hostname or "")
    except ValueError as error:
        sentence = (
            "--origin is what browsers call the page: https:// and a host name, or http://localhost; a port; no path."
        )
        raise Misconfigured("admin-origin", sentence) from error
    if is_address(page.rp_id):
        raise Misconfigured("admin-origin", "Passkeys belong to names, not addresses: give a host name as --origin.")
    if origin.startswith("http:") and not is_loopback(host):
        sentence = (
            "Without TLS the page is for this machine: --host 127.0.0.1. For others put a proxy with TLS in front"
        )
        raise Misconfigured("admin-origin", f"{sentence} and give its https address as --origin.")
    return page


def open_desk(settings: Settings, page: PasskeyOrigin) -> Desk:
    """Open what the page's routes hold."""
    from sandbox.actions.clock import GuardedClock, wall_clock
    from sandbox.actions.init import LEDGER_HEAD
    from sandbox.actions.passkey import Site
    from sandbox.actions.policy_files import digest_policies, read_policies
    from sandbox.admin.desk import Desk
    from sandbox.worker.wiring import open_holder_policy, open_store, open_watched

    store = open_store(settings)
    return Desk(
        node=settings.node,
        store=store,
        now=GuardedClock(store, wall_clock).now,
        site=Site(name=f"Safeconduct {settings.node}", page=page, secret=secrets.token_bytes(32)),
        ledger_head=settings.directory / LEDGER_HEAD,
        watched=open_watched(settings, store, open_holder_policy(settings)[0]),
        trust=lambda: open_holder_policy(settings),
        cedar=lambda: digest_policies(read_policies(settings.policies)),
    )
