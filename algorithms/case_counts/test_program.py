"""The program as a plain process on made-up families, against counts made by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("main.py")
HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
FAMILY = {"a": "1", "b": "0", "c": "0"}


@pytest.fixture
def chamber(tmp_path):
    """Folders as a chamber has them; the result file is there already, as one of its own."""
    (tmp_path / "input/data").mkdir(parents=True)
    (tmp_path / "output").mkdir()
    (tmp_path / "output/result.json").touch()
    return tmp_path


def run(chamber, records, *, ill=FAMILY, variant="rs1", family=6):
    rows = "".join(
        "\t".join(["10", str(at), name, ref, alt, ".", ".", ".", "GT", *calls]) + "\n"
        for at, name, ref, alt, *calls in records
    )
    (chamber / "input/data/genotypes.vcf").write_text(HEADER + "\t".join(ill) + "\n" + rows)
    table = "".join(f"{person},{value}\n" for person, value in ill.items())
    (chamber / "input/data/subjects.csv").write_text("person,dx_E11\n" + table)
    asked = {"parameters": {"variant": variant, "disease": "E11"}, "facts": {"maximum_family_size": family}}
    (chamber / "input/input.json").write_text(json.dumps(asked))
    folders = [str(chamber / "input"), str(chamber / "output")]
    subprocess.run([sys.executable, "-I", "-S", str(PROGRAM), *folders], check=True, timeout=30)
    return list(json.loads((chamber / "output/result.json").read_text()).values())


def test_cases_and_controls_are_counted_apart(chamber):
    assert run(chamber, [(100, "rs1", "C", "T", "1|1", "0/1", "0/0")]) == [2, 2, 1, 4]


def test_record_that_is_absent_has_no_alt_allele(chamber):
    assert run(chamber, []) == [0, 2, 0, 4]


def test_missing_call_leaves_its_person_out(chamber):
    assert run(chamber, [(100, "rs1", "C", "T", "./.", "0/1", "./1")]) == [0, 0, 1, 2]


def test_unknown_diagnosis_leaves_its_person_out(chamber):
    assert run(chamber, [(100, "rs1", "C", "T", "1/1", "0/1")], ill={"a": "", "b": "0"}) == [0, 0, 1, 2]


def test_variant_named_by_place_counts_its_own_allele(chamber):
    records = [(100, ".", "C", "T,G", "1/2", "2/2", "0/1")]

    assert run(chamber, records, variant="10:100:C:G") == [1, 2, 2, 4]


def test_person_has_two_alleles_however_often_the_file_says_so(chamber):
    records = [(100, "rs1", "C", "T", "1/1", "0/1", "0/0"), (100, "rs1", "C", "G", "1/1", "0/1", "0/0")]

    assert run(chamber, records) == [2, 2, 2, 4]


def test_counts_are_bounded_by_the_signed_family_size(chamber):
    assert run(chamber, [(100, "rs1", "C", "T", "1/1", "1/1", "1/1")], family=1) == [2, 2, 2, 2]


def test_describe_says_what_the_program_wants():
    told = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), "--describe"], capture_output=True, check=True, timeout=30
    )

    assert json.loads(told.stdout)["name"] == "case_counts"
