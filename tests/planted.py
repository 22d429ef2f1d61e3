"""What must never stand in a node's log: values of people's data and secrets, planted or there anyway."""

import gzip
import json
import re
from pathlib import Path

import pyarrow.parquet as pq

ALLOWED = {"event", "level", "timestamp", "node", "job", "fence", "state", "code", "error", "where", "loop", "logger"}
PLAIN = re.compile(r"[A-Za-z0-9 _.:/@+-]{0,200}")  # an id, a code, a moment, a place in our own source
LONG_ENOUGH = 5  # characters; shorter values are found in any text


def forbidden(data: Path, node: Path) -> set[str]:
    """Ids, birth dates, families and genotype rows of every person, and every line of the node's private files."""
    subjects = pq.read_table(data / "subjects.parquet").to_pylist()
    people = {str(one[name]) for one in subjects for name in ("subject_id", "birth_date")}
    families = {line.split("\t")[0] for line in (data / "pedigree.ped").read_text().splitlines()}
    rows = gzip.decompress((data / "cohort.vcf.gz").read_bytes()).decode().splitlines()
    genotypes = {"\t".join(row.split("\t")[9:13]) for row in rows if not row.startswith("#")}
    secrets = {line for path in (node / "keys").iterdir() if path.suffix != ".json" for line in _lines(path)}
    return {one for one in people | families | genotypes | secrets if len(one) >= LONG_ENOUGH}


def find(log: str, words: set[str]) -> set[str]:
    """Which of the words stand in a log."""
    return {word for word in words if word in log}


def strange(log: str) -> list[str]:
    """Lines that are no JSON object of ids and codes."""
    return [line for line in log.splitlines() if line.strip() and not _is_plain(line)]


def _is_plain(line: str) -> bool:
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return set(said) <= ALLOWED and all(PLAIN.fullmatch(str(value)) for value in said.values())


def _lines(path: Path) -> list[str]:
    text = path.read_bytes()
    decoded = text.decode("ascii", "ignore").splitlines()
    return [line for line in decoded if line and not line.startswith("-----")]
