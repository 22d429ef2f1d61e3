"""Orders beyond what the vectors say: who asked, which conditions bind, how a bundle travels, how fast it goes."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from factory import AUTHOR, DATASET, NODE, NOW, OFFICE, RESEARCHER, World, digest_of
from vectors.bundles import two_committees, two_rules
from vectors.spec_cases import UNIT_MODE

from protocol.chain import OrderBundle, VerifiedOrder, attribute_order, verify_order
from protocol.documents.approval import Conditions
from protocol.documents.expansion import expand_outputs
from protocol.documents.fields import Document
from protocol.documents.strict import build
from protocol.errors import Refused
from protocol.trust.conditions import check_permits

WORLD = World()


def _verify(bundle: OrderBundle, world: World = WORLD, **root: Any) -> VerifiedOrder:
    return verify_order(bundle, trust_root=world.open_root(**root), node=NODE, datasets=frozenset({DATASET}), now=NOW)


def test_bundle_survives_its_journey() -> None:
    bundle = WORLD.bundle()

    assert OrderBundle.from_json(bundle.to_json()) == bundle


def test_bundle_of_too_many_documents_is_refused_however_it_came() -> None:
    bundle = WORLD.bundle()

    with pytest.raises(Refused) as refusal:
        _verify(replace(bundle, statuses=bundle.statuses * 129))

    assert refusal.value.code == "document-malformed"


def test_document_in_a_bundle_that_is_too_large_is_refused() -> None:
    bundle = WORLD.bundle()

    with pytest.raises(Refused) as refusal:
        _verify(replace(bundle, order=b" " * 2**20 + bundle.order))

    assert refusal.value.code == "document-too-large"


def test_order_that_will_be_refused_is_still_known_by_its_author() -> None:
    """Whoever is known gets a signed refusal: for another node, without approvals, after the accreditation's end."""
    bundle = WORLD.bundle(order={"node": "node-es"})

    order, order_id = attribute_order(replace(bundle, approvals=(), statuses=()), trust_root=WORLD.open_root())

    assert (order.researcher, order_id) == (RESEARCHER, digest_of(bundle.order))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order": b"{}"}, "document-malformed"),
        ({"accreditations": ()}, "accreditation-missing"),
        ({"order": WORLD.sign(WORLD.order(), "mallory")}, "order-signature"),
    ],
)
def test_order_of_nobody_known_is_nobodys(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        attribute_order(replace(WORLD.bundle(), **change), trust_root=WORLD.open_root())

    assert refusal.value.code == code


def test_conditions_of_several_committees_are_those_that_all_allow() -> None:
    verified = verify_order(
        two_committees(),
        trust_root=WORLD.open_root(**two_rules()),
        node=NODE,
        datasets=frozenset({DATASET}),
        now=NOW,
    )

    assert verified.conditions.runs_per_node == 1
    assert verified.conditions.nodes == (NODE,)
    assert verified.conditions.rho_per_job_nano == 31_250_000


@pytest.mark.parametrize("generous_first", [True, False])
def test_conditions_that_permit_the_order_are_found_among_several(generous_first: bool) -> None:
    """Four members, two and two under different conditions: either pair is a quorum, one of them allows the order."""
    world = World(members=("a1", "b1", "c1", "d1"))
    strict = {"conditions": world.conditions(rho_per_job_nano=1000)}
    generous = {"conditions": world.conditions(runs_per_node=9)}
    first, second = (generous, strict) if generous_first else (strict, generous)

    verified = _verify(world.bundle(approvals={"a1": first, "b1": first, "c1": second, "d1": second}), world)

    assert verified.conditions.runs_per_node == 9


def test_conditions_that_have_expired_permit_nothing() -> None:
    conditions = build(Conditions, WORLD.conditions(expires=NOW))

    with pytest.raises(Refused) as refusal:
        check_permits(conditions, WORLD.order(), NOW)

    assert refusal.value.code == "approval-expired"


def test_outputs_follow_the_parameters() -> None:
    algorithm = WORLD.algorithm(**UNIT_MODE)

    outputs = expand_outputs(algorithm, {"variants": ["rs2", "rs1"]})

    assert [(output.name, output.spec.name) for output in outputs] == [
        ("rs2", "allele_frequency"),
        ("rs1", "allele_frequency"),
    ]


@pytest.mark.parametrize("parameters", [{}, {"variants": "rs1"}, {"variants": []}, {"variants": [7]}])
def test_outputs_without_their_list_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        expand_outputs(WORLD.algorithm(**UNIT_MODE), parameters)

    assert refusal.value.code == "order-outputs"


def test_five_members_three_of_whom_approve() -> None:
    world = World(members=("a1", "b1", "c1", "d1", "e1"), minimum_approvals=3, minimum_institutions=3)

    assert len(_verify(world.bundle(approvals=("a1", "c1", "e1")), world).approvals) == 3


def test_accreditation_that_lives_longest_is_taken() -> None:
    """A renewed accreditation lies beside the one it replaces."""
    bundle = WORLD.bundle()
    ended = WORLD.sign(WORLD.accreditation(valid_until=NOW), OFFICE)

    for accreditations in ((ended, *bundle.accreditations), (*bundle.accreditations, ended)):
        assert _verify(replace(bundle, accreditations=accreditations)).accreditation.valid_until > NOW


def test_document_must_say_its_subjects() -> None:
    with pytest.raises(NotImplementedError):
        Document().subjects()


def test_factory_author_differs_from_researcher() -> None:
    """The vectors rely on it: rules about the author and rules about the one who orders are told apart."""
    assert AUTHOR != RESEARCHER


def test_reading_documents_loads_no_cryptography() -> None:
    """The command answers `--help` quickly because the library is loaded when a key is first used."""
    code = "import sys, protocol.chain; sys.exit(any(name in sys.modules for name in ('cryptography', 'joserfc')))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
