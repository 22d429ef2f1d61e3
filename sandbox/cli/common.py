"""What the node's commands share: where results and narration go, and the node they are about."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sandbox.settings import Settings

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Directory = Annotated[Path, typer.Option("--dir", help="The node's directory.")]


def emit(data: dict[str, Any], as_json: bool) -> None:
    """Print a result: JSON for programs, `name: value` lines for people."""
    if as_json:
        print(json.dumps(data, indent=2, default=str, ensure_ascii=False))
        return
    for name, value in data.items():
        print(f"{name.replace('_', ' ')}: {_plain(value)}")


def say(text: str) -> None:
    """Tell the person at the terminal something; programs do not read this."""
    print(text, file=sys.stderr, flush=True)


def settings_of(directory: Path) -> Settings:
    """Read the settings of the node in a directory."""
    from sandbox.settings import load_settings

    return load_settings(directory)


def is_running(settings: Settings) -> bool:
    """Whether a process holds the lock that `node run` takes."""
    import fcntl

    from sandbox.worker.names import LOCK_FILE

    try:
        with (settings.run_directory / LOCK_FILE).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def now() -> dt.datetime:
    """The machine's clock, in UTC."""
    return dt.datetime.now(dt.UTC)


def is_address(host: str) -> bool:
    """Whether a host is named by number."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether what listens there is reached from this machine only."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def read_file(path: Path) -> bytes:
    """Read a file that a person named."""
    from sandbox.errors import BadInput

    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput("file-missing", f"{path} cannot be read; check the path.") from error


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items()) or "-"
    if isinstance(value, list):
        return "".join(f"\n  {_plain(item)}" for item in value) or "-"
    return "-" if value is None else str(value)
