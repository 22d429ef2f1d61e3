"""Make the archive of a root file system small, harmless and always the same.

Left out: devices and pipes, every program but Python, documentation, tests, package managers' records, and what the
engine put in. Cleared: owners, setuid and setgid, times. Sorted: names. Relative: links.
"""

import io
import posixpath
import re
import tarfile
from typing import BinaryIO

EPOCH = 1_700_000_000
"""Seconds. The one time that every file bears."""

UNWANTED = re.compile(
    r"""^(?:
      (?:usr/)?(?:local/)?s?bin/(?!python3|$)             # a shell is of use to an attacker only
    | (?:dev|proc|sys|run|tmp|boot|media|srv|opt|root|home|var|mnt)/
    | etc/(?!python|ld\.so|$)|\.dockerenv$
    | usr/(?:local/)?(?:share|include|games|src|libexec)/
    | usr/lib/(?:apt|dpkg|python3\.\d+/dist-packages|valgrind|tmpfiles\.d|systemd|udev|locale)/
    | (?:usr/)?lib/(?:systemd|[^/]+-linux-gnu/(?:gconv|perl|security|pam|krb5|engines-3|ossl-modules))/
    | usr/(?:local/)?lib/python3[.\d]*/(?:test|idlelib|lib2to3|ensurepip|turtledemo|tkinter|pydoc_data)/
    | usr/(?:local/)?lib/python3[.\d]*/config-[^/]*/
    | .*/numpy/(?:.*/)?tests/
    | .*-packages/(?:pip|setuptools|pkg_resources|wheel|_distutils_hack|distutils-precedence)(?:-|/|\.)
    )""",
    re.VERBOSE,
)

KEPT_FOLDERS = frozenset({"dev", "proc", "sys", "run", "tmp", "mnt"})
"""Mount points that the engine or a chamber needs; they are kept, empty."""

PYTHON = "usr/bin/python3"


def tidy(source: BinaryIO, target: BinaryIO) -> None:
    """Copy a root archive, leaving out and clearing what the head of this file says."""
    with (
        tarfile.open(fileobj=source) as untidy,
        tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tidied,
    ):
        members = {_name(member): member for member in untidy if _is_wanted(member)}
        for name in sorted(members):
            _copy(untidy, members[name], name, tidied)
        if PYTHON not in members:
            _add_link(tidied, PYTHON, "../local/bin/python3")


def _name(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").strip("/")


def _is_wanted(member: tarfile.TarInfo) -> bool:
    name = _name(member)
    if name in {"", "."} or not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return False
    return name in KEPT_FOLDERS or not UNWANTED.match(f"{name}/" if member.isdir() else name)


def _copy(untidy: tarfile.TarFile, member: tarfile.TarInfo, name: str, tidied: tarfile.TarFile) -> None:
    if member.issym():
        _add_link(tidied, name, _relative(name, member.linkname))
        return
    plain = tarfile.TarInfo(name)
    plain.mtime = EPOCH
    if member.isdir():
        plain.type, plain.mode = tarfile.DIRTYPE, 0o755
        tidied.addfile(plain)
        return
    opened = untidy.extractfile(member)  # a hard link becomes a file of its own: its first name may be left out
    content = opened.read() if opened else b""
    plain.size, plain.mode = len(content), 0o755 if member.mode & 0o100 else 0o644
    tidied.addfile(plain, io.BytesIO(content))


def _relative(name: str, to: str) -> str:
    return posixpath.relpath(to, f"/{posixpath.dirname(name)}") if to.startswith("/") else to


def _add_link(tidied: tarfile.TarFile, name: str, to: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname, link.mode, link.mtime = tarfile.SYMTYPE, to, 0o777, EPOCH
    tidied.addfile(link)
