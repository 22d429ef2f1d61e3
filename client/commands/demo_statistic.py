"""The same question asked in three modes: `block`, `statistic`, and at the first node `unit`.

`association` fits a regression in each block of people and adjusts for age and sex; `case_control` has the node's own
code count alleles of cases and controls, `case_counts` foreign code in each family, and both adjust for nothing. All
pay the same, so that their errors can be compared.
"""

from __future__ import annotations

import math
from typing import Any, Final

from client import algorithm_folder
from client.commands import demo_unit
from client.commands.demo_cast import MEMBERS, QUORUM
from client.commands.demo_plan import NodePlan
from client.commands.demo_story import Story, Submitted, source_commit
from client.commands.demo_truth import SAMPLING_ERRORS
from client.commands.demo_world import ALGORITHMS
from client.commands.job_tables import nano, short
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import read_envelope

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
        self._approve(submitted)
        orders = self._order(submitted)
        self.story.wait(orders)
        for plan in self.plans:
            self._compare(plan, orders[plan.node], truth)
        if demo_unit.can_run():
            self._ask_families(self.plans[0], truth)
        else:
            self.stage.tell(
                "No chamber for each family: this machine has no cells, and containers would take too long."
            )
        self._show(truth)

    def _ask_families(self, plan: NodePlan, truth: float) -> None:
        counting = demo_unit.submit(self.story)
        self._approve(counting)
        order = demo_unit.order(self.story, plan, counting)
        self.stage.tell(
            f"At {plan.node} alone, a chamber for each family as well: {plan.slots} of them, a public number above "
            "that of the families."
        )
        self.story.wait({plan.node: order})
        self._compare_families(plan, order, truth)

    def _approve(self, submitted: Submitted) -> None:
        terms = self.story.terms(ASKED)
        for member in MEMBERS[:QUORUM]:
            self.story.approve(submitted, member, terms)

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
        self.found += [
            _as_data(plan, mode, value.name, float(value.value), float(value.standard_error or 0), truth)
            for mode, value, _ in asked
        ]
        self.found[-1]["rho_charged_nano"] = result.receipt.rho_charged_nano
        self.found[-2]["rho_charged_nano"] = self.story.results[plan.node].receipt.rho_charged_nano

    def _compare_families(self, plan: NodePlan, order: str, truth: float) -> None:
        result = self.story.researcher.result(order)
        if result.release is None:
            self.stage.promise(False, f"{plan.node} released nothing: {result.receipt.reason} [{result.receipt.code}]")
            return
        value, error = demo_unit.log_odds_ratio(result.release)
        found = _as_data(plan, "unit", "log_odds_ratio", value, error, truth)
        self.found.append({**found, "rho_charged_nano": result.receipt.rho_charged_nano})

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
        kept = [one["near"] for one in self.found if one["mode"] != "block"]
        self.stage.promise(
            len(kept) == len(self.plans) + demo_unit.can_run() and all(kept),
            "statistic and unit answer as near to the truth as their stated errors let them be; blocks answer what no "
            "list of statistics and no sum over families foresees, and pay for it in error",
        )


def _as_data(plan: NodePlan, mode: str, name: str, value: float, stated: float, truth: float) -> dict[str, Any]:
    return {
        "node": plan.node,
        "mode": mode,
        "name": name,
        "value": value,
        "standard_error": stated,
        "truth": truth,
        "error": value - truth,
        "near": abs(value - truth) <= SAMPLING_ERRORS * stated,
    }
