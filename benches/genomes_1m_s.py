"""``genomes_1m_s``: a table of cases and controls, a count and ten frequencies of 1 000 000 genomes, at one node.

From the snapshot's files to the released values: columns and genotypes are read from disk (the page cache may hold
them, as it does at a node that answers), contributions are clipped for each of half a million families, and the gate
draws its noise. Beside it, reading the same files with numpy and pyarrow and doing nothing with them.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benches.harness import Figure, beside, judge, side_by_side
from protocol.documents.algorithm import Algorithm
from protocol.documents.strict import build
from sandbox.data.site import Site
from sandbox.data.snapshot import GENOTYPES, PEOPLE, SITES, SnapshotInfo, write_info, write_table
from sandbox.data.statistic import check_request, measure_all
from sandbox.domain.dataset import Unit
from sandbox.domain.plan import GatePlan, make_gate_plan
from sandbox.gate import release_statistics
from tests.factory import World
from tests.gate_plans import facts

UNIT = "s"
REACH = "< 5"
GENOMES, FAMILY, VARIANTS, ROUNDS = 1_000_000, 2, 10, 5
NAMES = [f"rs{number}" for number in range(VARIANTS)]
CASES = {"cases": [{"column": "dx_e11", "values": ["1"]}], "controls": [{"column": "dx_e11", "values": ["0"]}]}
ASKED: tuple[dict[str, Any], ...] = (
    {"name": "n", "kind": "count", "where": [{"column": "age", "at_least": "40"}]},
    {"name": "f", "kind": "allele_frequencies", "variants": "variants"},
    {"name": "t", "kind": "genotype_table", "variants": "variants", **CASES},
)

_SAME = {"name", "version", "author", "summary", "purpose", "unit"}


def measure() -> Figure:
    """The median of a few answers, each beside the bare reading."""
    plan = _plan()
    folder = Path(tempfile.mkdtemp(prefix="safeconduct-bench-"))
    try:
        _write_snapshot(folder)
        answers, readings = side_by_side(lambda: _answer(folder, plan), lambda: _read(folder), rounds=ROUNDS, warm_up=1)
    finally:
        shutil.rmtree(folder)
    return judge(
        answers, unit=UNIT, reach=5, better="less", beside=beside("reading the same files, no more", readings, UNIT)
    )


def _plan() -> GatePlan:
    world = World()
    listed = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    schema = {"type": "object", "properties": {"variants": listed}, "required": ["variants"]}
    fields = {
        **world.algorithm().model_dump(
            mode="json", include={"name", "version", "author", "summary", "purpose", "unit"}
        ),
        "source_commit": "0" * 40,
        "mode": "statistic",
        "inputs": {"variants": True, "columns": ["age", "dx_e11"]},
        "parameters": schema | {"additionalProperties": False},
        "statistics": list(ASKED),
    }
    rho = [{"output": one["name"], "nano": 10_000_000} for one in ASKED]
    order = world.order(rho=rho, parameters={"variants": NAMES}, blocks=0)
    known = facts(people=GENOMES, slots=GENOMES, maximum_family_size=FAMILY)
    return make_gate_plan(build(Algorithm, fields), order, world.policy(delta="0.0000001"), known)


def _answer(folder: Path, plan: GatePlan) -> None:
    check_request(folder, plan.statistics)
    release_statistics(plan, measure_all(folder, plan.statistics))


def _read(folder: Path) -> None:
    pq.read_table(folder / PEOPLE, columns=["slot", "age", "diagnoses"])
    np.fromfile(folder / GENOTYPES, dtype=np.uint8).max()


def _write_snapshot(folder: Path) -> None:
    """A snapshot as ingest writes it, of drawn people: an ingest of a million genomes is not what is measured."""
    draw = np.random.default_rng(1)
    sick = draw.random(GENOMES) < 0.25
    lists = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(sick)]), pa.int32()), pa.array(["E119"] * int(sick.sum()))
    )
    people = {
        "name": [f"{number:016x}" for number in range(GENOMES)],
        "slot": np.arange(GENOMES) // FAMILY,
        "age": pa.array(draw.integers(18, 95, GENOMES)).cast(pa.string()),
        "diagnoses": lists,
    }
    write_table(folder / PEOPLE, people)
    codes = np.array([7, 8, 11], dtype=np.uint8)  # 0/0, 0/1, 1/1
    with (folder / GENOTYPES).open("wb") as stream:
        for _ in range(VARIANTS):
            stream.write(codes[draw.binomial(2, 0.3, GENOMES)].tobytes())
    sites = [Site("1", 1000 + number, "A", "G") for number in range(VARIANTS)]
    places = {name: [getattr(site, name) for site in sites] for name in Site._fields}
    write_table(folder / SITES, {**places, "name": NAMES, "row": list(range(VARIANTS))})
    write_info(folder, _info())


def _info() -> SnapshotInfo:
    return SnapshotInfo(
        snapshot_id="bench",
        unit=Unit.FAMILY,
        maximum_family_size=FAMILY,
        slots=GENOMES,
        micro_blocks=1024,
        columns=(),
        diagnosis_codes=None,
        public_sites=VARIANTS,
        people_exact=GENOMES,
        units=GENOMES // FAMILY,
        sites=VARIANTS,
        dropped_members=0,
        unlisted_records=0,
        sources={},
    )
