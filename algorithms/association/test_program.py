"""The program as a plain process on a made-up block, and its estimator against simulated truth."""

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("main.py")
BLOCK = 94
BLOCKS = 4000
BIAS = 0.03
"""Tolerance for mean and median of the blocks' values. Their standard errors here are 0.006 and 0.008; the node's
median over 128 blocks has one of 0.04, so a bias below this is not what decides."""


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("association_program", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulate(random, people, effect, *, frequency=0.28, intercept=-1.35):
    """Return design and cases of people whose risk follows the model: about 27 % ill at the stated effect."""
    dosage = random.binomial(2, frequency, people).astype(float)
    age = (random.uniform(30, 80, people) - 50) / 10
    sex = random.integers(0, 2, people).astype(float)
    design = np.column_stack([np.ones(people), dosage, age, sex])
    risk = 1 / (1 + np.exp(-design @ [intercept, effect, 0.3, 0.2]))
    return design, (random.random(people) < risk).astype(float)


@pytest.mark.parametrize("effect", [0.0, 0.35])
def test_blocks_of_94_people_are_free_of_bias(program, effect):
    random = np.random.default_rng(20261123)

    estimates = np.array([program.fit(*simulate(random, BLOCK, effect))[1] for _ in range(BLOCKS)])

    assert abs(estimates.mean() - effect) < BIAS
    assert abs(np.median(estimates) - effect) < BIAS
    assert 0.3 < estimates.std() < 0.45  # the specification says 0.4


def test_large_sample_agrees_with_plain_maximum_likelihood(program):
    design, cases = simulate(np.random.default_rng(7), 20_000, 0.35)
    plain = np.zeros(4)
    for _ in range(25):
        risk = 1 / (1 + np.exp(-design @ plain))
        information = (design.T * (risk * (1 - risk))) @ design
        plain += np.linalg.solve(information, design.T @ (cases - risk))

    assert np.abs(program.fit(design, cases) - plain).max() < 0.005


def test_two_by_two_table_agrees_with_its_closed_form(program):
    """For one binary factor Firth's penalty adds a half to each cell of the table (Heinze & Schemper 2002)."""
    table = {(0, 0): 10, (0, 1): 3, (1, 0): 7, (1, 1): 0}
    rows = [(1.0, float(exposed), float(ill)) for (exposed, ill), count in table.items() for _ in range(count)]
    everyone = np.array(rows)

    fitted = program.fit(everyone[:, :2], everyone[:, 2])

    assert fitted[1] == pytest.approx(np.log((0.5 * 10.5) / (7.5 * 3.5)), abs=1e-5)


def test_separated_block_gives_a_finite_value(program):
    dosage = np.repeat([0.0, 1.0, 2.0], 30)
    design = np.column_stack([np.ones(90), dosage, np.linspace(-2, 2, 90), np.tile([0.0, 1.0], 45)])

    assert 0 < program.fit(design, (dosage == 2).astype(float))[1] < 30


def test_block_without_variation_is_refused(program):
    design = np.column_stack([np.ones(90), np.zeros(90), np.linspace(-2, 2, 90), np.tile([0.0, 1.0], 45)])

    with pytest.raises((ArithmeticError, np.linalg.LinAlgError)):
        program.fit(design, np.tile([0.0, 1.0, 1.0], 30))


CALLS = ("0/0", "0|1", "1/1")


def write_block(folder, random, *, people=400, alternatives="G", column="dx_e11"):
    design, cases = simulate(random, people, 0.7)
    names = [f"p{number}" for number in range(people)]
    (folder / "input/data").mkdir(parents=True)
    (folder / "output").mkdir()
    (folder / "output/result.json").touch()
    calls = [CALLS[int(dosage)] for dosage in design[:, 1]]
    head = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names]
    record = ["10", "112998590", "rs7903146", "C", alternatives, ".", ".", ".", "GT", *calls]
    lines = ["##fileformat=VCFv4.3", "\t".join(head), "\t".join(record)]
    (folder / "input/data/genotypes.vcf").write_text("\n".join(lines) + "\n")
    with (folder / "input/data/subjects.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["person", "family", "sex", "age", column])
        for name, row, ill in zip(names, design, cases, strict=True):
            writer.writerow([name, name, "male" if row[3] else "female", row[2] * 10 + 50, int(ill)])
    return design, cases


def run(folder, variant, disease="E11"):
    (folder / "input/input.json").write_text(
        json.dumps({"parameters": {"variant": variant, "disease": disease}, "facts": {}})
    )
    folders = [str(folder / "input"), str(folder / "output")]
    return subprocess.run([sys.executable, "-I", str(PROGRAM), *folders], capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("variant", ["rs7903146", "10:112998590:C:G"])
def test_process_writes_what_the_estimator_gives(program, tmp_path, variant):
    design, cases = write_block(tmp_path, np.random.default_rng(3))

    assert run(tmp_path, variant).returncode == 0

    written = json.loads((tmp_path / "output/result.json").read_text())
    assert written == {"log_odds_ratio": pytest.approx(program.fit(design, cases)[1], abs=1e-6)}


def test_people_with_missing_values_are_left_out(program, tmp_path):
    design, cases = write_block(tmp_path, np.random.default_rng(4))
    path = tmp_path / "input/data/subjects.csv"
    rows = path.read_text().splitlines()
    rows[1] = rows[1].replace("female", "unknown").replace("male", "unknown")
    rows[2] = ",".join([*rows[2].split(",")[:3], "", rows[2].split(",")[4]])
    path.write_text("\n".join(rows) + "\n")

    assert run(tmp_path, "rs7903146").returncode == 0

    written = json.loads((tmp_path / "output/result.json").read_text())
    assert written["log_odds_ratio"] == pytest.approx(program.fit(design[2:], cases[2:])[1], abs=1e-6)


def test_block_that_lacks_the_variant_writes_nothing(tmp_path):
    write_block(tmp_path, np.random.default_rng(5))

    assert run(tmp_path, "rs1").returncode != 0
    assert (tmp_path / "output/result.json").read_text() == ""


def test_describe_says_what_the_program_wants():
    told = subprocess.run(
        [sys.executable, "-I", str(PROGRAM), "--describe"], capture_output=True, check=True, timeout=60
    )

    assert json.loads(told.stdout)["outputs"] == ["log_odds_ratio"]
