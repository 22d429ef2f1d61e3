"""`safeconduct algorithm rehearse`: the node's own chambers and gate, on synthetic data, with nothing hidden."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from sandbox.cli.algorithm import (
    DEFAULT_LIMITS,
    POLICY_FOLDER,
    FamilySize,
    Limits,
    Param,
    Params,
    Spec,
    nano,
    parameters_of,
)
from sandbox.cli.common import JsonFlag, now, read_file, say

if TYPE_CHECKING:
    from protocol.documents.catalogue import CatalogueEntry
    from protocol.documents.rehearsal import Rehearsal
    from sandbox.actions.rehearse import Machine, Progress

app = typer.Typer(add_completion=False, rich_markup_mode=None)

MEMORY = Path("/dev/shm")  # noqa: S108  folders of our own in it, made with random names
NOBODY = "nobody"
NAME = "rehearsal-{process}"  # of what this machine's engine and memory hold for a rehearsal
SECCOMP = {"standard": "seccomp.json", "strict": "seccomp-strict.json"}


@app.command("rehearse")
def rehearse(
    spec: Spec,
    rho: Annotated[str, typer.Option(help="Total rho of the order; split equally over the outputs.")],
    blocks: Annotated[int | None, typer.Option(min=1, help="How many blocks; 128 in block mode.")] = None,
    param: Param = None,
    params: Params = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="The dataset's catalogue entry, or a page of the registry's /datasets.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Which dataset of that page.")] = None,
    people: Annotated[int | None, typer.Option(min=1, help="Without a catalogue entry: how many people.")] = None,
    country: Annotated[str, typer.Option(help="Without a catalogue entry: whose reference frequencies.")] = "EU",
    family_size: FamilySize = 8,
    column: Annotated[
        list[str] | None, typer.Option(help="How a declared column is written: NAME:number[:PLACES] or NAME:ONE|TWO.")
    ] = None,
    policy: Limits = DEFAULT_LIMITS,
    built: Annotated[
        Path | None, typer.Option("--build", help="Folder of what was built; without it, build/NAME-VERSION.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same twin.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="How long all chambers may take together.")] = 3600,
    report: Annotated[Path | None, typer.Option(help="Write the signed report to this file.")] = None,
    key: Annotated[Path | None, typer.Option(help="Private key file to sign the report with.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="File with its passphrase.")] = None,
    by: Annotated[str, typer.Option(help="Who signs: a person's or a node's name.")] = NOBODY,
    by_kind: Annotated[str, typer.Option("--as", help="Whether that is a person or a node.")] = "person",
    as_json: JsonFlag = False,
) -> None:
    """Run an algorithm as a node would, on a synthetic twin of a dataset, and show everything that is hidden there.

    Needs no data and spends nothing. It ends with 0 if the algorithm is fit to submit, with 5 if a node would refuse
    it, and with 6 if it has a fault.
    """
    from sandbox.actions.proposal import read_limits, read_proposal
    from sandbox.actions.rehearsal_report import Rehearser, make_report
    from sandbox.actions.rehearse import Request
    from sandbox.actions.rehearse import rehearse as run
    from sandbox.cli.columns import read_columns
    from sandbox.errors import BadInput

    if by_kind not in ("person", "node"):
        raise BadInput("kind-unknown", f"A report is signed by a person or a node, not by a {by_kind!r}.")
    if report and (key is None or by == NOBODY):
        raise BadInput("report-unsigned", "A report is signed: say with --by and --key who signs it.")
    proposal = read_proposal(spec, built)
    request = Request(
        proposal=proposal,
        entry=_entry(catalogue, dataset, people, country, proposal.algorithm.unit, family_size),
        policy=read_limits(policy),
        parameters=parameters_of(param, params),
        blocks=blocks or (128 if proposal.algorithm.mode == "block" else 0),
        rho_nano=nano(rho),
        seed=seed,
        seconds=seconds,
        declared=read_columns(column or []),
    )
    with _progress(as_json) as progress, open_machine(os.environ.get, request.policy.profile) as machine:
        done = run(request, machine, progress)
    who = Rehearser(
        name=by, kind=cast("Literal['person', 'node']", by_kind), software=software(), engine=machine.engine
    )
    made = make_report(request, done, who, now())
    if report and key:
        _sign(made, report, key, passphrase_file)
    if as_json:
        print(json.dumps(made.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        from sandbox.cli.rehearsal_tables import show

        show(made)
    _end(made, refused=done.refused is not None)


@contextmanager
def open_machine(setting: Callable[[str], str | None], profile: str) -> Iterator[Machine]:
    """Open this machine's chamber runtime, by the settings of the environment that a node reads as well.

    Profile `strict` has cells only, as at a node; there is no falling back from it.
    """
    from sandbox.actions.rehearse import Machine
    from sandbox.chambers.cell import CellRuntime
    from sandbox.chambers.container import ContainerRuntime
    from sandbox.chambers.preferred import PreferredRuntime
    from sandbox.chambers.runtime import ChamberRuntime
    from sandbox.chambers.watched import Watcher

    url = setting("DOCKER_HOST") or "unix:///var/run/docker.sock"
    name = NAME.format(process=os.getpid())
    supervisor = setting("SAFECONDUCT_SUPERVISOR")
    cells = bool(supervisor) and setting("SAFECONDUCT_CHAMBER_ENGINE") != "container"
    with tempfile.TemporaryDirectory(prefix=f"safeconduct-rehearsal-{os.getpid()}-", dir=MEMORY) as roots:
        runtime: ChamberRuntime = ContainerRuntime(url, name)
        if cells and supervisor:
            strict = profile == "strict"
            containers = runtime
            cell = CellRuntime(url, name, Path(supervisor), roots=Path(roots) if strict else None)
            runtime = cell if strict else PreferredRuntime(cell, lambda: containers)
        yield Machine(
            engine="cell" if cells else "container",
            runtime=runtime,
            start_watching=lambda work: Watcher(url, name, work).watch,
            memory=MEMORY,
            seccomp=(POLICY_FOLDER / SECCOMP[profile]).read_text(),
            oci_runtime=setting("SAFECONDUCT_OCI_RUNTIME") or "runc",
            lanes=min(os.cpu_count() or 1, 8),
        )


def _entry(
    catalogue: Path | None, dataset: str | None, people: int | None, country: str, unit: str, family_size: int
) -> CatalogueEntry:
    """The dataset's public facts: its catalogue entry, or a plain dataset of so many people."""
    from protocol.documents.catalogue import CatalogueEntry
    from protocol.documents.strict import build
    from sandbox.data.twin import read_entry
    from sandbox.errors import BadInput

    if catalogue:
        return read_entry(read_file(catalogue), dataset)
    if people is None:
        raise BadInput("dataset-missing", "Say for which dataset: --catalogue FILE, or --people N for a plain one.")
    from sandbox.data.reference import ASSEMBLY, VARIANTS

    fields: dict[str, Any] = {
        "dataset": "plain",
        "snapshot": "none",
        "country": country.upper(),
        "assembly": ASSEMBLY,
        "people": people,
        "slots": people,
        "unit": unit,
        "maximum_family_size": family_size if unit == "family" else 1,
        "columns": ["sex", "age", "dx_*"],
        "sites": len(VARIANTS),
        "variants": [one.rsid for one in VARIANTS],
        "duo": [],
    }
    return build(CatalogueEntry, fields)


@contextmanager
def _progress(as_json: bool) -> Iterator[Progress]:
    """Show how far it is: a bar on a terminal, a line for each part elsewhere, nothing for programs."""
    from rich.console import Console

    console = Console(stderr=True)
    if as_json:
        yield lambda _what, _done, _all: None
    elif not console.is_terminal:
        yield _lines()
    else:
        from rich.progress import Progress as Bars

        with Bars(*Bars.get_default_columns(), console=console, transient=True) as bars:
            tasks: dict[str, Any] = {}

            def show(what: str, done: int, of: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=of)
                bars.update(tasks[what], completed=done, total=of)

            yield show


def _lines() -> Progress:
    told: set[str] = set()

    def show(what: str, _done: int, of: int) -> None:
        if what not in told:
            told.add(what)
            say(f"{what.capitalize()}{f': {of}' if of > 1 else ''} …")

    return show


def _sign(made: Rehearsal, path: Path, key: Path, passphrase_file: Path | None) -> None:
    """Sign the report and write it, whole or not at all."""
    from protocol.crypto.keys import load_private
    from protocol.documents.envelope import sign_statement

    passphrase = read_file(passphrase_file).rstrip(b"\r\n") if passphrase_file else None
    signed = sign_statement(made, [load_private(read_file(key), passphrase)])
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        draft.write(signed)
    Path(draft.name).chmod(0o644)
    Path(draft.name).replace(path)
    say(f"The signed report is in {path}.")


def software() -> str:
    """This program and its version, as reports name it."""
    from importlib.metadata import version

    return f"safeconduct {version('safeconduct')}"


def _end(made: Rehearsal, *, refused: bool) -> None:
    """The exit code says whether the algorithm is fit to submit."""
    from sandbox.errors import NotFit, Refused

    if made.fit:
        return
    first = next(finding for finding in made.findings if finding.level == "fault")
    if refused:
        raise Refused(first.code, f"A node would refuse this order: {first.sentence}")
    raise NotFit(first.code, f"The algorithm is not fit to submit: {first.sentence}")
