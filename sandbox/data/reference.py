"""Named human variants and about how common they are, for synthetic cohorts.

Positions, alleles and rsIDs are those of dbSNP on GRCh38. A frequency is that of ALT, rounded to about two places
after the populations of 1000 Genomes phase 3 (FIN, IBS, TSI, GBR, CEU for the Netherlands, all of EUR for `EU`) and
gnomAD; north-south gradients follow the literature: lactase persistence (rs4988235), APOE e4 (rs429358, falling from
Finland to Italy), TCF7L2 (rs7903146, rising from Finland to Spain), MTHFR 677T (rs1801133, rising to the south), CCR5
delta 32 (rs333, Lucotte 2002), SLCO1B1 521C (rs4149056, 20 % in Finland, Pasanen 2006). They make a cohort
believable; nobody should cite them. A country without a column of its own has those of `EU`.
"""

from typing import Final, NamedTuple

ASSEMBLY: Final = "GRCh38"
POPULATIONS: Final = ("EU", "FI", "ES", "IT", "NL", "FR", "GB")
# fmt: off
COUNTRIES: Final = frozenset((
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU",
    "IE", "IS", "IT", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
))
# fmt: on


class Variant(NamedTuple):
    """A biallelic variant; `frequencies` are those of ALT, in the order of `POPULATIONS`."""

    rsid: str
    gene: str
    chrom: str
    pos: int
    ref: str
    alt: str
    frequencies: tuple[float, ...]

    def frequency(self, country: str) -> float:
        """Return the frequency of ALT in a country, or in Europe when the table has no column for it."""
        return self.frequencies[POPULATIONS.index(country if country in POPULATIONS else "EU")]


# Never two of a pair on one chromosome copy: their minor alleles arose on different haplotypes.
APART: Final = (
    ("rs429358", "rs7412"),
    ("rs1799945", "rs1800562"),
    ("rs1801131", "rs1801133"),
    ("rs1799853", "rs1057910"),
    ("rs12248560", "rs4244285"),
)
_CCR5_DELETED: Final = "TACAGTCAGTATCAATTCTGGAAGAATTTCCAG"

# fmt: off
VARIANTS: Final = (  # by position; frequencies:                     EU    FI    ES    IT    NL    FR    GB
    Variant("rs1801131", "MTHFR", "1", 11794419, "T", "G",          (.31,  .33,  .28,  .28,  .32,  .32,  .33)),
    Variant("rs1801133", "MTHFR", "1", 11796321, "G", "A",          (.36,  .26,  .43,  .46,  .32,  .37,  .33)),
    Variant("rs11591147", "PCSK9", "1", 55039974, "G", "T",         (.015, .035, .010, .010, .017, .015, .020)),
    Variant("rs2476601", "PTPN22", "1", 113834946, "A", "G",        (.90,  .85,  .94,  .95,  .90,  .91,  .90)),
    Variant("rs6025", "F5", "1", 169549811, "C", "T",               (.020, .020, .010, .015, .025, .020, .020)),
    Variant("rs1260326", "GCKR", "2", 27508073, "T", "C",           (.59,  .64,  .57,  .52,  .62,  .57,  .60)),
    Variant("rs4988235", "LCT", "2", 135851076, "G", "A",           (.51,  .59,  .46,  .09,  .73,  .45,  .72)),
    Variant("rs1801282", "PPARG", "3", 12351626, "C", "G",          (.12,  .15,  .09,  .08,  .12,  .11,  .12)),
    Variant("rs333", "CCR5", "3", 46373452, _CCR5_DELETED, "T",     (.10,  .13,  .07,  .05,  .11,  .10,  .12)),
    Variant("rs2231142", "ABCG2", "4", 88131171, "G", "T",          (.10,  .08,  .09,  .09,  .11,  .10,  .11)),
    Variant("rs16891982", "SLC45A2", "5", 33951588, "C", "G",       (.94,  .97,  .82,  .95,  .98,  .93,  .98)),
    Variant("rs1799945", "HFE", "6", 26090951, "C", "G",            (.16,  .11,  .21,  .15,  .15,  .16,  .15)),
    Variant("rs1800562", "HFE", "6", 26092913, "G", "A",            (.045, .040, .030, .020, .060, .050, .075)),
    Variant("rs10455872", "LPA", "6", 160589086, "A", "G",          (.060, .040, .065, .050, .070, .060, .075)),
    Variant("rs776746", "CYP3A5", "7", 99672916, "T", "C",          (.94,  .92,  .92,  .95,  .93,  .93,  .94)),
    Variant("rs13266634", "SLC30A8", "8", 117172544, "C", "T",      (.29,  .36,  .27,  .26,  .30,  .28,  .30)),
    Variant("rs1333049", "CDKN2B-AS1", "9", 22125504, "G", "C",     (.47,  .45,  .47,  .47,  .48,  .47,  .48)),
    Variant("rs10811661", "CDKN2B-AS1", "9", 22134095, "T", "C",    (.18,  .15,  .18,  .18,  .17,  .18,  .18)),
    Variant("rs12248560", "CYP2C19", "10", 94761900, "C", "T",      (.22,  .19,  .22,  .22,  .21,  .22,  .22)),
    Variant("rs4244285", "CYP2C19", "10", 94781859, "G", "A",       (.15,  .18,  .13,  .13,  .14,  .14,  .15)),
    Variant("rs1799853", "CYP2C9", "10", 94942290, "C", "T",        (.12,  .11,  .14,  .14,  .12,  .13,  .11)),
    Variant("rs1057910", "CYP2C9", "10", 94981296, "A", "C",        (.070, .060, .080, .080, .060, .070, .060)),
    Variant("rs7903146", "TCF7L2", "10", 112998590, "C", "T",       (.32,  .20,  .38,  .38,  .29,  .33,  .29)),
    Variant("rs6265", "BDNF", "11", 27658369, "C", "T",             (.20,  .15,  .20,  .21,  .20,  .20,  .19)),
    Variant("rs1799963", "F2", "11", 46739505, "G", "A",            (.010, .005, .020, .020, .010, .012, .010)),
    Variant("rs4149056", "SLCO1B1", "12", 21178615, "T", "C",       (.16,  .20,  .14,  .17,  .15,  .16,  .15)),
    Variant("rs12913832", "HERC2", "15", 28120472, "A", "G",        (.64,  .86,  .34,  .40,  .80,  .55,  .79)),
    Variant("rs9923231", "VKORC1", "16", 31096368, "C", "T",        (.39,  .40,  .40,  .42,  .38,  .39,  .37)),
    Variant("rs9939609", "FTO", "16", 53786615, "T", "A",           (.41,  .38,  .43,  .44,  .39,  .41,  .39)),
    Variant("rs1805007", "MC1R", "16", 89919709, "C", "T",          (.070, .040, .025, .020, .085, .065, .110)),
    Variant("rs58542926", "TM6SF2", "19", 19268740, "C", "T",       (.070, .065, .065, .070, .070, .070, .070)),
    Variant("rs429358", "APOE", "19", 44908684, "T", "C",           (.15,  .19,  .11,  .09,  .16,  .12,  .16)),
    Variant("rs7412", "APOE", "19", 44908822, "C", "T",             (.070, .045, .055, .060, .085, .070, .085)),
    Variant("rs4680", "COMT", "22", 19963748, "G", "A",             (.50,  .54,  .47,  .48,  .54,  .50,  .52)),
    Variant("rs738409", "PNPLA3", "22", 43928847, "C", "G",         (.22,  .22,  .24,  .26,  .22,  .23,  .22)),
    Variant("rs3892097", "CYP2D6", "22", 42128945, "C", "T",        (.18,  .11,  .16,  .16,  .20,  .19,  .20)),
)
# fmt: on


class Disease(NamedTuple):
    """How a diagnosis comes about: a logistic model without any hidden term, so that its coefficients are the truth.

    prevalence: in the whole cohort. age: log odds per year. male: log odds of men against women. variants: log odds
    per ALT allele. drug: an ATC code and the share of the diagnosed who have it.
    """

    code: str
    name: str
    prevalence: float
    age: float
    male: float
    variants: tuple[tuple[str, float], ...]
    drug: tuple[str, float] | None = None


# Effects are the natural logarithms of odds ratios near those published; prevalences are those of an ageing cohort.
# E11: 1.37 per allele of rs7903146 (Grant 2006 and its replications). I82: factor V Leiden about 4, prothrombin about
# 3. G30: about 3 per e4. K76: PNPLA3 about 1.7. E10: 1.8 per allele A of PTPN22, which is the reference allele.
DISEASES: Final = (
    Disease("E11", "type 2 diabetes", 0.25, 0.030, 0.35, (("rs7903146", 0.3148),), ("A10BA02", 0.7)),
    Disease("E10", "type 1 diabetes", 0.010, -0.005, 0.15, (("rs2476601", -0.588),), ("A10AB01", 1.0)),
    Disease("E78", "hyperlipidaemia", 0.25, 0.020, 0.10, (("rs429358", 0.30), ("rs11591147", -0.90)), ("C10AA01", 0.6)),
    Disease("G30", "Alzheimer's disease", 0.03, 0.110, -0.20, (("rs429358", 1.10), ("rs7412", -0.50))),
    Disease("I10", "hypertension", 0.35, 0.050, 0.20, (), ("C09AA02", 0.5)),
    Disease("I82", "venous thrombosis", 0.03, 0.030, 0.00, (("rs6025", 1.39), ("rs1799963", 1.10))),
    Disease("K76", "fatty liver", 0.15, 0.010, 0.30, (("rs738409", 0.53), ("rs58542926", 0.45))),
)
