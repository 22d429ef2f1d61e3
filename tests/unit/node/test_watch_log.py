"""The node and the registry's log: what it believes, what holds every order, what goes into receipts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from factory import AUTHOR, NODE, NOW, World, digest_of, fake_digest, private_key
from small_log import LOG, Log

from protocol.documents.checkpoint import origin_of
from protocol.documents.key import Key
from protocol.errors import SafeconductError
from sandbox.actions.clock import GuardedClock
from sandbox.actions.node import Node, Places, Times, Trust
from sandbox.actions.watch_log import accept_log, check_proved, evidence, prove, read_log, watch
from sandbox.domain.turns import Limits
from sandbox.errors import RegistryDeclined, Unreachable
from sandbox.store import job, schema
from sandbox.store.base import Store
from sandbox.store.tables import AuditRow

WORLD = World()
BUNDLE = WORLD.bundle()
APPROVALS = tuple(digest_of(raw) for raw in BUNDLE.approvals)
DOCUMENTS = [*BUNDLE.accreditations, *BUNDLE.rosters, *BUNDLE.statuses, BUNDLE.algorithm, *BUNDLE.approvals]
MORE = [WORLD.sign(WORLD.algorithm(version=f"2.{number}.0"), AUTHOR) for number in range(6)]
HONEST = Log([*DOCUMENTS, *MORE])
OTHER = Log([*DOCUMENTS[:-1], MORE[0], *DOCUMENTS[-1:], *MORE[1:]])
ALL = len(DOCUMENTS)
JOB = digest_of(BUNDLE.order)


class FakeRegistry:
    """What the node's connection to the registry says about the log."""

    def __init__(self, log: Log, size: int) -> None:
        self.log, self.size = log, size

    def log_checkpoint(self) -> str:
        return self.log.at(self.size).raw

    def log_consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        return self.log.consistency(old, new)

    def log_inclusion(self, digest: str, size: int) -> str:
        documents = [digest_of(raw) for raw in (DOCUMENTS + MORE if self.log is HONEST else DOCUMENTS)]
        if digest not in documents[:size]:
            raise RegistryDeclined("document-unknown", "There is no such document.")
        return self.log.proof(documents.index(digest), size)


class Silent(FakeRegistry):
    """A registry that does not answer."""

    def log_checkpoint(self) -> str:
        raise Unreachable("registry-unreachable", "The registry does not answer.")


class Without(FakeRegistry):
    """A registry without a log."""

    def log_checkpoint(self) -> str:
        raise RegistryDeclined("route-unknown", "There is nothing here.")


def make_node(folder: Path, registry: FakeRegistry, log_key: Any) -> Node:
    store = Store(f"sqlite:///{folder / 'node.db'}")
    schema.prepare(store)
    root = WORLD.open_root(log_key=log_key)
    policy = WORLD.policy()
    book: Any = None
    nowhere: Any = None
    trust = Trust(root=root, root_digest=fake_digest("root"), policy=policy, policy_digest=fake_digest("p"), book=book)
    connect: Callable[[], Any] = lambda: registry  # noqa: E731  a connection that is always the same
    return Node(
        name=NODE,
        machine="here",
        country="FI",
        software="safeconduct test",
        store=store,
        clock=GuardedClock(store, lambda: NOW),
        signer=private_key(NODE),
        trust=trust,
        places=Places(images=folder, run=folder, datasets=folder, ledger_head=folder / "ledger.head"),
        times=Times(lease=nowhere, slice=nowhere),
        limits=Limits(at_once=8, per_project=4, memory=1 << 30, staging=1 << 30),
        seccomp="{}",
        oci_runtime="runc",
        connect=connect,
        start_runtime=nowhere,
    )


def with_job(node: Node) -> Node:
    values = {"id": JOB, "bundle": BUNDLE.to_json(), "researcher": "rita", "project": "t2d", "dataset": "cohort-fi"}
    with node.store.transaction() as session:
        job.insert_job(session, values | {"algorithm": digest_of(BUNDLE.algorithm)}, NOW)
    return node


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry(HONEST, ALL)


@pytest.fixture
def node(tmp_path: Path, registry: FakeRegistry) -> Node:
    return with_job(make_node(tmp_path, registry, Key.of(LOG.public).model_dump()))


def code_of(question: Callable[..., object], *about: object) -> str:
    with pytest.raises(SafeconductError) as error:
        question(*about)
    return f"{type(error.value).__name__} {error.value.code}"


def look(node: Node, registry: Any) -> Any:
    return watch(node, registry)


def charge_check(node: Node) -> None:
    with node.store.reading() as session:
        check_proved(node, session, JOB)


def audit(node: Node) -> list[tuple[str, str | None]]:
    with node.store.reading() as session:
        return [(row.action, row.code) for row in session.query(AuditRow)]


def test_a_growing_log_is_believed_across_restarts(tmp_path: Path, node: Node, registry: FakeRegistry) -> None:
    for registry.size in (3, 3, ALL, ALL + 5):
        assert look(node, registry) == HONEST.at(registry.size)

    again = make_node(tmp_path, registry, Key.of(LOG.public).model_dump())
    assert read_log(again.store, again.trust.root)["checkpoint"] == HONEST.at(ALL + 5).raw


def test_a_rolled_back_log_holds_everything_from_then_on(node: Node, registry: FakeRegistry) -> None:
    prove(node, JOB, BUNDLE, APPROVALS)
    registry.size = ALL - 1

    assert code_of(look, node, registry) == "Held log-rollback"

    registry.size = ALL
    assert code_of(look, node, registry) == "Held log-rollback"
    assert code_of(prove, node, JOB, BUNDLE, APPROVALS) == "Held log-rollback"
    assert code_of(charge_check, node) == "Held log-rollback"
    seen = read_log(node.store, node.trust.root)
    assert (seen["alarm"], seen["alarm_checkpoint"]) == ("log-rollback", HONEST.at(ALL - 1).raw)
    assert seen["checkpoint"] == HONEST.at(ALL).raw
    assert audit(node) == [("log-alarm", "log-rollback")]


@pytest.mark.parametrize("size", [ALL, ALL + 1])
def test_a_forked_log_holds_everything_from_then_on(node: Node, registry: FakeRegistry, size: int) -> None:
    look(node, registry)

    assert code_of(look, node, FakeRegistry(OTHER, size)) == "Held log-fork"

    assert code_of(look, node, registry) == "Held log-fork"
    assert audit(node) == [("log-alarm", "log-fork")]


def test_a_registry_that_will_not_prove_its_growth_is_not_believed(node: Node, registry: FakeRegistry) -> None:
    look(node, registry)
    registry.size = ALL + 1

    def deny(old: int, new: int) -> tuple[bytes, ...]:
        raise RegistryDeclined("log-size", "No.")

    registry.log_consistency = deny  # type: ignore[method-assign]
    assert code_of(look, node, registry) == "Held log-fork"


def test_what_another_process_saw_meanwhile_is_no_roll_back(node: Node, registry: FakeRegistry) -> None:
    """Between our question and our answer, another process asked later and wrote first."""
    look(node, registry)

    def slow_answer() -> str:
        if registry.size == ALL:
            registry.size = ALL + 3
            look(node, FakeRegistry(HONEST, ALL + 3))
        return HONEST.at(ALL + 1).raw

    slow = FakeRegistry(HONEST, ALL)
    slow.log_checkpoint = slow_answer  # type: ignore[method-assign]

    assert look(node, slow) == HONEST.at(ALL + 3)
    assert audit(node) == []


def test_a_fork_between_two_processes_comes_out(node: Node, registry: FakeRegistry) -> None:
    first = FakeRegistry(HONEST, 3)
    look(node, first)

    def slow_answer() -> str:
        look(node, FakeRegistry(HONEST, ALL))
        return OTHER.at(ALL).raw

    slow = FakeRegistry(OTHER, ALL)
    slow.log_checkpoint = slow_answer  # type: ignore[method-assign]

    assert code_of(look, node, slow) == "Held log-fork"


def test_a_checkpoint_that_the_log_did_not_sign_counts_as_none(node: Node, registry: FakeRegistry) -> None:
    stranger = FakeRegistry(Log(DOCUMENTS, private_key("x")), ALL)

    assert code_of(look, node, stranger) == "Held log-checkpoint-signature"

    assert look(node, registry) == HONEST.at(ALL)
    assert audit(node) == []


def test_a_registry_without_a_log_holds_orders(node: Node) -> None:
    assert code_of(look, node, Without(HONEST, ALL)) == "Held log-missing"
    assert code_of(look, node, Silent(HONEST, ALL)) == "Unreachable registry-unreachable"


def test_proved_approvals_go_into_the_receipt(node: Node, registry: FakeRegistry) -> None:
    prove(node, JOB, BUNDLE, APPROVALS)
    registry.size = ALL + 2
    prove(node, JOB, BUNDLE, APPROVALS)
    charge_check(node)

    found = evidence(node, JOB, charged=True)

    assert found.checkpoint == HONEST.at(ALL).raw
    assert found.proofs == tuple(HONEST.proof(DOCUMENTS.index(raw), ALL) for raw in BUNDLE.approvals)


def test_an_order_rests_on_the_checkpoint_believed_last_if_that_holds_its_approvals(
    node: Node, registry: FakeRegistry
) -> None:
    look(node, registry)
    registry.size = ALL + 2

    prove(node, JOB, BUNDLE, APPROVALS)

    assert evidence(node, JOB, charged=True).checkpoint == HONEST.at(ALL).raw


def test_an_order_with_newer_approvals_rests_on_a_newer_checkpoint(node: Node, registry: FakeRegistry) -> None:
    registry.size = ALL - 1
    look(node, registry)
    registry.size = ALL + 2

    prove(node, JOB, BUNDLE, APPROVALS)

    assert evidence(node, JOB, charged=True).checkpoint == HONEST.at(ALL + 2).raw


def test_a_fork_comes_out_with_the_first_order_that_rests_on_it(node: Node, registry: FakeRegistry) -> None:
    look(node, registry)
    registry.log = OTHER

    assert code_of(prove, node, JOB, BUNDLE, APPROVALS) == "Held log-fork"
    assert audit(node) == [("log-alarm", "log-fork")]


def test_an_approval_outside_the_log_refuses_the_order(node: Node, registry: FakeRegistry) -> None:
    registry.size = ALL - 1

    assert code_of(prove, node, JOB, BUNDLE, APPROVALS) == "Refused log-inclusion"
    assert code_of(charge_check, node) == "Held log-missing"
    assert evidence(node, JOB, charged=False).checkpoint == HONEST.at(ALL - 1).raw


def test_a_forged_proof_refuses_the_order(node: Node, registry: FakeRegistry) -> None:
    registry.log_inclusion = lambda digest, size: HONEST.proof(0, size)  # type: ignore[method-assign]

    assert code_of(prove, node, JOB, BUNDLE, APPROVALS) == "Refused log-commitment"


def test_only_the_approvals_used_are_proved(node: Node) -> None:
    prove(node, JOB, BUNDLE, APPROVALS[:1])

    assert len(evidence(node, JOB, charged=True).proofs) == 1


def test_an_admin_may_accept_the_log_anew(node: Node, registry: FakeRegistry) -> None:
    look(node, registry)
    registry.size = 2
    assert code_of(look, node, registry) == "Held log-rollback"

    forgotten = accept_log(node.store, node.trust.root, "restored from a backup, told by its operator", NOW)

    assert forgotten["alarm"] == "log-rollback"
    assert look(node, registry) == HONEST.at(2)
    assert audit(node)[-1][0] == "log-accepted"


def test_a_trust_root_without_a_log_key_records_none(tmp_path: Path) -> None:
    node = with_job(make_node(tmp_path, Silent(HONEST, ALL), None))

    assert watch(node, node.registry) is None
    prove(node, JOB, BUNDLE, APPROVALS)
    charge_check(node)
    found = evidence(node, JOB, charged=False)

    assert (found.checkpoint, found.proofs) == (None, ())
    assert read_log(node.store, node.trust.root) == {"pinned": False}
    assert code_of(accept_log, node.store, node.trust.root, "why", NOW) == "BadInput log-unpinned"


def test_another_log_key_starts_anew(tmp_path: Path, node: Node, registry: FakeRegistry) -> None:
    """The trust root's next version pins the key of a registry that was made anew."""
    look(node, registry)
    other = private_key("next log")
    again = make_node(tmp_path, FakeRegistry(Log(DOCUMENTS, other), 1), Key.of(other.public).model_dump())

    assert read_log(again.store, again.trust.root)["checkpoint"] is None
    assert watch(again, again.registry).origin == origin_of(other.public)  # type: ignore[union-attr]
