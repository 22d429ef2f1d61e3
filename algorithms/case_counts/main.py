"""Count, in one privacy unit, the ALT alleles and all alleles of one variant among cases and among controls.

Input   /mnt/input/input.json            {"parameters": {"variant": "...", "disease": "E11"},
                                          "facts": {"maximum_family_size": M, ...}}
        /mnt/input/data/genotypes.vcf    the members of one family, or one person
        /mnt/input/data/subjects.csv     person and one 0/1 column per diagnosis, such as dx_E11
Output  /mnt/output/result.json          {"case_alt": n, "case_alleles": n, "control_alt": n, "control_alleles": n}

A variant is named by its ID, which counts every ALT allele of the records with that ID, or by CHROM:POS:REF:ALT. A
person has two alleles of it; who has no called genotype in its record, or no diagnosis, is left out. A record that is
absent has no ALT allele: a unit's file holds what its members carry.

Standard library only, so that the chamber starts quickly; there is one for each family or person.
"""

import csv
import json
import sys

INPUT = "/mnt/input"
OUTPUT = "/mnt/output"
ALLELES_PER_PERSON = 2
FIRST_SAMPLE = 9
GROUPS = {"1": "case", "0": "control"}

DESCRIPTION = {
    "name": "case_counts",
    "inputs": ["genotypes.vcf", "subjects.csv"],
    "parameters": {"variant": "ID or CHROM:POS:REF:ALT", "disease": "ICD-10 code"},
    "outputs": [f"{group}_{what}" for group in GROUPS.values() for what in ("alt", "alleles")],
}


def read_alleles(path, variant):
    """Return each person's ALT alleles of one variant, 0 to 2; None where the call is missing."""
    samples, alleles = [], {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\r\n").split("\t")
            if fields[0] == "#CHROM":
                samples = fields[FIRST_SAMPLE:]
                alleles = dict.fromkeys(samples, 0)
            elif not line.startswith("#"):
                _add(alleles, samples, fields, _asked(fields, variant))
    return alleles


def _asked(fields, variant):
    """Return the numbers of the ALT alleles that `variant` means in this record: all, one or none."""
    chrom, position, names, reference, alternatives = fields[:5]
    numbered = {alternative: str(number) for number, alternative in enumerate(alternatives.split(","), start=1)}
    if variant in names.split(";"):
        return set(numbered.values())
    prefix = f"{chrom}:{position}:{reference}:"
    return {number for alternative, number in numbered.items() if variant == prefix + alternative}


def _add(alleles, samples, fields, wanted):
    for sample, call in zip(samples, fields[FIRST_SAMPLE:], strict=True) if wanted else ():
        called = call.split(":", 1)[0].replace("|", "/").split("/")
        if "." in called:
            alleles[sample] = None
        elif alleles[sample] is not None:
            alleles[sample] = min(alleles[sample] + sum(one in wanted for one in called), ALLELES_PER_PERSON)


def count(alleles, subjects, disease, most):
    """Return the four counts of a unit, each at most `most`."""
    counts = dict.fromkeys(DESCRIPTION["outputs"], 0)
    for written in subjects:
        person = {name.lower(): value for name, value in written.items()}
        group = GROUPS.get(person[f"dx_{disease.lower()}"])
        carried = alleles.get(person["person"])
        if group is not None and carried is not None:
            counts[f"{group}_alt"] += carried
            counts[f"{group}_alleles"] += ALLELES_PER_PERSON
    return {name: min(number, most) for name, number in counts.items()}


def main():
    """Read the unit, count, write the result in place (the file is there already and is the only one)."""
    if sys.argv[1:] == ["--describe"]:
        json.dump(DESCRIPTION, sys.stdout)
        return
    inputs, outputs = sys.argv[1:3] if len(sys.argv) == 3 else (INPUT, OUTPUT)  # a test names other folders
    with open(f"{inputs}/input.json", encoding="utf-8") as file:
        asked = json.load(file)
    alleles = read_alleles(f"{inputs}/data/genotypes.vcf", asked["parameters"]["variant"])
    most = ALLELES_PER_PERSON * asked["facts"]["maximum_family_size"]
    with open(f"{inputs}/data/subjects.csv", encoding="utf-8", newline="") as table:
        counts = count(alleles, csv.DictReader(table), asked["parameters"]["disease"], most)
    with open(f"{outputs}/result.json", "w", encoding="utf-8") as file:
        json.dump(counts, file)


if __name__ == "__main__":
    main()
