"""Write what each chamber of one order may see: block by block, or unit by unit.

**A block's files are a function of that block's units and public constants only** (DESIGN 12). Therefore:

1. A person is in block `micro-block mod k`, or in the slot of their unit; nobody else can move them.
2. Samples are keyed hashes of their own names and are sorted by them.
3. Sites and their names are the public list's. Without a list a site shows only where a member carries it.
4. A record has one ALT. ID is the name by which the order asked (several with `;` between them), unless that is
   CHROM:POS:REF:ALT as the record itself says it (no `chr`); GT is the member's; QUAL, FILTER and INFO are empty; the
   header is constant.
5. Columns are those of the order. A category is from a public list, a diagnosis column is 0 or 1.
6. Times and permissions are constants.

A folder is there for every chamber that has somebody to see; the others get their declared default in their slot.
"""

import csv
import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.data.genotype import DOSAGE, FIELD, HAPLOID, Codes
from sandbox.data.site import Site, SiteList, parse_key
from sandbox.data.snapshot import Snapshot, open_snapshot, read_info, read_sites
from sandbox.domain.dataset import ALWAYS, DIAGNOSIS_PREFIX, StagePlan, check_columns
from sandbox.domain.turns import PAGE_BYTES, whole_pages
from sandbox.errors import InfrastructureLost, Refused

VARIANTS_FILE: Final = "genotypes.vcf"
SUBJECTS_FILE: Final = "subjects.csv"
_CHROMOSOMES: Final = (*map(str, range(1, 23)), "X", "Y", "MT")
_HEADER: Final = "".join(
    (
        "##fileformat=VCFv4.3\n",
        '##FILTER=<ID=PASS,Description="All filters passed">\n',
        *(f"##contig=<ID={name}>\n" for name in _CHROMOSOMES),
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT",
    )
)
_SITES_AT_ONCE: Final = 8192  # rows of genotypes held in memory per chamber

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Line:
    """A site that the order may see: where its genotypes are, and how its line begins."""

    row: int
    start: bytes


def check_request(snapshot_dir: Path, plan: StagePlan) -> None:
    """Refuse what the dataset cannot offer, before the charge: only the site list and the declared columns are read.

    Codes: `variant-unknown`, `variant-ambiguous`, `column-unknown`, `blocks-too-many`, `slots-mismatch`.
    """
    info = read_info(snapshot_dir)
    _check_chambers(plan, info.micro_blocks, info.slots)
    check_columns(info.column_names, plan.columns)
    sites = read_sites(snapshot_dir)[0] if info.public_sites is not None else None
    for name in plan.variants or ():
        check_variant(name, sites)


def stage(snapshot_dir: Path, plan: StagePlan, out_dir: Path, *, most: int | None = None) -> list[Path | None]:
    """Write `out_dir/<chamber>/{genotypes.vcf,subjects.csv}` and return one folder per chamber, None for an empty one.

    `out_dir` appears whole or not at all; one that is there already is left alone. It is for the node only, what is in
    it is readable by everybody: a chamber has its own user and gets its own folder mounted.

    `most` is what the job reserved for its blocks, in bytes: before more is written, `staging-exceeded` is raised.
    Without a public list of sites that is the node's whole room; with one, no data can bring it about.
    """
    if out_dir.exists():
        return staged(out_dir, plan.chambers)
    check_request(snapshot_dir, plan)
    snapshot = open_snapshot(snapshot_dir)
    lines, table, room = _lines(snapshot, plan), _subject_rows(snapshot, plan), _Room(most)
    partial = out_dir.with_name(f".{out_dir.name}.{secrets.token_hex(4)}")
    partial.mkdir(mode=0o700, parents=True)
    try:
        for chamber, members in _members(snapshot, plan):
            _write_chamber(partial / _folder(chamber), _records_of(snapshot, lines, members), table, members, room)
        partial.rename(out_dir)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not (isinstance(error, OSError) and out_dir.exists()):  # another worker staged the same view first
            raise
    return staged(out_dir, plan.chambers)


def staged(out_dir: Path, chambers: int) -> list[Path | None]:
    """Return what `stage` returned, in another process."""
    there = set(out_dir.iterdir())
    folders = (out_dir / _folder(chamber) for chamber in range(chambers))
    return [folder if folder in there else None for folder in folders]


def _folder(chamber: int) -> str:
    return f"{chamber:06d}"


def _check_chambers(plan: StagePlan, micro_blocks: int, slots: int) -> None:
    if plan.mode == "block" and plan.chambers > micro_blocks:
        raise Refused("blocks-too-many", f"{plan.chambers} blocks are more than the dataset's {micro_blocks}.")
    if plan.mode == "unit" and plan.chambers != slots:
        raise Refused("slots-mismatch", f"The dataset has {slots} public slots, not {plan.chambers}.")


def check_variant(name: str, sites: SiteList | None) -> None:
    """Refuse a variant that is not, or not once, on the public list; without a list, what is not CHROM:POS:REF:ALT."""
    if sites is None:
        if parse_key(name) is None:
            sentence = f"Variant {name!r}: a dataset without a public site list knows only CHROM:POS:REF:ALT."
            raise Refused("variant-unknown", sentence)
        return
    found = len(sites.find(name))
    if found == 0:
        raise Refused("variant-unknown", f"Variant {name!r} is not on the dataset's public site list.")
    if found > 1:
        sentence = f"Variant {name!r} names {found} sites of the public list; ask for one as CHROM:POS:REF:ALT."
        raise Refused("variant-ambiguous", sentence)


def _lines(snapshot: Snapshot, plan: StagePlan) -> list[_Line]:
    """Return the sites of the order's view in their order, each once, with the names it was asked for."""
    sites = snapshot.sites
    return [
        _Line(int(snapshot.rows[at]), _start(sites.sites[at], names))
        for at, names in sorted(_wanted(sites, plan, listed=snapshot.listed).items())
    ]


def _wanted(sites: SiteList, plan: StagePlan, *, listed: bool) -> dict[int, set[str]]:
    if plan.variants is None:
        return {at: {name} if listed else set() for at, name in enumerate(sites.names)}
    found: dict[int, set[str]] = {}
    for name in plan.variants:
        for at in sites.find(name):
            found.setdefault(at, set()).add(name)
    return found


def _start(site: Site, names: set[str]) -> bytes:
    """Begin a record. Its place says CHROM:POS:REF:ALT; a program that also found that in ID would count twice."""
    ids = ";".join(sorted(names - {site.key})) or "."
    return f"{site.chrom}\t{site.pos}\t{ids}\t{site.ref}\t{site.alt}\t.\t.\t.\tGT".encode()


def _subject_rows(snapshot: Snapshot, plan: StagePlan) -> list[tuple[str, ...]]:
    """Return the table that chambers see, header first; row i + 1 is about person i."""
    extra = [name for name in plan.columns if name.lower() not in ALWAYS]
    people = snapshot.people
    columns = [people["name"], people["unit_name"], *(_column(snapshot, name) for name in extra)]
    return [(*ALWAYS, *extra), *zip(*columns, strict=True)]


def _column(snapshot: Snapshot, name: str) -> Sequence[str]:
    own = {f"value_{column.name}".lower(): f"value_{column.name}" for column in snapshot.info.columns}
    if name.lower() in ("sex", "age"):
        return snapshot.people[name.lower()]
    if f"value_{name}".lower() in own:
        return snapshot.people[own[f"value_{name}".lower()]]
    has = _carries(name[len(DIAGNOSIS_PREFIX) :].upper())
    return ["1" if any(map(has, codes)) else "0" for codes in snapshot.people["diagnoses"]]


def _carries(wanted: str) -> Callable[[str], bool]:
    """An ICD-10 code covers its sub-codes (E11 covers E119); a code of digits stands for itself alone."""
    return (lambda code: code == wanted) if wanted[:1].isdigit() else (lambda code: code.startswith(wanted))


def _members(snapshot: Snapshot, plan: StagePlan) -> Iterator[tuple[int, Indices]]:
    """Yield every chamber that has members, with their places in the snapshot, ordered by name."""
    where = np.array(snapshot.people["micro_block" if plan.mode == "block" else "slot"], dtype=np.int64)
    chamber = where % plan.chambers if plan.mode == "block" else where
    names = np.array(snapshot.people["name"])
    order = np.lexsort((names, chamber))
    firsts = np.flatnonzero(np.diff(chamber[order], prepend=-1))
    for first, end in zip(firsts, [*firsts[1:], len(order)], strict=True):
        yield int(chamber[order[first]]), order[first:end]


def _write_chamber(
    folder: Path, variants: Iterator[bytes], table: Sequence[tuple[str, ...]], members: Indices, room: "_Room"
) -> None:
    room.take(PAGE_BYTES)
    folder.mkdir()
    _write(folder / VARIANTS_FILE, variants, room)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([table[0], *(table[i + 1] for i in members)])
    _write(folder / SUBJECTS_FILE, iter([text.getvalue().encode()]), room)
    _settle(folder)


def _write(path: Path, parts: Iterator[bytes], room: "_Room") -> None:
    """Write a file part by part, each only if there is room for it."""
    size = 0
    with path.open("wb") as stream:
        for part in parts:
            room.take(whole_pages(size + len(part)) - whole_pages(size))
            size += stream.write(part)


class _Room:
    """What may still be staged, in bytes as memory counts them: whole pages."""

    def __init__(self, most: int | None) -> None:
        self._left = most

    def take(self, size: int) -> None:
        """Take some of it, or raise."""
        if self._left is None:
            return
        self._left -= size
        if self._left < 0:
            sentence = "The staged view is larger than the dataset's public facts reserve for it; add the dataset anew."
            raise InfrastructureLost("staging-exceeded", sentence)


def _records_of(snapshot: Snapshot, lines: Sequence[_Line], members: Indices) -> Iterator[bytes]:
    """Yield the view of variants of these members, its header first."""
    yield "\t".join([_HEADER, *(snapshot.people["name"][i] for i in members)]).encode() + b"\n"
    for part in range(0, len(lines), _SITES_AT_ONCE):
        yield _records(snapshot, lines[part : part + _SITES_AT_ONCE], members)


def _records(snapshot: Snapshot, lines: Sequence[_Line], members: Indices) -> bytes:
    """Return the records of these sites for these members."""
    rows = np.array([line.row for line in lines], dtype=np.int64)
    codes: Codes = snapshot.genotypes[np.ix_(rows, members)]
    shown = np.full(len(lines), True) if snapshot.listed else DOSAGE[codes].any(axis=1)
    width = 4 * len(members)
    text = FIELD[codes].tobytes()
    parts = [lines[at].start + text[at * width : (at + 1) * width] + b"\n" for at in np.flatnonzero(shown).tolist()]
    joined = b"".join(parts)
    return joined.replace(b"\0", b"") if (codes < HAPLOID).any() else joined


def _settle(folder: Path) -> None:
    for path in (folder / VARIANTS_FILE, folder / SUBJECTS_FILE, folder):
        path.chmod(0o755 if path == folder else 0o444)
        os.utime(path, ns=(0, 0))
