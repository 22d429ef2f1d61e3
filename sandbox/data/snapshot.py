"""An immutable snapshot: what it is made of, how it is written whole or not at all, how it is read.

A snapshot is a folder named by its random id, readable by the node alone:

    snapshot.json      manifest: public options, exact numbers, checksums of the sources. Never leaves the node
    people.parquet     one row per person, ordered by micro-block and unit
    sites.parquet      one row per biallelic site, ordered by position
    genotypes.u8       sites x people, one byte per genotype (`genotype.TEXT` says which)
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotInfo:
    """What ingest found. `people_exact` and `units` are for the data holder's eyes only."""

    snapshot_id: str
    people_exact: int
    units: int
    sites: int
    dropped_members: int
    unlisted_records: int
    sources: dict[str, str]
