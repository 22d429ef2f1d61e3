"""What came back: verified, decrypted, shown beside the truth that only the demo knows, and combined over nodes."""

from __future__ import annotations

import math
from typing import Any

from client.commands.demo_plan import NodePlan
from client.commands.demo_story import Story
from client.commands.demo_truth import allowed_misses, is_inside, is_near, truths
from client.commands.job_tables import interval, level, nano, short
from client.results import Combination, Result, combination_data, combine_all
from protocol.documents.release import Release, ReleasedValue

SHOWN = 8  # values of one node; a story with a hundred lines is not read


class Answers:
    """The answers of one performance."""

    def __init__(self, story: Story) -> None:
        self.story, self.stage = story, story.stage
        self.truth: dict[str, dict[str, float]] = {}
        self.combined: list[tuple[Combination, float]] = []

    def fetch(self) -> None:
        """Fetch each receipt, then its release; verify, compare, decrypt, show."""
        for plan in self.story.programme.nodes:
            result = self.story.researcher.result(self.story.orders[plan.node])
            self.story.results[plan.node] = result
            self.truth[plan.node] = truths(plan, self.story.cohorts[plan.node])
            self._show(plan, result)
        self._judge()

    def _show(self, plan: NodePlan, result: Result) -> None:
        receipt, release = result.receipt, result.release
        if release is None:
            self.stage.promise(False, f"{plan.node} released nothing: {receipt.reason} [{receipt.code}]")
            return
        self.stage.point(
            f"{plan.node}: receipt of {receipt.issued:%H:%M:%S} verified; it binds the sealed release, which opened. "
            f"Timing {release.timing}, epsilon {short(release.epsilon)} at delta {release.delta}, "
            f"spent rho {nano(receipt.rho_charged_nano)}, left {nano(receipt.rho_left_nano)}"
        )
        first = release.numbers[0]
        columns = ["output", ">released", f"noise {level(first.noise_interval)}", "with sampling", ">truth*"]
        rows = [self._row(plan, output, release) for output in release.numbers[:SHOWN]]
        self.stage.table(columns, rows)
        if len(release.numbers) > SHOWN:
            self.stage.tell(f"and {len(release.numbers) - SHOWN} more")

    def _row(self, plan: NodePlan, output: ReleasedValue, release: Release) -> list[str]:
        truth = self.truth[plan.node][output.name]
        mark = "" if is_near(output, truth, release) else "  !"
        total = interval(output.total_interval)
        return [output.name, short(output.value), interval(output.noise_interval), total, f"{truth:.4f}{mark}"]

    def _judge(self) -> None:
        if self.story.programme.name == "genomes":
            self.stage.tell("* The exact frequency, counted from the published genomes by the demo. No node told it.")
        else:
            self.stage.tell(
                "* The demo made these people, so it knows the truth: the effect that diagnoses were drawn "
                "with, and the exact frequencies. No node told it."
            )
        for algorithm in self.story.programme.algorithms:
            self._judge_algorithm(algorithm)

    def _judge_algorithm(self, algorithm: str) -> None:
        plans = self.story.programme.running(algorithm)
        judged = [
            (f"{plan.node} {output.name}", is_inside(output, truth), is_near(output, truth, release))
            for plan in plans
            if (release := self.story.results[plan.node].release) is not None
            for output in release.numbers
            for truth in [self.truth[plan.node][output.name]]
        ]
        inside, missed = sum(one[1] for one in judged), [name for name, _, near in judged if not near]
        self.stage.point(f"{algorithm}: {inside} of {len(judged)} truths inside the 99.9 % noise intervals alone")
        kept = bool(judged) and len(missed) <= allowed_misses(plans[0], len(judged))
        text = f"{algorithm}: every value is as near to the truth as its noise {_and_sampling(algorithm)}lets it be"
        self.stage.promise(kept, text + (f"; not so: {', '.join(missed)}" if missed else ""))

    def combine(self) -> None:
        """Combine the effect over the nodes by inverse variance, beside the truth."""
        plans = self.story.programme.running("association")
        for one in combine_all(self.story.results[plan.node] for plan in plans):
            truth = self.truth[plans[0].node][one.name]
            self.combined.append((one, truth))
            self.stage.table(
                ["together", ">value", "95 % interval", ">truth*", ">odds ratio", ">Q", ">I²"],
                [
                    [
                        f"{one.name}, {len(one.weights)} nodes",
                        short(one.value),
                        f"{one.low:.4f} to {one.high:.4f}",
                        f"{truth:.4f}",
                        f"{math.exp(one.value):.2f}",
                        f"{one.q:.2f}",
                        f"{100 * one.i_squared:.0f} %",
                    ]
                ],
            )
            for assumption in one.assumptions:
                self.stage.point(assumption)

    # For programs ---------------------------------------------------------------------------------------------

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes with their jobs and outputs, under the names that the JSON file promises."""
        return [
            {
                "node": plan.node,
                "dataset": plan.dataset,
                "people": plan.cohort.people,
                "cohort": plan.cohort.label,
                "jobs": [self._job(plan, self.story.results[plan.node])] if plan.node in self.story.results else [],
            }
            for plan in self.story.programme.nodes
        ]

    def _job(self, plan: NodePlan, result: Result) -> dict[str, Any]:
        return {
            "order": result.order,
            "algorithm": plan.algorithm,
            "mode": result.release.mode if result.release else None,
            "timing": result.receipt.timing,
            "state": self.story.node_job(plan.node, result.order).get("state"),
            "decision": result.receipt.decision,
            "receipt_verified": True,
            "rho_charged_nano": result.receipt.rho_charged_nano,
            "rho_left_nano": result.receipt.rho_left_nano,
            "epsilon": float(result.release.epsilon) if result.release else None,
            "outputs": [self._output(plan, one, result.release) for one in result.release.numbers]
            if result.release
            else [],
        }

    def _output(self, plan: NodePlan, output: ReleasedValue, release: Release) -> dict[str, Any]:
        total = output.total_interval
        truth = self.truth[plan.node][output.name]
        return {
            "name": output.name,
            "value": float(output.value),
            "noise_interval": [float(output.noise_interval.low), float(output.noise_interval.high)],
            "noise_level": float(output.noise_interval.level),
            "total_interval": [float(total.low), float(total.high)] if total else None,
            "standard_error": float(output.standard_error) if output.standard_error is not None else None,
            "rho_nano": output.rho_nano,
            "truth": truth,
            "inside": is_inside(output, truth),
            "near": is_near(output, truth, release),
        }

    def together(self) -> list[dict[str, Any]]:
        """Return the combinations over nodes, with the truth."""
        return [{**combination_data(one), "truth": truth} for one, truth in self.combined]


def _and_sampling(algorithm: str) -> str:
    return "and the sampling of people " if algorithm == "association" else ""
