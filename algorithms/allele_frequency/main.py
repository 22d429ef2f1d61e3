"""Count, in one privacy unit, the ALT alleles of each variant that was asked for.

Input   /mnt/input/input.json            {"parameters": {"variants": [...]}, "facts": {"maximum_family_size": M, ...}}
        /mnt/input/data/genotypes.vcf    the members of one family, or one person
Output  /mnt/output/result.json          {"<variant>": alleles, ...}: whole numbers from 0 to 2 for each member

A variant is named by its ID, which counts every ALT allele of the records with that ID, or by CHROM:POS:REF:ALT, which
counts that allele only. A person has at most two alleles of a variant, a unit at most 2 M. A record that is absent has
no ALT allele (a unit's file holds what its members carry); a missing call counts as none and so pulls the frequency
down: on data with many missing calls, take the variants with few. Autosomes only: the node divides by two per person.

Standard library only, so that the chamber starts quickly; there is one for each family or person.
"""

import json
import sys

INPUT = "/mnt/input"
OUTPUT = "/mnt/output"
ALLELES_PER_PERSON = 2
FIRST_SAMPLE = 9

DESCRIPTION = {
    "name": "allele_frequency",
    "inputs": ["genotypes.vcf"],
    "parameters": {"variants": "IDs or CHROM:POS:REF:ALT"},
    "outputs": "one per variant: ALT alleles in the unit",
}


def count_alleles(lines, variants, most):
    """Return the ALT alleles of each variant over all samples of a VCF, at most `most` for each."""
    people = {variant: {} for variant in variants}
    for line in lines:
        if line.startswith("#"):
            continue
        fields = line.rstrip("\r\n").split("\t")
        for variant, wanted in _asked(fields, people):
            _add(people[variant], fields, wanted)
    return {
        variant: min(sum(min(alleles, ALLELES_PER_PERSON) for alleles in counts.values()), most)
        for variant, counts in people.items()
    }


def _asked(fields, people):
    """Yield the variants that a record answers, each with the allele numbers that count."""
    chrom, position, names, reference, alternatives = fields[:5]
    numbered = {alternative: str(number) for number, alternative in enumerate(alternatives.split(","), start=1)}
    for name in names.split(";"):
        if name in people:
            yield name, set(numbered.values())
    for alternative, number in numbered.items():
        name = f"{chrom}:{position}:{reference}:{alternative}"
        if name in people:
            yield name, {number}


def _add(counts, fields, wanted):
    for sample, call in enumerate(fields[FIRST_SAMPLE:]):
        alleles = call.split(":", 1)[0].replace("|", "/").split("/")
        counts[sample] = counts.get(sample, 0) + sum(allele in wanted for allele in alleles)


def main():
    """Read the unit, count, write the result in place (the file is there already and is the only one)."""
    if sys.argv[1:] == ["--describe"]:
        json.dump(DESCRIPTION, sys.stdout)
        return
    inputs, outputs = sys.argv[1:3] if len(sys.argv) == 3 else (INPUT, OUTPUT)  # a test names other folders
    with open(f"{inputs}/input.json", encoding="utf-8") as file:
        asked = json.load(file)
    most = ALLELES_PER_PERSON * asked["facts"]["maximum_family_size"]
    with open(f"{inputs}/data/genotypes.vcf", encoding="utf-8") as lines:
        counts = count_alleles(lines, asked["parameters"]["variants"], most)
    with open(f"{outputs}/result.json", "w", encoding="utf-8") as file:
        json.dump(counts, file)


if __name__ == "__main__":
    main()
