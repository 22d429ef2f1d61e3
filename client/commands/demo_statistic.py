"""The same question asked twice: of foreign code in blocks, and of the node's own code as a declared statistic.

`association` fits a regression in each block of people and adjusts for age and sex; `case_control` counts alleles of
cases and controls and adjusts for nothing. Both pay the same, so that their errors can be compared.
"""

from __future__ import annotations

import math
from typing import Any, Final

from client import algorithm_folder
from client.commands.demo_cast import MEMBERS, QUORUM
from client.commands.demo_plan import NodePlan
from client.commands.demo_story import Story, Submitted, source_commit
from client.commands.demo_truth import SAMPLING_ERRORS
from client.commands.demo_world import ALGORITHMS
from client.commands.job_tables import nano, short
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import read_envelope
from protocol.documents.release import ReleasedValue

NAME: Final = "case_control"
ASKED: Final = "association"


class Beside:
    """Orders the statistic where the association ran, and shows both answers beside the truth."""

    def __init__(self, story: Story) -> None:
        self.story, self.stage = story, story.stage
        self.plans = story.programme.running(ASKED)
        self.found: list[dict[str, Any]] = []

    def perform(self, truth: float) -> None:
        """Sign, approve, order, wait, compare; `truth` is the log odds ratio that the diagnoses were drawn with."""
        submitted = self._submit()
        terms = self.story.terms(ASKED)
        for member in MEMBERS[:QUORUM]:
            self.story.approve(submitted, member, terms)
        orders = self._order(submitted)
        self.story.wait(orders)
        for plan in self.plans:
            self._compare(plan, orders[plan.node], truth)
        self._show(truth)

    def _submit(self) -> Submitted:
        folder, researcher = ALGORITHMS / NAME, self.story.researcher
        spec, commit = algorithm_folder.read_spec(folder), source_commit(folder)
        envelope = researcher.sign_algorithm({**spec, "source_commit": commit}, None, commit)
        digest = researcher.submit_algorithm(envelope, folder)
        document = read_envelope(envelope).untrusted(Algorithm)
        self.stage.point(f"{NAME} {document.version}: {document.summary}")
        said = "; ".join(f"{one.name}: {one.in_words()}" for one in document.statistics)
        self.stage.tell(f"There is no image: the node's own code computes {said}. Algorithm document {digest[:16]}…")
        return Submitted(name=NAME, digest=digest, document=document, envelope=envelope)

    def _order(self, submitted: Submitted) -> dict[str, str]:
        wishes = [
            self.story.wish(plan, submitted, parameters={"variants": [plan.parameters["variant"]]}, blocks=0)
            for plan in self.plans
        ]
        ids = self.story.researcher.order(wishes)
        return {plan.node: order for plan, order in zip(self.plans, ids, strict=True)}

    def _compare(self, plan: NodePlan, order: str, truth: float) -> None:
        block, result = self.story.results[plan.node].release, self.story.researcher.result(order)
        if result.release is None or block is None:
            said = result.receipt if result.release is None else self.story.results[plan.node].receipt
            self.stage.promise(False, f"{plan.node} released nothing: {said.reason} [{said.code}]")
            return
        asked = (("block", block.numbers[0], plan.blocks), ("statistic", result.release.numbers[0], 0))
        self.found += [_as_data(plan, mode, value, truth) for mode, value, _ in asked]
        self.found[-1]["rho_charged_nano"] = result.receipt.rho_charged_nano
        self.found[-2]["rho_charged_nano"] = self.story.results[plan.node].receipt.rho_charged_nano

    def _show(self, truth: float) -> None:
        self.stage.table(
            ["node", "mode", ">rho", ">log odds ratio", ">stated error", ">truth", ">error", ">odds ratio"],
            [
                [
                    one["node"],
                    one["mode"],
                    nano(one["rho_charged_nano"]),
                    short(one["value"]),
                    short(one["standard_error"]),
                    short(truth),
                    f"{one['error']:+.4f}",
                    f"{math.exp(one['value']):.2f}",
                ]
                for one in self.found
            ],
        )
        kept = [one["near"] for one in self.found if one["mode"] == "statistic"]
        self.stage.promise(
            len(kept) == len(self.plans) and all(kept),
            "the statistic answers at every node, as near to the truth as its stated error lets it be; blocks answer "
            "what no list of statistics foresees, and pay for it in error",
        )


def _as_data(plan: NodePlan, mode: str, value: ReleasedValue, truth: float) -> dict[str, Any]:
    error, stated = float(value.value) - truth, float(value.standard_error or 0)
    return {
        "node": plan.node,
        "mode": mode,
        "name": value.name,
        "value": float(value.value),
        "standard_error": stated,
        "truth": truth,
        "error": error,
        "near": abs(error) <= SAMPLING_ERRORS * stated,
    }
