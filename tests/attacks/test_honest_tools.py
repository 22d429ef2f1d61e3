"""The tools that honest algorithms call run under the list of calls and the limits of a chamber."""

import json
import os
import shutil
from pathlib import Path

import chamber_help as help_
import docker
import pytest
from errors import CannotSetUp
from machine import Machine
from tools_image import tools_image

ROOT = Path(__file__).parents[2]
VCF = "/mnt/input/data/small.vcf"
SMALL = """##fileformat=VCFv4.2
##contig=<ID=1,length=1000>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb
1\t100\trs1\tA\tC\t.\t.\t.\tGT\t0/1\t1/1
"""
EXPECTED = {
    "numpy": 30,
    "scipy": [0.5, 2.0],
    "pandas": 4,
    "pysam": [100, 200],
    "multiprocessing": [0, 1, 4, 9],
    "r": "1 2",
    "r_by_its_script": "1",
    "bcftools": "rs2",
    "plink2": ["0.5", "0.333333"],
}


@pytest.fixture(scope="module")
def tools_image_id(engine: docker.APIClient) -> str:
    """The engine's ID of the image, put into it behind the back of `load_image`: what it holds is no attack."""
    try:
        tag = tools_image(Machine(ROOT, os.environ))
    except CannotSetUp as problem:
        pytest.skip(f"the image with R, bcftools and plink2 cannot be made here: {problem}")
    return str(engine.inspect_image(tag)["Id"])


def test_each_tool_does_its_work_in_a_chamber(hall: help_.Hall, tools_image_id: str) -> None:
    program = (help_.HOSTILE / "tools.py").read_text()
    entrypoint = ("/usr/bin/python3", "-I", "-c", program)

    [report] = hall.run(
        ["tools"], image_id=tools_image_id, entrypoint=entrypoint, memory_bytes=1 << 30, output_bytes=65536
    )

    assert report is not None
    assert json.loads(report) == EXPECTED


PYTHON = ("/usr/bin/python3", "-I", "-c")
RESULT = "/mnt/output/result.json"
# Under `strict` a program starts none that it listens to: there are no pipes. Each tool is run by itself.
ALONE = {
    "numpy": (
        *PYTHON,
        f"import numpy as n; print(n.linalg.svd(n.eye(30))[1].sum(), end='', file=open('{RESULT}', 'w'))",
    ),
    "scipy": (*PYTHON, f"import scipy.stats as s; print(s.norm.cdf(0), end='', file=open('{RESULT}', 'w'))"),
    "pandas": (*PYTHON, f"import pandas as p; print(p.Series([1, 2]).sum(), end='', file=open('{RESULT}', 'w'))"),
    "pysam": (
        *PYTHON,
        f"import pysam as p; print(*(r.pos for r in p.VariantFile('{VCF}')), file=open('{RESULT}', 'w'))",
    ),
    "threads": (
        *PYTHON,
        (
            "from concurrent.futures import ThreadPoolExecutor as T\n"
            f"with T(4) as t: print(*t.map(abs, [-1, -2]), file=open('{RESULT}', 'w'))"
        ),
    ),
    "r": (
        *("/usr/bin/env", "R_HOME=/usr/lib/R", "TMPDIR=/tmp", "/usr/lib/R/bin/exec/R", "--vanilla", "--no-echo"),
        *("-e", f"cat(mean(c(1, 3)), file = '{RESULT}')"),
    ),
    "bcftools": ("/usr/bin/bcftools", "query", "-f", "%ID", "-o", RESULT, VCF),
    "plink2": (
        *("/bin/sh", "-c"),
        (
            f"/usr/lib/plink2/plink2-sse2 --memory 640 --threads 1 --vcf {VCF} --freq --out /tmp/o >/dev/null; "
            f"tail -n 1 /tmp/o.afreq > {RESULT}"
        ),
    ),
}
SAID_ALONE = {
    "numpy": "30.0",
    "scipy": "0.5",
    "pandas": "3",
    "pysam": "100",
    "threads": "1 2",
    "r": "2",
    "bcftools": "rs1",
    "plink2": "1 rs1 A C 0.75 4",
}


def test_each_tool_does_its_work_in_a_strict_chamber(strict_hall: help_.Hall, tools_image_id: str) -> None:
    said = {tool: strictly(strict_hall, tools_image_id, command) for tool, command in ALONE.items()}

    assert said == SAID_ALONE


def strictly(hall: help_.Hall, image_id: str, command: tuple[str, ...]) -> str | None:
    hall.plan(["x"])
    (hall.directory / "blocks" / "000000" / "small.vcf").write_text(SMALL)
    [result] = hall.run(["x"], image_id=image_id, entrypoint=command, memory_bytes=1 << 30)
    shutil.rmtree(hall.outputs)
    return " ".join(result.decode().split()) if result else None
