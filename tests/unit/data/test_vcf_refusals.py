"""Every fault of a VCF: its own code, one sentence, nothing written."""

import gzip
from pathlib import Path

import pysam
from cohorts import write_vcf
from faults import COHORT, SAMPLES, Change, Faults, check_refused

from sandbox.data.ingest import Sources

FAULTS = Faults()
fault = FAULTS.add
ROWS = COHORT.rows(SAMPLES)


def _vcf(sources: Sources, rows: list[str], samples: list[str] = SAMPLES, index: bool = True) -> Sources:
    write_vcf(sources.vcf, samples, rows, index=index)
    return sources


def _with_cell(row: str, sample: int, call: str) -> str:
    cells = row.split("\t")
    cells[9 + sample] = call
    return "\t".join(cells)


@fault("file-missing")
def vcf_missing(sources: Sources) -> Sources:
    sources.vcf.unlink()
    return sources


@fault("vcf-truncated")
def vcf_without_its_last_block(sources: Sources) -> Sources:
    sources.vcf.write_bytes(sources.vcf.read_bytes()[:-28])
    return sources


@fault("vcf-truncated")
def vcf_cut_in_the_middle(sources: Sources) -> Sources:
    sources.vcf.write_bytes(sources.vcf.read_bytes()[:300])
    return sources


@fault("vcf-truncated")
def vcf_with_a_damaged_byte(sources: Sources) -> Sources:
    content = bytearray(sources.vcf.read_bytes())
    content[len(content) // 2] ^= 0xFF
    sources.vcf.write_bytes(content)
    return sources


@fault("vcf-not-bgzf")
def vcf_in_plain_gzip(sources: Sources) -> Sources:
    sources.vcf.write_bytes(gzip.compress(gzip.decompress(sources.vcf.read_bytes())))
    return sources


@fault("vcf-not-bgzf")
def vcf_not_compressed(sources: Sources) -> Sources:
    sources.vcf.write_bytes(gzip.decompress(sources.vcf.read_bytes()))
    return sources


@fault("vcf-malformed")
def vcf_that_is_something_else(sources: Sources) -> Sources:
    with pysam.BGZFile(str(sources.vcf), "wb", index=None) as stream:
        stream.write(b"a picture of a cat\n")
    return sources


@fault("vcf-malformed")
def vcf_with_a_short_record(sources: Sources) -> Sources:
    return _vcf(sources, [*ROWS, "chr2\t900\trs\tA"], index=True)


@fault("vcf-unsorted")
def vcf_unsorted_without_index(sources: Sources) -> Sources:
    sources.vcf.with_name("cohort.vcf.gz.tbi").unlink()
    return _vcf(sources, [ROWS[1], ROWS[0], *ROWS[2:]], index=False)


@fault("vcf-unsorted")
def vcf_unsorted_with_an_old_index(sources: Sources) -> Sources:
    return _vcf(sources, [ROWS[1], ROWS[0], *ROWS[2:]], index=False)


@fault("vcf-unsorted")
def vcf_with_a_chromosome_in_two_places(sources: Sources) -> Sources:
    return _vcf(sources, [*ROWS, ROWS[0].replace("\t100\t", "\t5000\t")], index=False)


@fault("vcf-index-missing")
def vcf_without_index(sources: Sources) -> Sources:
    sources.vcf.with_name("cohort.vcf.gz.tbi").unlink()
    return sources


@fault("vcf-index-stale")
def vcf_with_another_files_index(sources: Sources) -> Sources:
    _vcf(sources, [row for row in ROWS if row.startswith("chr1")])
    return _vcf(sources, ROWS, index=False)


@fault("vcf-duplicate-sample")
def vcf_with_a_sample_twice(sources: Sources) -> Sources:
    return _vcf(sources, ROWS, [SAMPLES[1], *SAMPLES[1:]])


@fault("vcf-no-samples")
def vcf_without_samples(sources: Sources) -> Sources:
    return _vcf(sources, [], [])


@fault("vcf-duplicate-site")
def vcf_with_a_site_twice(sources: Sources) -> Sources:
    return _vcf(sources, [ROWS[0], *ROWS])


@fault("vcf-genotype-malformed")
def genotype_of_letters(sources: Sources) -> Sources:
    return _vcf(sources, [_with_cell(ROWS[0], 3, "A/G"), *ROWS[1:]])


@fault("vcf-genotype-malformed")
def genotype_of_an_allele_that_is_not_there(sources: Sources) -> Sources:
    return _vcf(sources, [_with_cell(ROWS[0], 3, "0/2"), *ROWS[1:]])


@fault("vcf-genotype-malformed")
def genotype_of_three_copies(sources: Sources) -> Sources:
    return _vcf(sources, [_with_cell(ROWS[0], 3, "0/1/1"), *ROWS[1:]])


@fault("vcf-genotype-malformed")
def genotypes_fewer_than_samples(sources: Sources) -> Sources:
    return _vcf(sources, [ROWS[0].rpartition("\t")[0], *ROWS[1:]])


@fault("vcf-genotype-malformed")
def record_without_genotypes(sources: Sources) -> Sources:
    return _vcf(sources, [ROWS[0].replace("\tGT\t", "\tDP\t"), *ROWS[1:]])


@FAULTS.each()
def test_ingest_refuses(tmp_path: Path, code: str, change: Change) -> None:
    check_refused(tmp_path, code, change)
