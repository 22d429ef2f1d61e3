"""The program as a plain process on made-up families, against counts made by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("main.py")
HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


@pytest.fixture
def chamber(tmp_path):
    """Folders as a chamber has them; the result file is there already, as one of its own."""
    (tmp_path / "input/data").mkdir(parents=True)
    (tmp_path / "output").mkdir()
    (tmp_path / "output/result.json").touch()
    return tmp_path


def run(chamber, records, variants, *, samples=("a", "b"), family=4):
    rows = "".join(
        "\t".join(["21", str(at), name, ref, alt, ".", ".", ".", "GT", *calls]) + "\n"
        for at, name, ref, alt, *calls in records
    )
    (chamber / "input/data/genotypes.vcf").write_text(HEADER + "\t".join(samples) + "\n" + rows)
    asked = {"parameters": {"variants": variants}, "facts": {"maximum_family_size": family, "people": 300}}
    (chamber / "input/input.json").write_text(json.dumps(asked))
    folders = [str(chamber / "input"), str(chamber / "output")]
    subprocess.run([sys.executable, "-I", "-S", str(PROGRAM), *folders], check=True, timeout=30)
    return json.loads((chamber / "output/result.json").read_text())


def test_alleles_are_summed_over_the_family(chamber):
    records = [(100, "rs1", "A", "G", "0/1", "1|1"), (200, "rs2", "C", "T", "0/0", "0/1")]

    assert run(chamber, records, ["rs1", "rs2"]) == {"rs1": 3, "rs2": 1}


def test_variant_named_by_place_counts_its_own_allele_only(chamber):
    records = [(100, ".", "A", "G,T", "1/2", "2/2")]

    assert run(chamber, records, ["21:100:A:G", "21:100:A:T"]) == {"21:100:A:G": 1, "21:100:A:T": 3}


def test_variant_named_by_id_counts_every_alternative(chamber):
    records = [(100, "rs1;rs9", "A", "G,T", "1/2", "0/2")]

    assert run(chamber, records, ["rs9"]) == {"rs9": 3}


def test_record_that_is_absent_counts_nothing(chamber):
    assert run(chamber, [], ["rs1"]) == {"rs1": 0}


def test_missing_calls_and_other_fields_are_not_alleles(chamber):
    records = [(100, "rs1", "A", "G", "./.", "./1:99")]

    assert run(chamber, records, ["rs1"]) == {"rs1": 1}


def test_person_has_two_alleles_however_often_the_file_says_so(chamber):
    records = [(100, "rs1", "A", "G", "1/1", "0/1"), (100, "rs1", "A", "T", "1/1", "0/0")]

    assert run(chamber, records, ["rs1"]) == {"rs1": 3}


def test_family_is_bounded_by_its_signed_size(chamber):
    records = [(100, "rs1", "A", "G", "1/1", "1/1", "1/1")]

    assert run(chamber, records, ["rs1"], samples=("a", "b", "c"), family=2) == {"rs1": 4}


def test_result_is_written_in_place(chamber):
    before = (chamber / "output/result.json").stat().st_ino

    run(chamber, [], ["rs1"])

    assert (chamber / "output/result.json").stat().st_ino == before


def test_describe_says_what_the_program_wants():
    told = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), "--describe"], capture_output=True, check=True, timeout=30
    )

    assert json.loads(told.stdout)["name"] == "allele_frequency"
