"""What honest algorithms call: each tool does one small piece of work, and the report says what came of it."""

# ruff: noqa: S108, S603  the chamber's own /tmp; programs that this file names

import json
import multiprocessing
import os
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path

VCF = """##fileformat=VCFv4.2
##contig=<ID=1,length=1000>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\tc
1\t100\trs1\tA\tC\t.\t.\t.\tGT\t0/1\t1/1\t0/0
1\t200\trs2\tG\tT\t.\t.\t.\tGT\t0/0\t0/1\t0/1
"""
FILE = Path("/tmp/small.vcf")


def said(*command: str, **environment: str) -> str:
    """What a program prints; its own words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    if done.returncode:
        raise RuntimeError(f"{done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")
    return done.stdout.strip()


def use_numpy() -> object:
    import numpy

    return round(float(numpy.linalg.svd(numpy.eye(30))[1].sum()))


def use_scipy() -> object:
    from scipy import optimize, stats

    return [round(stats.norm.cdf(0.0), 3), round(float(optimize.brentq(lambda x: x - 2, 0, 5)), 3)]


def use_pandas() -> object:
    import pandas

    table = pandas.DataFrame({"group": ["a", "b", "a"], "value": [1, 2, 3]})
    table.to_csv("/tmp/table.csv")
    return int(pandas.read_csv("/tmp/table.csv").groupby("group").value.sum()["a"])


def use_pysam() -> object:
    import pysam

    with pysam.VariantFile(str(FILE)) as variants:
        return [record.pos for record in variants]


def square(value: int) -> int:
    return value * value


def use_multiprocessing() -> object:
    with multiprocessing.Pool(2) as pool:
        return pool.map(square, range(4))


def use_r() -> object:
    program = Path("/tmp/program.R")
    program.write_text("model <- lm(y ~ x, data.frame(x = 1:10, y = 2 * (1:10) + 1)); cat(round(coef(model), 6))\n")
    home = "/usr/lib/R"
    return said(f"{home}/bin/exec/R", "--vanilla", "--no-echo", f"--file={program}", R_HOME=home, TMPDIR="/tmp")


def use_r_by_its_script() -> object:
    return said("/usr/bin/Rscript", "--vanilla", "-e", "cat(var(c(1, 2, 3)))")


def use_bcftools() -> object:
    said("/usr/bin/bcftools", "view", "-Oz", "-o", "/tmp/small.vcf.gz", str(FILE))
    said("/usr/bin/bcftools", "index", "/tmp/small.vcf.gz")
    return said("/usr/bin/bcftools", "query", "-r", "1:150-250", "-f", "%ID", "/tmp/small.vcf.gz")


def use_plink2() -> object:
    # By its own name: the script /usr/bin/plink2 asks /proc/cpuinfo, which is empty here, which of them to run.
    made = "/tmp/made"
    said(
        "/usr/lib/plink2/plink2-sse2", "--vcf", str(FILE), "--freq", "--threads", "1", "--memory", "640", "--out", made
    )
    return [line.split()[4] for line in Path(f"{made}.afreq").read_text().splitlines()[1:]]


def tried(use: Callable[[], object]) -> object:
    try:
        return use()
    except Exception:
        return traceback.format_exc()[-600:]


if __name__ == "__main__":
    FILE.write_text(VCF)
    uses = {name.removeprefix("use_"): use for name, use in globals().items() if name.startswith("use_")}
    Path("/mnt/output/result.json").write_text(json.dumps({name: tried(use) for name, use in uses.items()}))
