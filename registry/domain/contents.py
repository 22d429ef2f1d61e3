"""What an image brings, read from its layers without running or unpacking anything: sizes, user, base, packages.

1. Only an archive that nodes accept is looked into (`protocol.documents.image`); what they refuse is evidence, too.
2. Packages are what the image says of itself: Debian's list of installed packages, and the metadata beside each Python
   package. What was copied in by hand is in no list, and a list can lie. Whoever shows them says so.
3. A later layer hides what lies below: a path that it replaces, a whiteout of it, an opaque directory.
4. Everything here is a stranger's text: bounded, cut to one line that people can see, and never markup.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Final, Literal

from pydantic import Field

from protocol.documents.fields import UNSEEN, Count, Digest, Items, Line, OciDigest, Record, Text
from protocol.documents.strict import Json, build
from protocol.documents.tarball import Entry, Kind, Source

FILE_BYTES: Final = 16 * 1024 * 1024
"""The largest list of packages that is read."""
READ_BYTES: Final = 96 * 1024 * 1024
PACKAGES_MOST: Final = 20_000
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_LINE: Final = 200
_ODD: Final = "\N{REPLACEMENT CHARACTER}"
_OS_RELEASE: Final = frozenset({"etc/os-release", "usr/lib/os-release"})
_DPKG: Final = re.compile(r"var/lib/dpkg/(status|status\.d/[^/]+)")
_METADATA: Final = re.compile(r"(.*/)?(site|dist)-packages/[^/]+\.(dist-info/METADATA|egg-info/PKG-INFO)")
_NAMES: Final = {
    "deb": re.compile(r"[a-z0-9][a-z0-9+.-]{0,199}"),
    "python": re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,198}[A-Za-z0-9])?"),
}
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~!_-]{0,199}")


class Package(Record):
    """One package that the image lists."""

    kind: Literal["deb", "python"]
    name: Line
    version: Line


class Layer(Record):
    """One layer: its digest, the bytes of its files, and how many entries it has."""

    digest: OciDigest
    bytes: Count
    entries: Count


class Contents(Record):
    """What one archive brings. `refused`: why nodes would not load it; then nothing else is known."""

    archive: Digest
    refused: Text = ""
    config_digest: Line = "none"
    platform: Line = "none"
    user: Line = "none"
    base: Line = "none"
    distribution: Line = "none"
    layers: Items[Layer] = ()
    packages: Annotated[tuple[Package, ...], Field(strict=False, max_length=PACKAGES_MOST)] = ()
    notes: Items[Text] = ()


@dataclass(slots=True)
class _Found:
    """What one path said: packages, or lines of os-release."""

    packages: tuple[Package, ...] = ()
    release: dict[str, str] = field(default_factory=dict)


class Reader:
    """Looks at each entry of an image's layers, lowest first; `contents` afterwards says what was there."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._below: dict[str, _Found] = {}
        self._here: dict[str, _Found] = {}
        self._hidden: set[str] = set()
        self._emptied: set[str] = set()
        self._sizes: list[tuple[int, int]] = []
        self._read = 0
        self._skipped: list[str] = []
        self._malformed = 0

    def look(self, layer: int, name: str, entry: Entry, source: Source) -> None:
        """Take one entry into account; its bytes are read only where they are a list of packages, or name the base."""
        while len(self._sizes) <= layer:
            self._settle()
            self._sizes.append((0, 0))
        size, count = self._sizes[layer]
        self._sizes[layer] = (size + entry.size, count + 1)
        self._hide(name, entry)
        if entry.kind is Kind.FILE and _is_wanted(name):
            self._take(name, entry, source)

    def contents(self, archive: str, config: dict[str, Json], config_digest: str, layers: tuple[str, ...]) -> Contents:
        """Return all that was seen; `config` is the image's own configuration."""
        self._settle()
        settings = config.get("config")
        told = settings if isinstance(settings, dict) else {}
        release = next((one.release for name, one in sorted(self._below.items()) if name in _OS_RELEASE), {})
        packages = sorted({(p.kind, p.name, p.version) for one in self._below.values() for p in one.packages})
        sizes = [*self._sizes, *[(0, 0)] * (len(layers) - len(self._sizes))]
        fields = {
            "archive": archive,
            "config_digest": config_digest,
            "platform": f"{_line(config.get('os'))} on {_line(config.get('architecture'))}",
            "user": _line(told.get("User")) if told.get("User") else "none is set, which means root",
            "base": release.get("PRETTY_NAME", "none"),
            "distribution": release.get("ID", "none"),
            "layers": [
                {"digest": digest, "bytes": size, "entries": count}
                for digest, (size, count) in zip(layers, sizes, strict=True)
            ],
            "packages": [{"kind": k, "name": n, "version": v} for k, n, v in packages[:PACKAGES_MOST]],
            "notes": list(self._notes(len(packages))),
        }
        return build(Contents, fields)

    def _hide(self, name: str, entry: Entry) -> None:
        folder, _, last = name.rpartition("/")
        if last == _OPAQUE:
            self._emptied.add(folder)
        elif last.startswith(_WHITEOUT):
            self._hidden.add(f"{folder}/{last.removeprefix(_WHITEOUT)}".lstrip("/"))
        elif entry.kind is not Kind.DIRECTORY:
            self._hidden.add(name)

    def _settle(self) -> None:
        """End a layer: what it hides goes, what it brings is there."""
        self._below = {name: one for name, one in self._below.items() if not self._is_hidden(name)} | self._here
        self._here, self._hidden, self._emptied = {}, set(), set()

    def _is_hidden(self, name: str) -> bool:
        steps = name.split("/")
        folders = {"/".join(steps[:depth]) for depth in range(len(steps))}
        gone = not folders.isdisjoint(self._hidden) or not folders.isdisjoint(self._emptied)
        return gone or name in self._hidden

    def _take(self, name: str, entry: Entry, source: Source) -> None:
        if entry.size > FILE_BYTES or self._read + entry.size > READ_BYTES:
            self._skipped.append(name)
            return
        self._read += entry.size
        text = source.take(entry.size).decode("utf-8", errors="replace")
        if name in _OS_RELEASE:
            self._here[name] = _Found(release=_os_release(text))
        else:
            listed = _dpkg(text) if _DPKG.fullmatch(name) else _metadata(text)
            found = tuple(islice(listed, PACKAGES_MOST + 1))
            good = tuple(one for one in found if one is not None)
            self._malformed += len(found) - len(good)
            self._here[name] = _Found(packages=good)

    def _notes(self, packages: int) -> Iterator[str]:
        if self._skipped:
            shown = ", ".join(_line(each) for each in self._skipped[:5])
            yield f"{len(self._skipped)} lists of packages were too large to read, such as {shown}."
        if self._malformed:
            yield f"{self._malformed} packages have a name or version that no package can have; they are left out."
        if packages > PACKAGES_MOST:
            yield f"The image lists more than {PACKAGES_MOST} packages; no more than that are kept."


def _is_wanted(name: str) -> bool:
    return name in _OS_RELEASE or bool(_DPKG.fullmatch(name)) or bool(_METADATA.fullmatch(name))


def _line(untrusted: Json) -> str:
    """One line of a stranger's, as people may see it."""
    clean = UNSEEN.sub(_ODD, str(untrusted or "none")).replace("\n", _ODD).replace("\t", " ")[:_LINE]
    return clean.encode("utf-8", errors="replace").decode() or "none"


def _os_release(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n", 100)[:100]:
        name, _, value = line.partition("=")
        if name in ("ID", "PRETTY_NAME"):
            found[name] = _line(value.strip().strip("\"'"))
    return found


def _dpkg(text: str) -> Iterator[Package | None]:
    """Packages of Debian's list that are installed (deb-src-control(5): fields at the start of a line)."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = _fields(stanza)
        if "Package" in fields and fields.get("Status", "install ok installed").endswith(" installed"):
            yield _package("deb", fields["Package"], fields.get("Version", ""))


def _metadata(text: str) -> Iterator[Package | None]:
    """The package of a Python package's metadata: the fields before the first empty line (PEP 566)."""
    fields = _fields(re.split(r"\r?\n\r?\n", text, maxsplit=1)[0])
    yield _package("python", fields.get("Name", ""), fields.get("Version", ""))


def _fields(stanza: str) -> dict[str, str]:
    lines = (line.partition(":") for line in stanza.split("\n") if line and not line[0].isspace())
    found: dict[str, str] = {}
    for name, colon, value in lines:
        if colon:
            found.setdefault(name, value.strip())
    return found


def _package(kind: Literal["deb", "python"], untrusted_name: str, untrusted_version: str) -> Package | None:
    if _NAMES[kind].fullmatch(untrusted_name) and _VERSION.fullmatch(untrusted_version):
        return Package(kind=kind, name=untrusted_name, version=untrusted_version)
    return None
