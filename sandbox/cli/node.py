"""`safeconduct node`: make a node beside its data, offer datasets, run it, look at it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.cli import backup
from sandbox.cli.admin import app as admin
from sandbox.cli.common import Directory, JsonFlag, emit, is_running, now, read_file, say, settings_of
from sandbox.cli.doctor import doctor
from sandbox.cli.metrics import metrics
from sandbox.cli.operate import COMMANDS
from sandbox.cli.parts import run
from sandbox.cli.rehearsal_node import rehearse
from sandbox.cli.trust import policy as policy_app
from sandbox.cli.trust import roster, trust_root

if TYPE_CHECKING:
    from protocol.crypto.keys import PrivateKey

app = typer.Typer(help="Run a node beside its data.", no_args_is_help=True, rich_markup_mode=None)
dataset = typer.Typer(help="Offer data to approved algorithms.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(dataset, name="dataset")
app.add_typer(trust_root, name="trust-root")
app.add_typer(policy_app, name="policy")
app.add_typer(roster, name="roster")
app.add_typer(admin, name="admin")
for verb, command in (COMMANDS | backup.COMMANDS).items():
    app.command(verb)(command)
for command in (run, doctor, metrics, rehearse):
    app.command()(command)

POLICY_FOLDER = Path(__file__).parents[2] / "policies"


@app.callback()
def _noun() -> None:
    """Run a node beside its data."""


@app.command()
def init(
    directory: Directory,
    name: Annotated[str, typer.Option(help="Identifier of the node, such as node-fi.")],
    country: Annotated[str, typer.Option(help="Two-letter country code, such as FI.")],
    registry: Annotated[str, typer.Option(help="Address of the registry.")],
    trust_root: Annotated[Path, typer.Option(help="The holder's signed trust root.")],
    fingerprint: Annotated[str, typer.Option(help="Its fingerprint, told over another channel.")],
    policy: Annotated[Path, typer.Option(help="The holder's limits: TOML or JSON to be signed here, or signed.")],
    holder_key: Annotated[
        list[Path] | None, typer.Option(help="A root key of the holder, to sign the policy; repeat for several.")
    ] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="File with the passphrase of those keys.")] = None,
    key_passphrase_file: Annotated[
        Path | None, typer.Option(help="Encrypt the node's own key; the node reads this file at each start.")
    ] = None,
    office: Annotated[
        str | None, typer.Option(help="Who accredits this node, if the trust root knows several.")
    ] = None,
    policies: Annotated[Path, typer.Option(help="Folder of Cedar policies.")] = POLICY_FOLDER,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many jobs may be worked on at once.")] = 2,
    as_json: JsonFlag = False,
) -> None:
    """Make a node: keys, pinned trust, signed policy. Prints what an office needs to accredit it."""
    from sandbox.actions.init import NewNode, init_node

    settings: dict[str, str | int | float] = {
        "node": name,
        "country": country.upper(),
        "registry": registry.rstrip("/"),
        "fingerprint": fingerprint.replace(":", "").replace(" ", "").lower(),
        "worker_concurrency": workers,
    }
    if key_passphrase_file:
        settings["key_passphrase_file"] = str(key_passphrase_file.absolute())
    new = NewNode(
        directory=directory,
        name=name,
        country=country.upper(),
        trust_root=read_file(trust_root),
        fingerprint=fingerprint,
        policy=read_file(policy),
        policies=policies,
        holder_keys=[load_key(path, passphrase_file) for path in holder_key or []],
        settings=settings,
        office=office,
        key_passphrase=read_file(key_passphrase_file).rstrip(b"\r\n") if key_passphrase_file else None,
    )
    request = init_node(new, now())
    say(f"Node {name} is made in {directory}. An office must accredit it before it can speak to the registry.")
    emit(request, as_json)


@dataset.command("add")
def dataset_add(
    directory: Directory,
    dataset_id: Annotated[str, typer.Option("--id", help="Identifier of the dataset.")],
    vcf: Annotated[Path, typer.Option(help="Genotypes: VCF or BCF, bgzipped, sorted, indexed.")],
    samples: Annotated[Path, typer.Option(help="Sample table: Parquet, CSV or TSV.")],
    people_rounded: Annotated[int, typer.Option(min=1, help="The public, rounded number of people.")],
    duo: Annotated[list[str], typer.Option(help="A Data Use Ontology code; repeat for several.")],
    diagnoses: Annotated[Path | None, typer.Option(help="Table of diagnoses.")] = None,
    pedigree: Annotated[Path | None, typer.Option(help="Pedigree (.ped): families become the privacy unit.")] = None,
    sites: Annotated[Path | None, typer.Option(help="Public list of sites.")] = None,
    unit: Annotated[str | None, typer.Option(help="family or person; family where there is a pedigree.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Public number of units; else the number of people.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="NAME:number[:PLACES] or NAME:CAT|CAT…; repeat.")] = None,
    diagnosis_code: Annotated[list[str] | None, typer.Option(help="An ICD-10 code to offer; else all.")] = None,
    assembly: Annotated[str, typer.Option(help="Reference assembly.")] = "GRCh38",
    as_json: JsonFlag = False,
) -> None:
    """Ingest a dataset as a new snapshot, and offer it at the registry with the node's next poll."""
    from sandbox.actions.add_dataset import NewDataset, Shelf, add_dataset
    from sandbox.actions.clock import GuardedClock, wall_clock
    from sandbox.cli.columns import read_columns
    from sandbox.domain.dataset import Unit
    from sandbox.errors import BadInput
    from sandbox.store.dataset import facts_to_json
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    chosen = unit or ("family" if pedigree else "person")
    if chosen not in ("family", "person"):
        raise BadInput("unit-unknown", f"The privacy unit is family or person, not {chosen!r}.")
    policy = open_trust(settings).policy
    new = NewDataset(
        dataset=dataset_id,
        vcf=vcf,
        samples=samples,
        diagnoses=diagnoses,
        pedigree=pedigree,
        sites=sites,
        people=people_rounded,
        slots=slots or people_rounded,
        unit=Unit(chosen),
        maximum_family_size=policy.maximum_family_size if chosen == "family" else 1,
        columns=read_columns(column or []),
        diagnosis_codes=tuple(diagnosis_code) if diagnosis_code else None,
        duo=tuple(duo),
        country=settings.country,
        assembly=assembly,
    )
    store = open_store(settings)
    shelf = Shelf(
        store=store,
        clock=GuardedClock(store, wall_clock),
        datasets=settings.directory / "datasets",
        keys=settings.keys,
    )
    facts = add_dataset(shelf, new)
    store.close()
    emit(facts_to_json(facts), as_json)


@app.command()
def status(directory: Directory, as_json: JsonFlag = False) -> None:
    """Show jobs with their reasons, datasets with their budgets, and whether the node runs."""
    from sandbox.actions.status import read_status
    from sandbox.actions.watch_log import read_log
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    store, trust = open_store(settings), open_trust(settings)
    found = read_status(store, trust.policy, now()) | {"log": read_log(store, trust.root)}
    store.close()
    emit({"node": settings.node, "country": settings.country, "running": is_running(settings), **found}, as_json)


@app.command()
def deliver(
    directory: Directory,
    bundle: Annotated[Path, typer.Argument(help="An order with its evidence, as the registry hands it out.")],
    as_json: JsonFlag = False,
) -> None:
    """Hand an order over by file instead of through the registry; the running node takes it from there."""
    from sandbox.actions.intake import take_in
    from sandbox.worker.wiring import open_node

    node = open_node(settings_of(directory))
    outcome, order = take_in(node, read_file(bundle))
    node.store.close()
    emit({"outcome": outcome.value, "order": order}, as_json)


@app.command()
def receipt(
    directory: Directory,
    order: Annotated[str, typer.Argument(help="The order's id.")],
) -> None:
    """Print the signed receipt of an order, byte for byte."""
    from sandbox.actions.status import sealed_receipt
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    sys.stdout.buffer.write(sealed_receipt(store, order, now()) + b"\n")
    store.close()


@app.command("lift-quarantine")
def lift_quarantine(
    directory: Directory,
    algorithm: Annotated[str, typer.Argument(help="The algorithm's digest.")],
    reason: Annotated[str, typer.Option(help="What you found; kept in the audit.")],
    as_json: JsonFlag = False,
) -> None:
    """Let an algorithm run again after a job of it failed and somebody looked why."""
    from sandbox.actions.cancel import lift
    from sandbox.worker.wiring import open_store

    store = open_store(settings_of(directory))
    lift(store, algorithm, reason, now())
    store.close()
    emit({"algorithm": algorithm, "quarantined": False}, as_json)


@app.command("accept-log")
def accept_log(
    directory: Directory,
    reason: Annotated[str, typer.Option(help="Why the registry's log may be believed again; kept in the audit.")],
    as_json: JsonFlag = False,
) -> None:
    """Forget the log that this node has seen, and its alarm; the next checkpoint is taken as the first."""
    from sandbox.actions import watch_log
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    store = open_store(settings)
    forgotten = watch_log.accept_log(store, open_trust(settings).root, reason, now())
    store.close()
    emit({"accepted": True, "forgotten": forgotten}, as_json)


def load_key(path: Path, passphrase_file: Path | None) -> PrivateKey:
    """Open a private key of a person."""
    from protocol.crypto.keys import load_private

    passphrase = read_file(passphrase_file).rstrip(b"\r\n") if passphrase_file else None
    return load_private(read_file(path), passphrase)
