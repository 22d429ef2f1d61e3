"""Sites: one reference and one alternative allele at one position, written the same way whoever else was sequenced.

A cohort's VCF carries its people in its spelling: another person's deletion makes REF longer, another one's ALT adds
a number. So every record is split by ALT and trimmed to its shortest form before anything else looks at it. Names
come from the public list alone; without one a site is called CHROM:POS:REF:ALT.
"""

import csv
import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sandbox.errors import BadInput

_SEQUENCE: Final = re.compile(r"[ACGTN]+")
_ORDER: Final = {name: rank for rank, name in enumerate([*map(str, range(1, 23)), "X", "Y", "MT"])}
_LIST_COLUMNS: Final = ("CHROM", "POS", "REF", "ALT")


class Site(NamedTuple):
    """A biallelic site in its shortest spelling. `chrom` has no `chr`; `pos` is 1-based."""

    chrom: str
    pos: int
    ref: str
    alt: str

    @property
    def key(self) -> str:
        """CHROM:POS:REF:ALT, the name that every site has."""
        return f"{self.chrom}:{self.pos}:{self.ref}:{self.alt}"

    @property
    def rank(self) -> tuple[int, str, int, str, str]:
        """The order of sites in a block: chromosomes as people count them, then position, then alleles."""
        return (_ORDER.get(self.chrom, len(_ORDER)), self.chrom, self.pos, self.ref, self.alt)


def make_site(chrom: str, pos: int, ref: str, alt: str) -> Site | None:
    """Return the shortest spelling of one allele, or None for what is not a sequence (`<DEL>`, `*`, breakends)."""
    ref, alt = ref.upper(), alt.upper()
    if ref == alt or not (_SEQUENCE.fullmatch(ref) and _SEQUENCE.fullmatch(alt)):
        return None
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        ref, alt, pos = ref[1:], alt[1:], pos + 1
    return Site(plain_chromosome(chrom), pos, ref, alt)


def plain_chromosome(name: str) -> str:
    """Return a chromosome's name without `chr`, and MT for the mitochondrion."""
    bare = name[3:] if name[:3].lower() == "chr" else name
    return "MT" if bare in ("M", "MT") else bare


def parse_key(name: str) -> Site | None:
    """Read CHROM:POS:REF:ALT; None when the text is something else."""
    parts = name.split(":")
    if len(parts) != 4 or not parts[1].isascii() or not parts[1].isdecimal():
        return None
    return make_site(parts[0], int(parts[1]), parts[2], parts[3])


class SiteList:
    """Sites in the order of `Site.rank`, with their names. A public list says all that a block may show of itself."""

    def __init__(self, named: Iterable[tuple[Site, str]]) -> None:
        self.sites: tuple[Site, ...]
        self.names: tuple[str, ...]
        ordered = sorted(named, key=lambda pair: pair[0].rank)
        self.sites = tuple(site for site, _ in ordered)
        self.names = tuple(name if name not in ("", ".") else site.key for site, name in ordered)
        self.row = {site: row for row, site in enumerate(self.sites)}
        self._by_name: dict[str, list[int]] = {}
        for row, names in enumerate(self.names):
            for name in names.split(";"):
                self._by_name.setdefault(name, []).append(row)

    def find(self, name: str) -> tuple[int, ...]:
        """Return the rows that a requested name stands for: none, one, or several when the list uses it twice."""
        rows = self._by_name.get(name)
        if rows is not None:
            return tuple(rows)
        site = parse_key(name)
        return (self.row[site],) if site is not None and site in self.row else ()


def read_public_sites(path: Path) -> SiteList:
    """Read a public site list: a VCF, or a tab-separated table with the columns CHROM POS ID REF ALT.

    Refused: no header or no site (`sites-malformed`), an allele that is not a sequence (`sites-symbolic`), one site
    twice (`sites-duplicate`).
    """
    seen: set[Site] = set()
    named: list[tuple[Site, str]] = []
    for line, (chrom, pos, name, ref, alt) in _list_rows(path):
        site = make_site(chrom, pos, ref, alt)
        if site is None:
            raise BadInput("sites-symbolic", f"{path.name}, line {line}: {ref}>{alt} is not a change of sequence.")
        if site in seen:
            raise BadInput("sites-duplicate", f"{path.name}, line {line}: site {site.key} is on the list twice.")
        seen.add(site)
        named.append((site, name))
    if not named:
        raise BadInput("sites-malformed", f"{path.name} lists no site.")
    return SiteList(named)


def _list_rows(path: Path) -> Iterator[tuple[int, tuple[str, int, str, str, str]]]:
    where: dict[str, int] | None = None
    for line, cells in enumerate(_lines(path), start=1):
        if cells and cells[0].startswith("##"):
            continue
        if where is None:
            where = _header(path, cells)
            continue
        try:
            chrom, ref, alts = (cells[where[name]] for name in ("CHROM", "REF", "ALT"))
            pos = int(cells[where["POS"]])
            name = cells[where["ID"]] if "ID" in where else "."
        except (IndexError, ValueError) as error:
            raise BadInput("sites-malformed", f"{path.name}, line {line}: not a site ({error}).") from error
        for alt in alts.split(","):
            yield line, (chrom, pos, name, ref, alt)


def _header(path: Path, cells: list[str]) -> dict[str, int]:
    where = {name.lstrip("#").upper(): at for at, name in enumerate(cells)}
    if any(name not in where for name in _LIST_COLUMNS):
        raise BadInput("sites-malformed", f"{path.name} must begin with the columns CHROM POS ID REF ALT.")
    return where


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", newline="") if zipped else path.open(newline="") as text:
            yield from csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    except FileNotFoundError as error:
        raise BadInput("file-missing", f"There is no file {path}.") from error
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput("sites-malformed", f"{path.name} cannot be read as a site list ({error}).") from error
