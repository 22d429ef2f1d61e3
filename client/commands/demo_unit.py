"""The same question in mode `unit`: foreign code counts in each family, the node sums, the researcher computes.

The odds ratio per ALT allele of four noisy sums, with the error that sampling and the released noise leave it: the
delta method on log(a) - log(A - a) - log(c) + log(C - c), where a of A alleles of cases and c of C alleles of controls
are ALT.
"""

from __future__ import annotations

import math
import os
from typing import Final

from client.commands.demo_plan import NodePlan
from client.commands.demo_story import Story, Submitted
from client.commands.demo_world import ALGORITHMS
from protocol.documents.algorithm import Algorithm
from protocol.documents.release import Release

FOLDER: Final = ALGORITHMS / "case_counts"


def can_run() -> bool:
    """Say whether the nodes run chambers in cells: some thousand containers would take the better part of an hour."""
    return bool(os.environ.get("SAFECONDUCT_SUPERVISOR"))


def submit(story: Story) -> Submitted:
    """Have the researcher sign and submit the algorithm that counts in each family."""
    found = story.submit(FOLDER.name, FOLDER, story.images[FOLDER])
    document: Algorithm = found.document
    story.stage.point(f"{FOLDER.name} {document.version}: {document.summary}")
    return found


def order(story: Story, plan: NodePlan, submitted: Submitted) -> str:
    """Order it at a node, a chamber for each family; return the order."""
    (placed,) = story.researcher.order([story.wish(plan, submitted, blocks=0)])
    story.chambers[placed] = plan.slots
    return placed


def log_odds_ratio(release: Release) -> tuple[float, float]:
    """Return the log odds ratio per ALT allele and its standard error; ValueError where noise left a count empty."""
    by_name = {one.name: one for one in release.numbers}
    value, variance = 0.0, 0.0
    for group, sign in (("case", 1), ("control", -1)):
        alt, alleles = by_name[f"{group}_alt"], by_name[f"{group}_alleles"]
        carried, others = float(alt.value), float(alleles.value) - float(alt.value)
        value += sign * (math.log(carried) - math.log(others))
        sampling = 1 / carried + 1 / others
        variance += sampling + (float(alt.scale) * sampling) ** 2 + (float(alleles.scale) / others) ** 2
    return value, math.sqrt(variance)
