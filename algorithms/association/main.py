"""Estimate, in one block of people, the log odds ratio of a disease per ALT allele, adjusted for age and sex.

Input   /mnt/input/input.json            {"parameters": {"variant": "...", "disease": "E11"}, ...}
        /mnt/input/data/genotypes.vcf    the block's genotypes; a variant is named by its ID or by CHROM:POS:REF:ALT
        /mnt/input/data/subjects.csv     person, sex, age and one 0/1 column per diagnosis, such as dx_E11
Output  /mnt/output/result.json          {"log_odds_ratio": number}

The model is logistic regression fitted with Firth's penalty, half the log determinant of the information: it takes
away the first-order bias that small samples give to the usual estimate, and it stays finite where the usual estimate
is infinite because a block happens to separate cases from controls. The node takes the median over some hundred
blocks, which averages noise away but never bias.

  Firth D. Bias reduction of maximum likelihood estimates. Biometrika 80 (1993) 27-38.
  Heinze G, Schemper M. A solution to the problem of separation in logistic regression. Stat Med 21 (2002) 2409-2419.

People without a called genotype, an age, or a sex that is female or male are left out. A block from which nothing can
be estimated writes nothing: it then counts with the default that the specification declares.
"""

import csv
import json
import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a block is small: threads would only wait for each other

import numpy as np

INPUT = "/mnt/input"
OUTPUT = "/mnt/output"
FIRST_SAMPLE = 9
SEX = {"female": 0.0, "male": 1.0}
MIDDLE_AGE, AGE_UNIT = 50.0, 10.0  # years; fixed, so that a block's own people do not choose the scale

STEPS = 60
LONGEST_STEP = 2.0
HALVINGS = 12
CONVERGED = 1e-7

DESCRIPTION = {
    "name": "association",
    "inputs": ["genotypes.vcf", "subjects.csv"],
    "parameters": {"variant": "ID or CHROM:POS:REF:ALT", "disease": "ICD-10 code"},
    "outputs": ["log_odds_ratio"],
}


def fit(design, cases):
    """Return the coefficients that maximise Firth's penalised likelihood, by Newton steps that never go downhill."""
    coefficients = np.zeros(design.shape[1])
    now, score, information = _likelihood(design, cases, coefficients)
    for _ in range(STEPS):
        step = np.linalg.solve(information, score)
        step *= min(1.0, LONGEST_STEP / np.abs(step).max(initial=CONVERGED))
        for _ in range(HALVINGS):
            following, next_score, next_information = _likelihood(design, cases, coefficients + step)
            if following >= now - CONVERGED:
                break
            step /= 2
        coefficients = coefficients + step
        now, score, information = following, next_score, next_information
        if np.abs(step).max() < CONVERGED:
            return coefficients
    raise ArithmeticError("the penalised likelihood was not maximised")


def _likelihood(design, cases, coefficients):
    """Return the penalised log likelihood, its (modified) score, and the information matrix."""
    predicted = design @ coefficients
    risk = 1 / (1 + np.exp(-predicted))
    weight = risk * (1 - risk)
    information = (design.T * weight) @ design
    sign, log_determinant = np.linalg.slogdet(information)
    if sign <= 0 or not np.isfinite(log_determinant):
        raise ArithmeticError("the block does not vary enough to estimate an effect")
    leverage = weight * np.einsum("ij,ji->i", design, np.linalg.solve(information, design.T))
    score = design.T @ (cases - risk + leverage * (0.5 - risk))
    likelihood = cases @ predicted - np.logaddexp(0, predicted).sum() + 0.5 * log_determinant
    return likelihood, score, information


def read_dosages(path, variant):
    """Return each person's ALT alleles of one variant; a missing call leaves the person out."""
    samples, dosages = [], {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\r\n").split("\t")
            if fields[0] == "#CHROM":
                samples = fields[FIRST_SAMPLE:]
            elif not line.startswith("#"):
                wanted = _alleles(fields, variant)
                if wanted:
                    dosages = dict(_dosages(samples, fields[FIRST_SAMPLE:], wanted))
    return dosages


def _alleles(fields, variant):
    """Return the numbers of the ALT alleles that `variant` means in this record: all, one or none."""
    chrom, position, names, reference, alternatives = fields[:5]
    numbered = {alternative: str(number) for number, alternative in enumerate(alternatives.split(","), start=1)}
    if variant in names.split(";"):
        return set(numbered.values())
    prefix = f"{chrom}:{position}:{reference}:"
    return {number for alternative, number in numbered.items() if variant == prefix + alternative}


def _dosages(samples, calls, wanted):
    for sample, call in zip(samples, calls, strict=True):
        alleles = call.split(":", 1)[0].replace("|", "/").split("/")
        if "." not in alleles:
            yield sample, sum(allele in wanted for allele in alleles)


def read_block(inputs, variant, disease):
    """Return the design (one, dosage, age, sex) and the cases of everybody whose values are all there."""
    dosages = read_dosages(f"{inputs}/data/genotypes.vcf", variant)
    rows, cases = [], []
    with open(f"{inputs}/data/subjects.csv", encoding="utf-8", newline="") as table:
        for written in csv.DictReader(table):
            person = {name.lower(): value for name, value in written.items()}
            ill = person[f"dx_{disease.lower().replace('.', '')}"]
            if person["person"] in dosages and person["age"] and person["sex"] in SEX and ill in ("0", "1"):
                age = (float(person["age"]) - MIDDLE_AGE) / AGE_UNIT
                rows.append((1.0, dosages[person["person"]], age, SEX[person["sex"]]))
                cases.append(float(ill))
    return np.array(rows), np.array(cases)


def main():
    """Read the block, fit, write the result in place (the file is there already and is the only one)."""
    if sys.argv[1:] == ["--describe"]:
        json.dump(DESCRIPTION, sys.stdout)
        return
    inputs, outputs = sys.argv[1:3] if len(sys.argv) == 3 else (INPUT, OUTPUT)  # a test names other folders
    with open(f"{inputs}/input.json", encoding="utf-8") as file:
        asked = json.load(file)["parameters"]
    effect = fit(*read_block(inputs, asked["variant"], asked["disease"]))[1]
    with open(f"{outputs}/result.json", "w", encoding="utf-8") as file:
        json.dump({"log_odds_ratio": float(effect)}, file)


if __name__ == "__main__":
    main()
