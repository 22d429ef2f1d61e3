"""What a machine needs, checked one thing at a time. Each check returns a finding; none changes anything."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from client.errors import Unreachable

PYTHON: Final = (3, 11)
DISK_BYTES: Final = 3 * 1024**3
TMPFS_BYTES: Final = 64 * 1024**2
CLOCK_SECONDS: Final = 30.0
MEMORY: Final = Path("/dev/shm")  # noqa: S108  the question is about this very folder
PATIENCE_SECONDS: Final = 5.0
DEFAULT_ENGINE: Final = "unix:///var/run/docker.sock"
DEFAULT_REDIS: Final = "redis://127.0.0.1:6379/0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: what was looked at, what was found, and what to do if it is not well."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


Check = Callable[[], Finding]


def python() -> Finding:
    """The interpreter is new enough."""
    found = sys.version_info[:3]
    text = ".".join(str(part) for part in found)
    return Finding(check="python", ok=found[:2] >= PYTHON, found=text, remedy="Install Python 3.11 or newer.")


def engine() -> Finding:
    """A Docker engine answers."""
    address = os.environ.get("DOCKER_HOST", DEFAULT_ENGINE)
    remedy = "Start Docker, or let DOCKER_HOST name an engine you may use (`make demo` starts a private one)."
    try:
        version = _engine("/version")
    except (httpx.HTTPError, ValueError) as problem:
        return Finding(check="engine", ok=False, found=f"{address}: {problem}", remedy=remedy)
    return Finding(check="engine", ok=True, found=f"{address}: Docker {version.get('Version', '?')}", remedy=remedy)


def seccomp() -> Finding:
    """The engine filters system calls; without it a chamber is not sealed."""
    remedy = "Use a kernel and an engine with seccomp; chambers are refused without it."
    try:
        options = _engine("/info").get("SecurityOptions") or []
    except (httpx.HTTPError, ValueError):
        return Finding(check="seccomp", ok=False, found="the engine does not answer", remedy=remedy)
    filtered = any("name=seccomp" in option for option in options)
    return Finding(check="seccomp", ok=filtered, found="on" if filtered else "off", remedy=remedy)


def redis() -> Finding:
    """A Redis answers to PING."""
    url = os.environ.get("SAFECONDUCT_REDIS_URL", DEFAULT_REDIS)
    remedy = "Start Redis and let SAFECONDUCT_REDIS_URL name it (`make demo` starts a private one)."
    try:
        answer = _ping(url)
    except OSError as problem:
        return Finding(check="redis", ok=False, found=f"{_bare(url)}: {problem}", remedy=remedy)
    well = answer.startswith((b"+PONG", b"-NOAUTH"))
    return Finding(check="redis", ok=well, found=_bare(url), remedy=remedy)


def disk(folder: Path) -> Finding:
    """There is room for an image archive and a few cohorts."""
    free = shutil.disk_usage(folder).free
    return Finding(
        check="disk",
        ok=free >= DISK_BYTES,
        found=f"{free / 1024**3:.1f} GiB free at {folder.resolve()}",
        remedy=f"Free {DISK_BYTES // 1024**3} GiB, or work on another disk.",
    )


def tmpfs() -> Finding:
    """Chamber outputs live in memory only; that needs a writable /dev/shm."""
    folder = MEMORY
    remedy = "Mount a tmpfs at /dev/shm (in a container: --shm-size=256m)."
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as problem:
        return Finding(check="tmpfs", ok=False, found=f"{folder}: {problem.strerror}", remedy=remedy)
    return Finding(check="tmpfs", ok=free >= TMPFS_BYTES, found=f"{folder}: {free // 1024**2} MiB free", remedy=remedy)


def registry(url: str) -> tuple[Finding, Finding]:
    """The registry answers, and its clock and ours agree (windows and expiries depend on it)."""
    remedy = f"Check the address {url} and that the registry runs (`safeconduct registry run`)."
    try:
        answer = httpx.get(f"{url.rstrip('/')}/healthz", timeout=PATIENCE_SECONDS)
    except httpx.HTTPError as problem:
        found = str(problem) or type(problem).__name__
        unknown = "not known: the registry does not answer"
        return (
            Finding(check="registry", ok=False, found=found, remedy=remedy),
            Finding(check="clock", ok=False, found=unknown, remedy=remedy),
        )
    reached = Finding(check="registry", ok=answer.is_success, found=f"{url}: {answer.status_code}", remedy=remedy)
    return reached, _clock(answer.headers.get("date"))


def clock_alone() -> Finding:
    """Without a registry only nonsense can be seen: a clock before this software was written."""
    now = datetime.now(UTC)
    well = now.year >= 2026
    found = f"{now:%Y-%m-%d %H:%M:%SZ}, not compared: no registry is named"
    return Finding(check="clock", ok=well, found=found, remedy="Set the clock; use NTP.")


def _clock(date: str | None) -> Finding:
    remedy = "Set the clock; use NTP. Orders and documents are valid in windows of time."
    if date is None:
        return Finding(check="clock", ok=False, found="the registry says no time", remedy=remedy)
    apart = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    return Finding(check="clock", ok=apart <= CLOCK_SECONDS, found=f"{apart:.0f} s from the registry's", remedy=remedy)


def engine_image_id(image: str) -> str | None:
    """Return the engine's ID of an image that it holds, None if it holds none of that name.

    Raises Unreachable when no engine answers.
    """
    try:
        return str(_engine(f"/images/{image}/json")["Id"])
    except httpx.HTTPStatusError:
        return None
    except httpx.HTTPError as problem:
        sentence = f"No Docker engine answers ({problem}). Run `safeconduct doctor` for the remedy."
        raise Unreachable("engine-unreachable", sentence) from problem


def _engine(path: str) -> dict[str, Any]:
    parts = urlsplit(os.environ.get("DOCKER_HOST", DEFAULT_ENGINE))
    if parts.scheme == "unix":
        transport, base = httpx.HTTPTransport(uds=parts.path), "http://engine"
    else:
        transport, base = httpx.HTTPTransport(), f"http://{parts.netloc}"
    with httpx.Client(transport=transport, base_url=base, timeout=PATIENCE_SECONDS) as client:
        return dict(client.get(path).raise_for_status().json())


def _ping(url: str) -> bytes:
    parts = urlsplit(url)
    if parts.scheme in ("redis+socket", "unix"):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(PATIENCE_SECONDS)
        link.connect(parts.path)
    else:
        link = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), PATIENCE_SECONDS)
    with link:
        link.sendall(b"PING\r\n")
        return link.recv(64)


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
