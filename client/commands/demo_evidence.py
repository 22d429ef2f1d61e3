"""The end of the story: every document in files, and every receipt verified from them, without any network."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from client.commands.demo_plan import NodePlan
from client.commands.demo_refusals import Refusal
from client.commands.demo_story import Story
from client.results import Result
from protocol.chain import explain, verify_receipt
from protocol.documents.envelope import read_envelope
from protocol.documents.trust_root import TrustRoot
from protocol.trust.root import open_trust_root


class Evidence:
    """Files of one performance, and what they prove on their own."""

    def __init__(self, story: Story) -> None:
        self.story, self.stage = story, story.stage
        self.folder = story.world.run / "evidence"

    def verify(self, refusals: Iterable[Refusal]) -> bool:
        """Write everything down, then judge each job from its files and its node's own trust root."""
        good = [self._job(plan) for plan in self.story.programme.nodes]
        receipts = [self._receipt(one.result, one.case) for one in refusals]
        count = len(good) + len(receipts)
        kept = self.stage.promise(
            all(good) and all(receipts),
            f"{sum(good) + sum(receipts)} of {count} receipts verified offline, from files and a fingerprint alone",
        )
        self._say_how(self.story.programme.nodes[0])
        return kept

    def _job(self, plan: NodePlan) -> bool:
        """Judge order, approvals, receipt and sealed release together: the node's own six steps, and the receipt's."""
        files = self._gather(plan, self.story.orders[plan.node])
        steps = explain(files, self.root(plan), datetime.now(UTC), self.story.researcher.recipient)
        bad = [step for step in steps if step.ok is not True]
        for step in bad:
            self.stage.promise(False, f"{plan.node}: {step.name}: {step.sentence}")
        return not bad

    def _receipt(self, result: Result, case: str) -> bool:
        """Judge a refusal's receipt by itself: its order may be one that was never right."""
        node, registry = result.receipt.node, self.story.researcher.registry
        plan = next(plan for plan in self.story.programme.nodes if plan.node == node)
        raw, accreditation = registry.receipt(result.order), registry.accreditation(node)
        status = self.story.world.papers.status
        files = {"receipt.json": raw, "node.json": accreditation, "status.json": status}
        self._save(f"refusal-{case.replace(' ', '-')}", files)
        found = verify_receipt(
            raw,
            accreditations=[accreditation],
            statuses=[status],
            trust_root=self.root(plan),
            now=datetime.now(UTC),
            order_id=result.order,
        )
        return found.decision == "refused"

    def root(self, plan: NodePlan) -> TrustRoot:
        """Open a holder's trust root by its fingerprint, as an auditor would."""
        path, fingerprint = self.root_of(plan)
        return open_trust_root(path.read_bytes(), fingerprint)

    def root_of(self, plan: NodePlan) -> tuple[Path, str]:
        """Return where a holder's trust root is, and its fingerprint."""
        path = self.story.world.node_folder(plan) / "trust-root.json"
        return path, read_envelope(path.read_bytes()).digest

    def _gather(self, plan: NodePlan, order: str) -> dict[str, bytes]:
        story, registry = self.story, self.story.researcher.registry
        algorithm, papers = story.submitted[plan.algorithm], story.world.papers
        files = {
            "order.json": registry.document(order),
            "algorithm.json": algorithm.envelope,
            "roster.json": papers.roster,
            "status.json": papers.status,
            "receipt.json": registry.receipt(order),
            "node.json": registry.accreditation(plan.node),
        }
        if story.results[plan.node].release is not None:
            files["release.sealed"] = registry.release(order)
        files |= {f"approval-{n}.json": registry.document(d) for n, d in enumerate(algorithm.approvals, start=1)}
        files |= {f"person-{n}.json": raw for n, raw in enumerate(papers.accreditations, start=1)}
        self._save(plan.node, files)
        return files

    def _save(self, name: str, files: dict[str, bytes]) -> None:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)

    def _say_how(self, plan: NodePlan) -> None:
        path, fingerprint = self.root_of(plan)
        self.stage.tell("Anybody can do the same with the files:")
        self.stage.console.print(
            f"    safeconduct verify {self.folder / plan.node}/* --trust-root {path} --fingerprint {fingerprint}",
            soft_wrap=True,
            markup=False,
        )
