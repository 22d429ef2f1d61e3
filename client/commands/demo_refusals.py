"""The refusals, live: six ways to ask for what must not happen, each answered by the node with a signed receipt.

Everything here reaches a real node in the real way. Where the story needs a dishonest registry, the demo plays one: it
swaps an archive in the registry's own folder, and hands an order to a node that it is not for.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from client.commands.algorithm import ARCHIVE
from client.commands.demo_cast import MEMBERS, QUORUM
from client.commands.demo_plan import NodePlan
from client.commands.demo_story import Story, Submitted
from client.commands.demo_world import ALGORITHMS
from client.errors import ClientError
from client.results import Result
from protocol.crypto.digest import sha256_hex
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder

CHANGED_VERSION: Final = "1.0.1"
LEDGER_HEAD: Final = "ledger.head"
EXPECTED: Final = {
    "unapproved image": "approval-missing",
    "one approval where two are needed": "approval-quorum",
    "changed image under an approved name": "image-mismatch",
    "order replayed": "order-replayed",
    "order for another node": "order-wrong-node",
    "job over budget": "budget-job",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One case: what was tried and what the node answered."""

    case: str
    node: str
    result: Result
    ledger_unchanged: bool

    @property
    def as_promised(self) -> bool:
        """Whether it is the refusal that it should be."""
        receipt = self.result.receipt
        return receipt.decision == "refused" and receipt.code == EXPECTED[self.case] and self.ledger_unchanged

    def as_data(self) -> dict[str, Any]:
        """Return it for programs."""
        receipt = self.result.receipt
        return {
            "case": self.case,
            "node": self.node,
            "code": receipt.code,
            "decision": receipt.decision,
            "reason": receipt.reason,
            "expected_code": EXPECTED[self.case],
            "receipt_verified": True,
            "rho_charged_nano": receipt.rho_charged_nano,
            "ledger_unchanged": self.ledger_unchanged,
            "order": self.result.order,
        }


class Refusals:
    """Tries the six cases at one node."""

    def __init__(self, story: Story) -> None:
        self.story, self.stage = story, story.stage
        self.plan: NodePlan = story.programme.nodes[0]
        self.found: list[Refusal] = []
        self.heads: dict[str, str] = {}

    def perform(self) -> None:
        """Try everything, check every receipt, and compare every ledger before and after."""
        self.heads = self._ledger_heads()
        changed = self._submit_changed()
        first = {
            "unapproved image": self._unapproved(changed),
            "order replayed": self._replayed(),
            "order for another node": self._misdirected(),
            "job over budget": self._over_budget(),
        }
        self.story.approve(changed, MEMBERS[0], self.story.terms(self.plan.algorithm))
        first["one approval where two are needed"] = self._send(changed)
        self._wait(first)
        for member in MEMBERS[1:QUORUM]:
            self.story.approve(changed, member, self.story.terms(self.plan.algorithm))
        second = {"changed image under an approved name": self._swapped(changed)}
        self._wait(second)
        self._judge({**first, **second})

    # The cases ------------------------------------------------------------------------------------------------

    def _submit_changed(self) -> Submitted:
        """Submit a version whose program differs by a comment: another image, so another thing to approve."""
        folder = changed_folder(self.story, self.plan.algorithm)
        return self.story.submit(self.plan.algorithm, folder, self.story.images[folder], version=CHANGED_VERSION)

    def _unapproved(self, changed: Submitted) -> str:
        """Nobody approved this version; the order names an approval that does not exist."""
        return self._send(changed, approvals=(sha256_hex(b"an approval that nobody gave"),))

    def _replayed(self) -> str:
        """The nonce of the order that ran, signed again: the same bytes would only bring the same sealed answer."""
        researcher = self.story.researcher
        done = read_envelope(researcher.registry.document(self.story.orders[self.plan.node])).untrusted(JobOrder)
        return self._send(self.story.submitted[self.plan.algorithm], nonce=done.nonce)

    def _misdirected(self) -> str:
        """An order for the second node, handed to the first."""
        other = next(plan for plan in self.story.programme.running(self.plan.algorithm) if plan != self.plan)
        (envelope,) = self.story.researcher.sign_orders([self.story.wish(other)])
        return self.story.researcher.registry.hand_order_to(self.plan.node, envelope)

    def _over_budget(self) -> str:
        """Twice what the node's policy lets one job spend; the approvals would allow it."""
        return self._send(self.story.submitted[self.plan.algorithm], rho=2 * self.plan.rho_nano)

    def _swapped(self, changed: Submitted) -> str:
        """Play a registry that was taken over: another archive under the digest that was approved."""
        digest = changed.archive_digest
        stored = list((self.story.world.run / "registry").rglob(digest))
        if len(stored) != 1:
            raise ClientError(
                "demo-registry-folder", f"The registry does not keep the archive {digest} where the demo looks."
            )
        shutil.copyfile(self.story.images[ALGORITHMS / self.plan.algorithm] / ARCHIVE, stored[0])
        return self._send(changed)

    def _send(self, algorithm: Submitted, **changes: Any) -> str:
        (order,) = self.story.researcher.order([self.story.wish(self.plan, algorithm, **changes)])
        return order

    # The verdict ----------------------------------------------------------------------------------------------

    def _wait(self, orders: dict[str, str]) -> None:
        self.story.wait(orders)

    def _judge(self, orders: dict[str, str]) -> None:
        after = self._ledger_heads()
        for case in EXPECTED:
            result = self.story.researcher.result(orders[case])
            unchanged = after == self.heads and result.receipt.ledger_head == self.heads[self.plan.node]
            self.found.append(Refusal(case=case, node=self.plan.node, result=result, ledger_unchanged=unchanged))
        self.stage.table(
            ["tried", "answer", "code", "why, in the node's words"],
            [
                [one.case, one.result.receipt.decision, one.result.receipt.code, one.result.receipt.reason]
                for one in self.found
            ],
        )
        codes = {one.result.receipt.code for one in self.found}
        good = all(one.as_promised for one in self.found) and len(codes) == len(EXPECTED)
        wrong = [f"{one.case}: {one.result.receipt.code}" for one in self.found if not one.as_promised]
        self.stage.promise(good, "six refusals, each with its own code and a receipt that verifies" + _list(wrong))
        self.stage.promise(after == self.heads, "no ledger changed: every head is the same as before the six attempts")

    def _ledger_heads(self) -> dict[str, str]:
        """Return each node's ledger head as it stands outside its database; the node in question adds its books up."""
        world = self.story.world
        heads = {
            plan.node: (world.node_folder(plan) / LEDGER_HEAD).read_text(encoding="utf-8").strip()
            for plan in self.story.programme.nodes
        }
        folder = str(world.node_folder(self.plan))
        verified = world.programs.run(f"{self.plan.node}-ledger", ["ledger", "verify", "--dir", folder, "--json"])
        return {**heads, self.plan.node: str(verified["head"])}


def changed_folder(story: Story, algorithm: str) -> Path:
    """Return a copy of an algorithm's folder whose program has one comment more."""
    folder = story.world.run / "changed" / algorithm
    if not folder.exists():
        ignored: Callable[..., set[str]] = shutil.ignore_patterns("__pycache__", "test_*")
        shutil.copytree(ALGORITHMS / algorithm, folder, ignore=ignored)
        with (folder / "main.py").open("a", encoding="utf-8") as program:
            program.write(f"\n# {CHANGED_VERSION}: nothing else is different\n")
    return folder


def _list(items: list[str]) -> str:
    return f" (not so: {'; '.join(items)})" if items else ""
