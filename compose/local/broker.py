"""A Redis: the one that SAFECONDUCT_REDIS_URL names if it answers, else a process of our own on a unix socket.

Ours keeps an append-only file (at most a second of doorbells is lost with the power; the database is the truth) and
never evicts: a queue that forgets is worse than one that is full.
"""

import contextlib
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import daemons
from errors import CannotSetUp
from machine import Machine, say

START_SECONDS = 20
ANSWER_SECONDS = 3
DEFAULT_PORT = 6379
SERVERS = ("redis-server", "valkey-server")


def needs(machine: Machine) -> list[str]:
    """Return the packages to install first; refuse when no Redis answers and no server can be had."""
    if _answering(machine) or _server():
        return []
    if not machine.can_install:
        raise CannotSetUp(
            "No Redis answers and none is installed: set SAFECONDUCT_REDIS_URL to one, or install the package "
            "redis-server, and run this again."
        )
    return ["redis-server"]


def prepare(machine: Machine) -> dict[str, str]:
    """Find the Redis or start ours."""
    url = _answering(machine)
    if url is None:
        say("Redis", "starting our own under .run")
        _start(machine)
        url = _our_url(machine)
    whose = "ours" if url == _our_url(machine) else "the one that was already there"
    say("Redis", f"{whose} answers at {_without_password(url)}")
    return {"SAFECONDUCT_REDIS_URL": url}


def remove(machine: Machine) -> None:
    """End our Redis; one that was already there is left alone."""
    if daemons.stop(machine, "redis"):
        say("Redis", "ended our Redis")


def _server() -> str | None:
    return next((found for name in SERVERS if (found := shutil.which(name))), None)


def _our_url(machine: Machine) -> str:
    return f"redis+socket://{machine.sockets}/redis.sock"


def _answering(machine: Machine) -> str | None:
    urls = (machine.environment.get("SAFECONDUCT_REDIS_URL", ""), _our_url(machine))
    return next((url for url in urls if url and answers(url)), None)


def answers(url: str) -> bool:
    """Whether a Redis accepts the password that the address holds, if any, and says PONG."""
    parts = urlsplit(url)
    credentials = [unquote(part) for part in (parts.username, parts.password) if part]
    commands = [["AUTH", *credentials], ["PING"]] if credentials else [["PING"]]
    with contextlib.suppress(OSError), _connect(url) as connection:
        connection.sendall(b"".join(map(_encoded, commands)))
        replies = connection.makefile("rb")
        return [replies.readline() for _ in commands][-1] == b"+PONG\r\n"
    return False


def _encoded(words: Sequence[str]) -> bytes:
    """Encode a command for the wire (RESP): an array of strings, each with its length."""
    strings = [word.encode() for word in words]
    return b"*%d\r\n" % len(strings) + b"".join(b"$%d\r\n%s\r\n" % (len(text), text) for text in strings)


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme != "unix" and "socket" not in parts.scheme:
        return socket.create_connection((parts.hostname or "localhost", parts.port or DEFAULT_PORT), ANSWER_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(parts.path)
    except OSError:
        connection.close()
        raise
    return connection


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":…@") if password else url


def _start(machine: Machine) -> None:
    server = _server()
    if server is None:
        raise CannotSetUp("No redis-server was found after its package was installed.")
    folder = machine.run / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = Path(_our_url(machine).removeprefix("redis+socket://"))
    where = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(folder)]
    keep = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"]
    command = [server, *where, *keep, "--daemonize", "no"]
    daemons.start(machine, "redis", command, lambda: answers(_our_url(machine)), as_root=False, seconds=START_SECONDS)
