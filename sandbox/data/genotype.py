"""One byte per genotype: every call of a biallelic site with at most two copies has its own code.

Alleles are absent (`.`), reference (`0`) or the site's ALT (`1`). With one copy the code is the allele's rank; with
two it is 3 + 3*first + second, and 9 more when the call is phased. A record with several ALTs is read once per ALT;
another ALT counts as `0` there, so that the number of `1` is the dosage of that very allele.
"""

import re
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.errors import BadInput

Codes = npt.NDArray[np.uint8]

_ALLELES: Final = (".", "0", "1")
TEXT: Final = (
    *_ALLELES,
    *(f"{first}/{second}" for first in _ALLELES for second in _ALLELES),
    *(f"{first}|{second}" for first in _ALLELES for second in _ALLELES),
)
CODE: Final = {text: code for code, text in enumerate(TEXT)}
HAPLOID: Final = len(_ALLELES)  # codes below this one have a single copy
FIELD: Final = np.array([f"\t{text}".encode() for text in TEXT], dtype="S4").view(np.uint8).reshape(-1, 4)
DOSAGE: Final = np.array([text.count("1") for text in TEXT], dtype=np.uint8)
ALLELES: Final = np.array([sum(c in "01" for c in text) for text in TEXT], dtype=np.uint8)
_CALL: Final = re.compile(r"(\.|[0-9]{1,4})(?:([/|])(\.|[0-9]{1,4}))?")


@cache
def code_of(call: str, alts: int, allele: int) -> int:
    """Return the code of a VCF call for ALT number `allele` (1-based) of a record with `alts` ALTs.

    Refused (`vcf-genotype-malformed`): anything but one or two alleles, and an allele that the record does not have.
    """
    found = _CALL.fullmatch(call)
    if found is None:
        raise BadInput("vcf-genotype-malformed", f"{call!r} is not a genotype of one or two alleles")
    first, phase, second = found.groups()
    ranks = [_rank(name, alts, allele) for name in (first, second) if name is not None]
    return CODE[(phase or "").join(ranks)]


def _rank(name: str, alts: int, allele: int) -> str:
    if name == ".":
        return name
    if int(name) > alts:
        raise BadInput("vcf-genotype-malformed", f"allele {name} is not among the record's {alts} alternatives")
    return "1" if int(name) == allele else "0"


def decode(calls: bytes, people: int, alts: int, allele: int) -> Codes:
    """Turn the tab-separated sample fields of one record, each beginning with its GT, into one code per person."""
    if len(calls) == 4 * people - 1:
        wide = _decode_wide(calls, alts, allele)
        if wide is not None:
            return wide
    fields = calls.decode("ascii", "replace").split("\t")
    if len(fields) != people:
        raise BadInput("vcf-genotype-malformed", f"it has {len(fields)} genotypes where the header names {people}")
    return np.fromiter((code_of(f.partition(":")[0], alts, allele) for f in fields), dtype=np.uint8, count=people)


def _decode_wide(calls: bytes, alts: int, allele: int) -> Codes | None:
    """Decode fields of exactly three characters without touching them one by one; None when they are not that."""
    cells = np.frombuffer(calls + b"\t", dtype=np.uint8).reshape(-1, 4)
    if not (cells[:, 3] == ord("\t")).all() or (cells[:, :3] == ord("\t")).any():
        return None
    kinds, which = np.unique(cells.reshape(-1).view(np.uint32), return_inverse=True)
    texts = (kind.tobytes()[:3].decode("ascii", "replace") for kind in kinds)
    table = np.array([code_of(text, alts, allele) for text in texts], dtype=np.uint8)
    return table[which]
