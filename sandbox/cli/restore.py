"""`safeconduct ledger restore`: make good for a ledger that was restored from a backup, by two persons' word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, is_running, now, read_file, say, settings_of

if TYPE_CHECKING:
    from sandbox.actions.restore import Site

app = typer.Typer(
    help="Make good for a ledger that was restored from a backup.", no_args_is_help=True, rich_markup_mode=None
)

Receipts = Annotated[
    list[Path] | None, typer.Option("--receipt", help="A receipt that this node signed, or a folder of them; repeat.")
]


@app.command("prepare")
def prepare_(
    directory: Directory,
    out: Annotated[Path, typer.Option(help="Where to write what two custodians are to sign.")],
    reason: Annotated[str, typer.Option(help="What happened, in one line; it is signed and kept.")],
    receipt: Receipts = None,
    reserve_nano: Annotated[
        int | None, typer.Option(min=0, help="For charges that nobody witnessed; else the least that is allowed.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare the ledger with its witnesses, and write the document that makes good for the gap, unsigned."""
    from protocol.documents.strict import canonical
    from sandbox.actions.restore import prepare

    site = _site(directory)
    restore, found = prepare(site, _read_all(receipt), reserve_nano, reason, now())
    site.store.close()
    out.write_bytes(canonical(restore.model_dump(mode="json")) + b"\n")
    say("Nothing has changed. Let two custodians of the trust root read and sign it: `ledger restore sign`.")
    emit({"file": str(out), **found}, as_json)


@app.command()
def fetch(
    directory: Directory,
    out: Annotated[Path, typer.Option(help="Folder for the receipts, one file each.")],
    as_json: JsonFlag = False,
) -> None:
    """Fetch this node's receipts that the registry keeps. It may withhold some; researchers have theirs as well."""
    from sandbox.actions.clock import GuardedClock, wall_clock
    from sandbox.actions.restore import read_own
    from sandbox.worker.wiring import open_registry

    site = _site(directory)
    registry = open_registry(settings_of(directory), GuardedClock(site.store, wall_clock))
    kept = read_own(site, list(registry.kept_receipts()))
    registry.close()
    site.store.close()
    out.mkdir(exist_ok=True)
    for claim in kept:
        (out / f"{claim.untrusted.order}.json").write_bytes(claim.envelope.raw)
    emit({"folder": str(out), "receipts": len(kept)}, as_json)


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="What `prepare` wrote, or what the first person signed.")],
    key: Annotated[Path, typer.Option(help="Your key, which the trust root names as a custodian's.")],
    passphrase_file: Annotated[Path | None, typer.Option(help="File with its passphrase.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign a restore as one of two custodians; the file is replaced by the signed document."""
    from sandbox.actions.files import write_whole
    from sandbox.actions.sign_restore import sign_restore
    from sandbox.cli.node import load_key

    signed, digest, signatures = sign_restore(read_file(file), load_key(key, passphrase_file))
    write_whole(file, signed)
    emit({"file": str(file), "digest": digest, "signatures": signatures}, as_json)


@app.command()
def apply(
    directory: Directory,
    file: Annotated[Path, typer.Argument(help="The document, signed by two custodians.")],
    receipt: Receipts = None,
    as_json: JsonFlag = False,
) -> None:
    """Debit what was lost, reserve what nobody witnessed, and let the node open again."""
    from sandbox.actions.clock import GuardedClock, wall_clock
    from sandbox.actions.restore import apply_restore
    from sandbox.errors import Conflict

    if is_running(settings_of(directory)):
        raise Conflict("node-running", "The node is running; stop it, then restore its ledger.")
    site = _site(directory)
    moment = GuardedClock(site.store, wall_clock).now()
    head = apply_restore(site, read_file(file), _read_all(receipt), moment)
    site.store.close()
    say("The ledger is restored. Orders from before this moment never run again; the node may be started.")
    emit({"entries": head.sequence, "head": head.digest, "restored": True}, as_json)


def _site(directory: Path) -> Site:
    from protocol.documents.key import Key
    from protocol.documents.strict import build, parse_object
    from sandbox.actions.init import LEDGER_HEAD, NODE_PUBLIC, POLICY
    from sandbox.actions.restore import Site
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    trust = open_trust(settings)
    return Site(
        node=settings.node,
        store=open_store(settings),
        head_file=settings.directory / LEDGER_HEAD,
        root=trust.root,
        policy=trust.policy,
        policy_raw=read_file(settings.directory / POLICY),
        key=build(Key, dict(parse_object(read_file(settings.keys / NODE_PUBLIC)))).to_public(),
    )


def _read_all(named: list[Path] | None) -> list[bytes]:
    files = (sorted(path.glob("*.json")) if path.is_dir() else [path] for path in named or [])
    return [read_file(path) for found in files for path in found]
