"""Write the genotypes of a snapshot: one row of codes per site, people in the snapshot's order.

Sites of the public list must be in the VCF. Were an absent one taken as reference or as missing, then a site that the
caller only lists because somebody carries it would change everybody's row when that person withdraws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from sandbox.data.genotype import decode
from sandbox.data.site import Site, SiteList, make_site
from sandbox.data.snapshot import write_table
from sandbox.data.variants import Record, VariantFile, read_records
from sandbox.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The sites of the snapshot, the row of each one's genotypes, and how many alleles were left out."""

    sites: SiteList
    rows: list[int]
    unlisted: int


class _Rows:
    """Collects the genotype rows of one VCF, site by site, people in the snapshot's order."""

    def __init__(self, stream: BinaryIO, opened: VariantFile, samples: Sequence[str], public: SiteList | None):
        column = {name: at for at, name in enumerate(opened.samples)}
        self._order: npt.NDArray[np.int64] = np.array([column[name] for name in samples], dtype=np.int64)
        self._stream, self._path, self._public = stream, opened.path, public
        self._people = len(opened.samples)
        self.row: dict[Site, int] = {}
        self.unlisted = 0

    def add(self, record: Record) -> None:
        """Keep every allele of a record that is wanted."""
        for allele, alt in enumerate(record.alts, start=1):
            site = None if alt == "." else make_site(record.chrom, record.pos, record.ref, alt)
            if site is None or (self._public is not None and site not in self._public.row):
                self.unlisted += alt != "."
            else:
                self._keep(site, record, allele)

    def _keep(self, site: Site, record: Record, allele: int) -> None:
        if site in self.row:
            raise BadInput("vcf-duplicate-site", f"{self._path.name} has the site {site.key} twice.")
        try:
            codes = decode(record.calls, self._people, len(record.alts), allele)
        except BadInput as error:
            sentence = f"{self._path.name}, record at {record.place}: {error.sentence}."
            raise BadInput(error.code, sentence) from error
        self.row[site] = len(self.row)
        self._stream.write(codes[self._order].tobytes())


def write_genotypes(path: Path, opened: VariantFile, samples: Sequence[str], public: SiteList | None) -> Kept:
    """Read the VCF once and write a row of codes for every site kept; refuse a public site that it does not have."""
    with path.open("wb") as stream:
        rows = _Rows(stream, opened, samples, public)
        for record in read_records(opened):
            rows.add(record)
    if public is not None and (absent := [site for site in public.sites if site not in rows.row]):
        sentence = (
            f"{opened.path.name} lacks {len(absent)} sites of the public list, first {absent[0].key}; genotype them"
        )
        raise BadInput("sites-not-in-vcf", f"{sentence} for everybody or take them off the list.")
    sites = public or SiteList((site, site.key) for site in rows.row)
    return Kept(sites=sites, rows=[rows.row[site] for site in sites.sites], unlisted=rows.unlisted)


def write_sites(path: Path, kept: Kept) -> None:
    """Write the sites, and where each one's genotypes are."""
    places = {name: [getattr(site, name) for site in kept.sites.sites] for name in Site._fields}
    write_table(path, {**places, "name": kept.sites.names, "row": kept.rows})
