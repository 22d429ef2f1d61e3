"""`safeconduct node trust-root`, `node policy`, `node roster`: whom this node believes, what its holder allows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, is_running, now, read_file, say, settings_of

trust_root = typer.Typer(help="See and replace the trust root.", no_args_is_help=True, rich_markup_mode=None)
policy = typer.Typer(help="See and replace the holder's limits.", no_args_is_help=True, rich_markup_mode=None)
roster = typer.Typer(help="See and decide on committees' rosters.", no_args_is_help=True, rich_markup_mode=None)

Digest = Annotated[str, typer.Argument(help="The roster's digest.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit.")]


@trust_root.command("show")
def show(directory: Directory, as_json: JsonFlag = False) -> None:
    """Show whom this node believes: offices, committees and their rules, passkey pages, the log."""
    from sandbox.actions.trust_root import read_roots
    from sandbox.domain.trust_change import describe_root

    settings = settings_of(directory)
    roots = read_roots(settings.directory, settings.fingerprint)
    emit({"fingerprint": roots.digest, "pinned": settings.fingerprint, **describe_root(roots.current)}, as_json)


@trust_root.command("update")
def update(
    directory: Directory,
    file: Annotated[Path, typer.Option(help="The holder's next trust root: one version on, signed by the old keys.")],
    accept: Annotated[
        str | None, typer.Option(help="Its fingerprint, told over another channel: without it nothing changes.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy, signed by the new root keys, if those changed.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what the next trust root would change; with --accept, let it take effect at the node's next start."""
    from sandbox.actions.trust_root import Keeper, accept_next, examine_next, read_roots
    from sandbox.errors import Conflict
    from sandbox.worker.wiring import open_store

    settings = settings_of(directory)
    roots = read_roots(settings.directory, settings.fingerprint)
    following = examine_next(roots.current, read_file(file), now())
    if accept is not None:
        if is_running(settings):
            raise Conflict("node-running", "The node is running with the present trust root; stop it, then accept.")
        keeper = Keeper(node=settings.node, directory=settings.directory, store=open_store(settings))
        accept_next(keeper, following, accept, now(), policy=read_file(policy) if policy else None)
        keeper.store.close()
    else:
        say("Nothing has changed. Compare the fingerprint with the holder's word, then repeat with --accept.")
    shown = {"fingerprint": following.digest, "changes": list(following.changes), "accepted": accept is not None}
    emit(shown, as_json)


@policy.command("show")
def show_policy(directory: Directory, as_json: JsonFlag = False) -> None:
    """Show the holder's limits that are in effect, and every version's caps since when."""
    from sandbox.actions.policy import policy_history
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    trust, store = open_trust(settings), open_store(settings)
    with store.reading() as session:
        history = policy_history(session)
    store.close()
    emit({"digest": trust.policy_digest, **trust.policy.model_dump(mode="json"), "history": history}, as_json)


@policy.command("update")
def update_policy(
    directory: Directory,
    file: Annotated[Path, typer.Option(help="The holder's next policy: one version on, signed by the root keys.")],
    accept: Annotated[
        str | None, typer.Option(help="Its fingerprint, told over another channel: without it nothing changes.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what the holder's next limits would change; with --accept, let them take effect at the next start."""
    from sandbox.actions.policy import accept_next, examine_next
    from sandbox.actions.policy_files import digest_policies, read_policies
    from sandbox.errors import Conflict
    from sandbox.worker.wiring import open_holder_policy, open_store

    settings = settings_of(directory)
    root, current = open_holder_policy(settings)
    following = examine_next(current, root, digest_policies(read_policies(settings.policies)), read_file(file))
    if accept is not None:
        if is_running(settings):
            raise Conflict("node-running", "The node is running with the present policy; stop it, then accept.")
        store = open_store(settings)
        accept_next(store, settings.directory, following, accept, now())
        store.close()
    else:
        say("Nothing has changed. Compare the fingerprint with the holder's word, then repeat with --accept.")
    shown = {"fingerprint": following.digest, "changes": list(following.changes), "accepted": accept is not None}
    emit(shown, as_json)


@roster.command("list")
def list_(directory: Directory, as_json: JsonFlag = False) -> None:
    """List the rosters that this node has seen, with members and the moment from which each counts."""
    from sandbox.actions.rosters import list_rosters
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    store = open_store(settings)
    rosters = list_rosters(store, open_trust(settings).root)
    store.close()
    emit({"rosters": rosters}, as_json)


@roster.command("add")
def add(
    directory: Directory,
    file: Annotated[Path, typer.Argument(help="A roster, signed by its office.")],
    as_json: JsonFlag = False,
) -> None:
    """Let the node see a roster before the first order brings it: its delay begins now."""
    from sandbox.actions.rosters import add_roster
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    store = open_store(settings)
    digest = add_roster(store, open_trust(settings).root, read_file(file), now())
    store.close()
    emit({"digest": digest}, as_json)


@roster.command("accept")
def accept(directory: Directory, digest: Digest, reason: Reason, as_json: JsonFlag = False) -> None:
    """Let a roster count from now on, before its delay is over."""
    _decide(directory, digest, reason, as_json, accept=True)


@roster.command("reject")
def reject(directory: Directory, digest: Digest, reason: Reason, as_json: JsonFlag = False) -> None:
    """Never let a roster count here, such as one that a stolen office key signed."""
    _decide(directory, digest, reason, as_json, accept=False)


def _decide(directory: Path, digest: str, reason: str, as_json: bool, *, accept: bool) -> None:
    from sandbox.actions.rosters import decide_roster
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    store = open_store(settings)
    decided = decide_roster(store, open_trust(settings).root, digest, reason, now(), accept=accept)
    store.close()
    emit(decided, as_json)
