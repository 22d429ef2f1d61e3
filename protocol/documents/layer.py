"""What a layer of an image may hold: files, directories, and links that stay inside.

The engine unpacks a layer as root. Nothing here relies on it doing that well: what could lead it astray is refused
before it sees the archive.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from protocol.documents.tarball import Entry, Kind, Source, read_entries
from protocol.errors import Refused

INIT_PATH = "/.chamber-init"
INPUT_PATH = "/mnt/input"
OUTPUT_PATH = "/mnt/output"

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_SETUID_SETGID = 0o6000
# Where something is mounted over the image: a link there would move the mount (CVE-2021-30465).
_DIRECTORIES = frozenset({"proc", "sys", "dev", "tmp", "mnt", INPUT_PATH[1:], OUTPUT_PATH[1:]})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """How large an image may be; a bomb stops at the limit, not after it."""

    archive_bytes: int = 2 << 30
    layers: int = 32
    entries: int = 200_000  # over all layers
    file_bytes: int = 1 << 30
    path_bytes: int = 1024
    path_depth: int = 32
    document_bytes: int = 1 << 20  # each JSON document of the archive


Look = Callable[[int, str, Entry, Source], None]


@dataclass(slots=True, kw_only=True)
class ImageTree:
    """What the layers read so far hold, lowest first: later entries replace earlier ones.

    `look` is shown each entry that passed every check, with the number of its layer; it may take the entry's bytes from
    the source, all or none of them.
    """

    limits: ImageLimits
    look: Look | None = None
    layers: int = 0
    entries: int = 0
    kinds: dict[str, Kind] = field(default_factory=dict)


def check_layer(source: Source, tree: ImageTree) -> None:
    """Read a layer to its end mark; refuse an entry that is dangerous, ambiguous or too large."""
    seen: dict[str, Kind] = {}
    for entry in read_entries(source):
        tree.entries += 1
        if tree.entries > tree.limits.entries:
            raise Refused("image-too-many-entries", f"The image has more than {tree.limits.entries} files.")
        name = check_name(entry.untrusted_name.removesuffix("/"), tree.limits)
        _check_mode_and_size(name, entry, tree.limits)
        _check_place(name, entry, tree)
        _check_link(name, entry, seen)
        if name in seen:
            raise Refused("image-duplicate-member", f"The image names {name!r} twice in one layer.")
        seen[name] = tree.kinds[name] = entry.kind
        if tree.look is not None:
            tree.look(tree.layers, name, entry, source)
    tree.layers += 1


def check_name(untrusted_name: str, limits: ImageLimits) -> str:
    """A relative path without any step aside, or `Refused`."""
    if untrusted_name.startswith("/"):
        raise Refused("image-path-escape", f"The image holds the absolute path {untrusted_name[:80]!r}.")
    steps = untrusted_name.split("/")
    if ".." in steps:
        raise Refused("image-path-escape", f"The image holds a path that leads out of it: {untrusted_name[:80]!r}.")
    if "" in steps or "." in steps or not untrusted_name.isprintable():
        raise Refused("image-path", f"The image holds the malformed path {untrusted_name[:80]!r}.")
    if len(untrusted_name.encode()) > limits.path_bytes or len(steps) > limits.path_depth:
        raise Refused("image-path-too-long", f"The image holds a path that is too long: {untrusted_name[:80]!r}…")
    return untrusted_name


def _check_mode_and_size(name: str, entry: Entry, limits: ImageLimits) -> None:
    if entry.mode & _SETUID_SETGID:
        raise Refused("image-setuid", f"The image marks {name!r} setuid or setgid; take the bit away.")
    if entry.size > limits.file_bytes:
        raise Refused("image-too-large", f"The image's file {name!r} is larger than {limits.file_bytes} bytes.")


def _check_place(name: str, entry: Entry, tree: ImageTree) -> None:
    steps = name.split("/")
    for depth in range(1, len(steps)):
        parent = "/".join(steps[:depth])
        if tree.kinds.get(parent, Kind.DIRECTORY) is not Kind.DIRECTORY:
            raise Refused("image-path-escape", f"The image writes {name!r} through {parent!r}, which is no directory.")
    if steps[-1].startswith(_WHITEOUT):
        _check_whiteout(name, steps[-1], entry)
    reserved = name in _DIRECTORIES and entry.kind is not Kind.DIRECTORY
    inside = name.startswith((f"{INPUT_PATH[1:]}/", f"{OUTPUT_PATH[1:]}/"))
    if reserved or inside or steps[0] == INIT_PATH[1:]:
        raise Refused("image-reserved-path", f"The image may not bring {name!r}: the chamber mounts something there.")


def _check_whiteout(name: str, last: str, entry: Entry) -> None:
    """A whiteout hides an entry of a lower layer; the engine deletes what it names, so it may only name an entry."""
    hidden = last.removeprefix(_WHITEOUT)
    names_entry = hidden not in ("", ".", "..") and not hidden.startswith(_WHITEOUT)
    if entry.kind is not Kind.FILE or entry.size or not (names_entry or last == _OPAQUE):
        raise Refused("image-whiteout", f"The image holds the malformed whiteout {name!r}.")


def _check_link(name: str, entry: Entry, seen: dict[str, Kind]) -> None:
    if entry.kind is Kind.HARDLINK and seen.get(entry.untrusted_target) is not Kind.FILE:
        raise Refused("image-link-escape", f"The image's hard link {name!r} names no file before it in its layer.")
    if entry.kind is Kind.SYMLINK:
        _check_symlink(name, entry.untrusted_target)
    if entry.kind not in (Kind.HARDLINK, Kind.SYMLINK) and entry.untrusted_target:
        raise Refused("image-tar-format", f"The image gives {name!r}, which is no link, a link target.")


def _check_symlink(name: str, untrusted_target: str) -> None:
    if not untrusted_target or untrusted_target.startswith("/") or not untrusted_target.isprintable():
        raise Refused("image-link-escape", f"The image's link {name!r} is absolute or malformed; make it relative.")
    depth = name.count("/")
    for step in untrusted_target.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(step, 1)
        if depth < 0:
            raise Refused("image-link-escape", f"The image's link {name!r} leads out of it.")
