"""A rehearsal in a process of its own, which can be ended at any time: it has the program, no key and no registry.

`python -m sandbox.cli.rehearsing …` takes the words of `algorithm rehearse` and prints the report; what kept it from
rehearsing at all is the last line of its stderr, as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from protocol.documents.amount import write_nano
from protocol.errors import SafeconductError

if TYPE_CHECKING:
    from protocol.documents.rehearsal import Rehearsal
    from sandbox.actions.rehearsal_report import Rehearser
    from sandbox.actions.rehearse import Request

GRACE_SECONDS = 300.0  # for what is no chamber: making the twin, loading the image, the gate
PROBLEM_BYTES = 4096


def rehearse_apart(request: Request, folder: Path, who: Rehearser, environment: Mapping[str, str]) -> Rehearsal:
    """Rehearse in a process of its own with the files of `folder`, and leave nothing of it on this machine.

    Refused: what took too long (`rehearsal-time`). Raises `BadInput` for what cannot be rehearsed like this, and
    `InfrastructureLost` where the machine failed.
    """
    from sandbox.actions.rehearsal_report import check_report
    from sandbox.errors import Refused

    command = [sys.executable, "-m", "sandbox.cli.rehearsing", *_words(request, folder, who)]
    out, problems = folder / "report.json", folder / "problems"
    clean = _cleaner(request, environment)
    with out.open("wb") as stdout, problems.open("wb") as stderr:
        child = subprocess.Popen(  # noqa: S603  our own program, on files of our own making
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment, start_new_session=True
        )
        try:
            child.wait(request.seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Refused("rehearsal-time", "The rehearsal did not end in its time, and was ended.") from None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            clean(child.pid)
    if not out.stat().st_size:
        _tell_apart(problems, child.returncode)
    return check_report(out.read_bytes(), request, who)


def _words(request: Request, folder: Path, who: Rehearser) -> list[str]:
    """What is told to the process, on files that are written for it."""
    files = {
        "--catalogue": request.entry.model_dump(mode="json"),
        "--policy": request.policy.model_dump(mode="json"),
        "--params": dict(request.parameters),
    }
    words = [str(folder), "--build", str(folder), "--by", who.name, "--as", who.kind, "--json"]
    for option, content in files.items():
        path = folder / f"{option.strip('-')}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        words += [option, str(path)]
    words += ["--rho", write_nano(request.rho_nano)]
    words += ["--blocks", str(request.blocks)] if request.blocks else []
    return [*words, "--seed", str(request.seed), "--seconds", str(request.seconds)]


def _cleaner(request: Request, environment: Mapping[str, str]) -> Callable[[int], None]:
    """What cleans up after a process that was killed, and could not do so itself: containers, image, memory."""
    from sandbox.chambers.engine_runtime import EngineRuntime
    from sandbox.cli.rehearse import MEMORY, NAME
    from sandbox.errors import InfrastructureLost

    url, identity = environment["DOCKER_HOST"], request.proposal.algorithm.image
    was_there = identity is None or EngineRuntime(url, "").find_image(identity) is not None

    def clean(process: int) -> None:
        runtime = EngineRuntime(url, NAME.format(process=process))
        runtime.reap(())
        left = None if was_there or identity is None else runtime.find_image(identity)
        if left is not None:
            with suppress(InfrastructureLost):  # somebody else uses it by now: then it is theirs to remove
                runtime.remove_image(left)
        for folder in MEMORY.glob(f"safeconduct-rehearsal-{process}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    return clean


def _tell_apart(problems: Path, code: int) -> NoReturn:
    """Raise what kept the process from rehearsing: what was asked for, or this machine."""
    from sandbox.errors import BadInput, InfrastructureLost, Refused

    lines = problems.read_bytes()[-PROBLEM_BYTES:].decode("utf-8", "replace").splitlines() or [""]
    try:
        told = json.loads(lines[-1])
        kind = {"BadInput": BadInput, "Refused": Refused}.get(told["kind"], InfrastructureLost)
        problem = kind(str(told["code"]), str(told["sentence"]))
    except (ValueError, KeyError, TypeError):
        sentence = f"The rehearsal ended with {code}, and said last: {lines[-1][:200]!r}."
        problem = InfrastructureLost("rehearsal-lost", sentence)
    raise problem


def main() -> int:
    """Run `algorithm rehearse` with the words of the command line; an unfit algorithm is a success here."""
    from sandbox.cli.rehearse import app
    from sandbox.errors import NotFit

    try:
        app(standalone_mode=False)
    except NotFit:
        return 0
    except SafeconductError as error:
        kind = type(error).__name__
        print(json.dumps({"kind": kind, "code": error.code, "sentence": error.sentence}), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
