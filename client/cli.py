"""The `safeconduct` command: nouns and verbs of all programs in one place.

A noun is loaded only when it is used: `safeconduct --help` and the light commands start without the libraries of the
registry and the node. The nouns of the other programs are found by the entry point group `safeconduct.commands`, so
no program imports another; an entry point `noun.verb` adds a verb to a noun that another program owns. Data goes to
stdout, narration to stderr, and an expected error is one sentence with its code and an exit code (see `client.errors`),
never a traceback.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from client.errors import FAILED, ClientError, exit_code
from protocol.errors import SafeconductError

GROUP: Final = "safeconduct.commands"

COMPLETION: Final = frozenset({"install_completion", "show_completion"})  # belong to a root command only

# noun -> (module, what it is for). In the order in which a person meets them.
OWN: Final[dict[str, tuple[str, str]]] = {
    "demo": ("client.commands.demo", "See the whole story on this machine: three nodes, one question, six refusals."),
    "doctor": ("client.commands.doctor", "Check what this machine needs, with a remedy for what is missing."),
    "profile": ("client.commands.profile", "Say who you are: registry, person, keys."),
    "key": ("client.commands.key", "Make the keys you sign and receive with."),
    "algorithm": ("client.commands.algorithm", "Write, build, sign and submit an algorithm."),
    "review": ("client.commands.review", "Read what is proposed, and sign your decision."),
    "job": ("client.commands.job", "Order a run at one or many nodes, watch it, read the answer."),
    "verify": ("client.commands.verify", "Check signed documents offline."),
    "log": ("client.commands.log", "Check the registry's transparency log."),
    "accreditation": ("client.commands.accreditation", "Say who is who (accreditation office)."),
    "roster": ("client.commands.roster", "Say who sits in a committee (accreditation office)."),
    "status": ("client.commands.status", "Say what is revoked (accreditation office)."),
    "trust-root": ("client.commands.trust_root", "Say whom a node believes (data holder)."),
}
THEIRS: Final[dict[str, str]] = {
    "registry": "Run the registry.",
    "node": "Run a node beside its data.",
    "data": "Make synthetic cohorts.",
    "ledger": "See what a node has spent.",
}
#: Verbs that another program adds to a noun, as `noun.verb`.
VERBS: Final[dict[str, str]] = {
    "algorithm.accuracy": "See what an answer would be worth for several choices, before anything is spent.",
    "algorithm.rehearse": "Run an algorithm as a node would, on synthetic data, and see what is hidden on real data.",
}


class Nouns(TyperGroup):
    """The root group. It lists every noun and imports the one that is used."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the signature is typer's
        return [*OWN, *sorted(name for name in _theirs() if name not in OWN and "." not in name)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that knows its name and its help: enough to be listed."""
        if cmd_name not in self.list_commands(ctx):
            return None
        summary = OWN[cmd_name][1] if cmd_name in OWN else THEIRS.get(cmd_name, "")
        return TyperCommand(cmd_name, help=summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the noun that is about to be used."""
        if args and args[0] in self.list_commands(ctx):
            return args[0], load(args[0]), args[1:]
        return super().resolve_command(ctx, args)


class Borrowed(TyperCommand):
    """A stand-in for another program's verb under one of our nouns: the verb is imported when it is used."""

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        """Read the command line as the verb itself does."""
        return _load(f"{parent.info_name}.{self.name}").make_context(info_name, args, parent, **extra)


app = typer.Typer(cls=Nouns, name="safeconduct", no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("safeconduct"))
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Send an approved algorithm to the data; bring back only a differentially private answer."""


def load(noun: str) -> Any:
    """Import a noun's commands, with the verbs that other programs add to it, and return them as one command."""
    command = _load(noun)
    for name in _theirs():
        owner, _, verb = name.partition(".")
        if owner == noun and verb:
            command.add_command(Borrowed(verb, help=VERBS.get(name, "")))
    return command


def _load(name: str) -> Any:
    """Import what one name of the tables, or one entry point, stands for, as one command."""
    noun = name.replace(".", " ")
    try:
        found = importlib.import_module(OWN[name][0]).app if name in OWN else _theirs()[name].load()
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] in {"client", "protocol", "registry", "sandbox"}:
            raise
        sentence = (
            f"`safeconduct {noun}` needs the Python package {missing.name}, which is not installed here. "
            "Install safeconduct with the extra that brings it (registry, sandbox or client)."
        )
        raise ClientError("not-installed", sentence) from missing
    except AttributeError as stale:
        sentence = f"`safeconduct {noun}` is not where the installation says ({stale}). Install safeconduct again."
        raise ClientError("installation-stale", sentence) from stale
    command = typer.main.get_command(found)
    command.name = noun.rpartition(" ")[2]
    command.params = [param for param in command.params if param.name not in COMPLETION]
    return command


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        typer.main.get_command(app).main(args=list(argv), prog_name="safeconduct")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except SafeconductError as error:
        return _say(error.code, error.sentence, exit_code(error), argv)
    except KeyboardInterrupt:
        return _say("interrupted", "Stopped at your request.", 130, argv)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return _say("file-problem", _os_sentence(error), FAILED, argv)
    return 0


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


@cache
def _theirs() -> dict[str, Any]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _os_sentence(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}. Check the path, its permissions and the free space, then try again."


def _say(code: str, sentence: str, exit_with: int, argv: Sequence[str]) -> int:
    if "--json" in argv:
        print(json.dumps({"code": code, "sentence": sentence, "exit_code": exit_with}), file=sys.stderr)
    else:
        print(f"safeconduct: {sentence} [{code}]", file=sys.stderr)
    return exit_with


if __name__ == "__main__":
    main()
