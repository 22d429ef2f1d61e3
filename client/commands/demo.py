"""`safeconduct demo`: the main job on this machine, told as it happens, with nothing pretended but the people.

    1 prepare    cohorts are made (or found again), images are built, keys and papers are signed
    2 start      a registry and the nodes start as programs of their own
    3 propose    a researcher signs and submits        4 review   two of three committee members approve
    5 order      one signed order per node             6 run      chambers, gate, sealed releases
    7 results    verified, decrypted, beside the truth 8 statistic the same question, by the nodes' own code
    9 refusals   six attempts that must fail          10 verify    every receipt, offline

The exit code is the story's success: 0 if everything that it promises was so.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer

from client.commands.demo_plan import FULL_BLOCKS, Programme
from client.commands.demo_plan import synthetic as synthetic_programme
from client.console import JsonFlag
from client.errors import FAILED, Conflict, UsageProblem

app = typer.Typer(help="See the whole story on this machine.", add_completion=False, rich_markup_mode=None)

MARK: Final = ".safeconduct-demo"
FULL_PEOPLE: Final = 12_000
BASE_VARIABLE: Final = "SAFECONDUCT_BASE_IMAGE"


@app.command()
def demo(
    json_file: Annotated[Path | None, typer.Option(help="Write what happened to this file, for programs.")] = None,
    genomes: Annotated[Path | None, typer.Option(help="Folder with the 1000 Genomes data: run on real people.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the performance and of what it keeps.")] = Path(".run"),
    people: Annotated[int, typer.Option(help="People in each of the three synthetic countries.")] = FULL_PEOPLE,
    blocks: Annotated[int, typer.Option(help="Blocks of the association at each node.")] = FULL_BLOCKS,
    base: Annotated[str | None, typer.Option(envvar=BASE_VARIABLE, help="Image the algorithms are built on.")] = None,
    stay: Annotated[
        bool | None, typer.Option(help="Leave everything open afterwards until Enter; without it, at a terminal only.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the whole story: three countries, one approved question, six refusals, receipts that verify offline."""
    if base is None:
        raise UsageProblem("no-base-image", f"Run `make demo`, or let {BASE_VARIABLE} name the algorithms' base image.")
    programme = genome_programme(genomes) if genomes else synthetic_programme(people, blocks)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, _interrupt)
    told = perform(programme, out.resolve(), base, stay=stays(stay), narrate_on_stderr=as_json)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print(json.dumps(told, indent=2))
    if not told["success"]:
        raise typer.Exit(FAILED)


def genome_programme(source: Path) -> Programme:
    """Return the programme on published genomes."""
    from client.commands.demo_genomes import programme

    return programme(source.resolve())


def perform(programme: Programme, out: Path, base: str, *, stay: bool, narrate_on_stderr: bool) -> dict[str, Any]:
    """Perform a programme from the first key to the last receipt, and return what happened."""
    from client.commands.demo_acts import Acts
    from client.commands.demo_cache import Cache
    from client.commands.demo_programs import Programs
    from client.commands.demo_stage import Stage
    from client.commands.demo_story import Story
    from client.commands.demo_tour import stay_open
    from client.commands.demo_world import World

    stage = Stage(sys.stderr if narrate_on_stderr else sys.stdout)
    with alone(out):
        run = fresh_folder(out / "demo")
        programs = Programs(logs=run / "logs")
        world = World(run, Cache(out / "cache"), programs, base)
        acts = Acts(Story(stage, programme, world))
        with closing(world), programs:
            acts.perform()
            if stay:
                stay_open(acts.story)
            told = acts.report()
    return {"success": not stage.broken_promises, "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **told}


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep a folder to one performance at a time."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("demo-running", f"A demo runs in {out} already. Wait for its end, or use --out.") from error
        yield


def fresh_folder(folder: Path) -> Path:
    """Return an empty folder for this performance; only one that an earlier performance made is cleared."""
    if folder.exists() and not (folder / MARK).exists():
        raise UsageProblem("demo-folder", f"{folder} is not a demo's folder, so it is kept. Choose another with --out.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    (folder / MARK).touch()
    return folder


def stays(wished: bool | None) -> bool:
    """Say whether everything stays open at the end: as wished, else for a person at a terminal and nobody else."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI") if wished is None else wished


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
