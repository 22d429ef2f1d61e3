"""This machine as set-up sees it: where things go, with which rights, how commands are run and packages installed."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from errors import CannotSetUp

LONGEST_SOCKET_FOLDER = 60
"""Bytes. A unix socket's path ends at 107; the engine appends up to 45 of its own to the folder that we give it."""

APT_SECONDS = 900


@dataclass(frozen=True)
class Machine:
    """One checkout on one machine. All that set-up makes is in `.run` and `.venv` of the project's folder."""

    checkout: Path
    environment: Mapping[str, str]

    @property
    def run(self) -> Path:
        """The folder of what runs for this checkout."""
        return self.checkout / ".run"

    @property
    def venv(self) -> Path:
        """The folder of the virtual environment."""
        return self.checkout / ".venv"

    @property
    def name(self) -> str:
        """Tell this checkout from others on the same machine: 12 hexadecimal digits."""
        return hashlib.sha256(os.fsencode(self.checkout)).hexdigest()[:12]

    @property
    def sockets(self) -> Path:
        """The folder of sockets: `.run`, or a short one in the temporary folder where the checkout's path is long."""
        if len(os.fsencode(self.run)) <= LONGEST_SOCKET_FOLDER:
            return self.run
        return Path(tempfile.gettempdir()) / f"safeconduct-{os.getuid()}-{self.name}"

    def make_folders(self) -> None:
        """Make the folders private to this user; refuse a socket folder that somebody else put there first."""
        for folder in (self.run, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
            if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o022:
                raise CannotSetUp(f"{folder} belongs to somebody else or others may write to it: remove it.")

    @cached_property
    def root(self) -> tuple[str, ...] | None:
        """The words before a command that make it run as root: none for root; None when we have no such right."""
        if os.geteuid() == 0:
            return ()
        asked = ["sudo", "-n", "true"]
        if shutil.which("sudo") and subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return ("sudo", "-n")
        return None

    @property
    def can_install(self) -> bool:
        """Whether packages of the distribution may be installed."""
        return self.root is not None and shutil.which("apt-get") is not None

    def as_root(self, command: Sequence[str], *, seconds: float = 60) -> str:
        """Run a command as root and return what it printed."""
        if self.root is None:
            raise CannotSetUp(f"`{command[0]}` needs root: run this as root or with passwordless sudo.")
        return run([*self.root, *command], seconds=seconds)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other set-up of this checkout runs, so that two commands at once do not start two engines."""
        self.make_folders()
        while True:
            with (self.run / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not _is_still_there(self.run / "lock", lock.fileno()):
                    self.make_folders()  # `make clean` ran meanwhile and removed the file that we had waited for
                    continue
                yield
                return


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def say(what: str, text: str) -> None:
    """Narrate one step on standard error, so that standard output stays for data."""
    print(f"set-up · {what:<11} {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str], *, seconds: float = 60, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return its standard output; a failure quotes its last line."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError as error:
        raise CannotSetUp(f"`{command[0]}` is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise CannotSetUp(f"`{' '.join(command[:4])}` did not end within {seconds:.0f} s.") from error
    if done.returncode:
        raise CannotSetUp(f"`{' '.join(command[:4])}` failed: {cause(done.stderr or done.stdout)}")
    return done.stdout


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "(it said nothing)")


def cause(text: str) -> str:
    """Return the first line that says that it is an error; what follows it is seldom the cause."""
    marked = (line.strip() for line in text.splitlines() if line.startswith("E: ") or "error:" in line.lower())
    return next(marked, last_line(text))


def install(machine: Machine, packages: Sequence[str]) -> None:
    """Install packages of the distribution without starting their services: what runs here is not ours to change."""
    say("packages", f"installing {', '.join(packages)} with apt-get")
    try:
        machine.as_root(["apt-get", "update", "-q"], seconds=APT_SECONDS)
    except CannotSetUp as error:
        say("packages", f"going on with the package lists that are here ({error})")  # one dead third-party source
    known = [package for package in packages if _is_known(package)]
    with _services_stay_off(machine):
        options = ["-y", "-q", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"]
        wait_for_others = ["-o", "DPkg::Lock::Timeout=300"]
        command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *options, *wait_for_others, *known]
        machine.as_root(command, seconds=APT_SECONDS)


def _is_known(package: str) -> bool:
    """Leave out `docker-cli` where the distribution ships the client within docker.io."""
    found = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False)
    return package != "docker-cli" or found.returncode == 0


@contextmanager
def _services_stay_off(machine: Machine) -> Iterator[None]:
    """Put in place, for the time of an installation, the file that tells Debian's packages not to start services."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".policy-rc.d") as script:
        script.write("#!/bin/sh\nexit 101\n")
        script.flush()
        machine.as_root(["install", "-m", "755", script.name, str(policy)])
    try:
        yield
    finally:
        machine.as_root(["rm", "-f", str(policy)])
