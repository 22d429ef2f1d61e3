"""A node takes statistics through its states without image, engine or chambers, and charges and seals them as usual."""

from collections.abc import Callable
from typing import Any

import pytest
from factory import recipient_key
from statistic_specs import statistic

from protocol.chain import OrderBundle, open_release
from protocol.documents.envelope import read_claim
from protocol.documents.receipt import Receipt
from protocol.documents.release import Release, ReleasedHistogram
from sandbox.actions.preview import preview
from sandbox.data.statistic import measure_all
from sandbox.domain.job import JobState
from sandbox.domain.statistic import reading_milliseconds
from sandbox.store.dataset import read_dataset

Kit = Any

RISK = "rs7903146"
WOMEN = {"name": "women", "kind": "count", "where": [{"column": "sex", "values": ["female"]}]}
TABLE = {
    "name": "diabetes",
    "kind": "genotype_table",
    "variants": "variants",
    "cases": [{"column": "dx_e11", "values": ["1"]}],
    "controls": [{"column": "dx_e11", "values": ["0"]}],
}
INPUTS = {"variants": True, "columns": ["dx_e11", "sex"]}
DEAR = 10_000_000
PEOPLE = 400


def asked(**changes: Any) -> dict[str, Any]:
    """What turns the kit's order into one of two statistics."""
    fields = statistic(statistics=[WOMEN, TABLE], inputs=INPUTS, **changes.pop("algorithm", {})).model_dump(mode="json")
    rho = [{"output": name, "nano": DEAR} for name in ("women", "diabetes")]
    order = {"blocks": 0, "parameters": {"variants": [RISK]}, "rho": rho, **changes.pop("order", {})}
    return {"algorithm": fields, "order": order, **changes}


@pytest.fixture
def no_engine(kit: Kit) -> Kit:
    """A kit whose chambers may not be touched."""

    def forbidden() -> Any:
        raise AssertionError("a statistic needs no engine")

    object.__setattr__(kit.node, "start_runtime", forbidden)
    kit.node.__dict__.pop("runtime", None)
    return kit


def opened(kit: Kit, job_id: str) -> tuple[Receipt, Release]:
    sealed = kit.sealed(job_id)
    assert sealed is not None
    assert sealed.ciphertext is not None
    receipt = read_claim(sealed.receipt, Receipt).untrusted
    return receipt, open_release(sealed.ciphertext, receipt, recipient_key())


def test_statistic_is_charged_and_released_without_an_engine(no_engine: Kit) -> None:
    kit = no_engine
    job_id = kit.take(**asked())

    row = kit.finish(job_id)

    receipt, release = opened(kit, job_id)
    assert (row.state, row.image_id) == (JobState.REPORTED, None)
    assert receipt.rho_charged_nano == release.rho_nano == sum(one.rho_nano for one in release.outputs)
    assert 2 * DEAR - 2 <= receipt.rho_charged_nano <= 2 * DEAR
    assert (release.mode, release.blocks, release.people) == ("statistic", 0, PEOPLE)
    assert [one.name for one in release.outputs] == [
        "women",
        f"diabetes/{RISK}",
        f"diabetes/{RISK}/log_odds_ratio",
    ]
    assert not kit.registry.sent("/images/")


def test_released_statistics_are_near_the_truth(no_engine: Kit) -> None:
    """Noise of scale 28 for a count of families of 4 at this rho; 9 deviations never happen (1e-18)."""
    kit = no_engine
    job_id = kit.take(**asked())
    kit.finish(job_id)
    plans = examined_plans(kit)

    _, release = opened(kit, job_id)
    with kit.node.store.reading() as session:
        offered = read_dataset(session, kit.world.dataset)
    assert offered is not None
    women, table = measure_all(kit.node.places.datasets / offered.directory, plans)

    count, cells = release.numbers[0], release.outputs[1]
    assert isinstance(cells, ReleasedHistogram)
    assert abs(float(count.value) - women[0]) <= 9 * float(count.scale)
    assert 100 < women[0] < 300
    for bar, exact in zip(cells.bars, table, strict=True):
        assert abs(float(bar.value) - exact) <= 9 * float(cells.scale)


def examined_plans(kit: Kit) -> Any:
    from sandbox.actions.examine import examine

    return examine(kit.node, kit.bundle(**asked()), kit.clock.at).plan.statistics


def test_padded_statistic_waits_for_its_time_and_leaves_on_the_grid(no_engine: Kit) -> None:
    kit = no_engine
    kit.with_policy(timing="padded")
    job_id = kit.take(**asked())

    row = kit.tick(job_id)

    assert row.state == JobState.RUNNING
    assert row.start_at is not None
    assert row.slots_end_at is not None
    assert row.release_at is not None
    assert row.due_at == row.start_at > kit.clock.at
    reserved = reading_milliseconds(examined_plans(kit), PEOPLE)
    assert round((row.slots_end_at - row.start_at).total_seconds() * 1000) == reserved
    assert int(row.release_at.timestamp()) % kit.node.trust.policy.epoch_seconds == 0
    kit.finish(job_id)
    receipt, release = opened(kit, job_id)
    assert receipt.issued == row.release_at
    assert release.timing == "padded"


def test_answer_is_the_same_bytes_when_asked_again(no_engine: Kit) -> None:
    kit = no_engine
    bundle = kit.bundle(**asked())
    job_id = take(kit, bundle)
    kit.finish(job_id)
    sent = kit.registry.sent("/release")

    assert take(kit, bundle) == job_id
    kit.finish(job_id)

    assert kit.registry.sent("/release") == [*sent, *sent]


def take(kit: Kit, bundle: OrderBundle) -> str:
    from sandbox.actions.intake import take_in

    _, order_id = take_in(kit.node, bundle.to_json())
    assert order_id is not None
    return order_id


def test_loss_before_the_seal_measures_again_under_the_same_charge(
    no_engine: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = no_engine
    job_id = kit.take(**asked())
    fail_once(monkeypatch)

    row = kit.finish(job_id)

    receipt, release = opened(kit, job_id)
    assert (row.state, row.losses) == (JobState.REPORTED, 1)
    assert receipt.rho_charged_nano == release.rho_nano


def fail_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine fail at the first reading of the snapshot."""
    from sandbox.data import statistic as data

    left: list[Callable[..., Any]] = [data.measure_all]

    def measure(*given: Any) -> Any:
        if left:
            monkeypatch.setattr(data, "measure_all", left.pop())
            raise OSError("the disk is gone")
        raise AssertionError("never reached")

    monkeypatch.setattr(data, "measure_all", measure)


def test_cancelled_statistic_keeps_its_charge(no_engine: Kit) -> None:
    from sandbox.store.job import request_cancel

    kit = no_engine
    kit.with_policy(timing="padded")
    job_id = kit.take(**asked())
    kit.tick(job_id)
    with kit.node.store.transaction() as session:
        request_cancel(session, job_id, kit.clock.at)

    row = kit.finish(job_id)

    assert (row.state, row.rho_charged_nano > 0) == (JobState.CANCELLED, True)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("variant-unknown", {"order": {"parameters": {"variants": ["rs1"]}}}),
        ("order-blocks", {"order": {"blocks": 4}}),
        ("column-kind", {"statistics": [WOMEN | {"where": [{"column": "sex", "values": ["woman"]}]}, TABLE]}),
    ],
)
def test_statistic_is_refused_before_its_charge(no_engine: Kit, code: str, changes: dict[str, Any]) -> None:
    kit = no_engine
    wanted = asked(order=changes.get("order", {}))
    if "statistics" in changes:
        wanted["algorithm"]["statistics"] = statistic(statistics=changes["statistics"], inputs=INPUTS).model_dump(
            mode="json"
        )["statistics"]
    job_id = kit.take(**wanted)

    row = kit.finish(job_id)

    assert (row.state, row.code, row.rho_charged_nano) == (JobState.REFUSED, code, 0)


def test_preview_of_a_statistic_is_its_charge(no_engine: Kit) -> None:
    kit = no_engine
    bundle = kit.bundle(**asked())

    seen = preview(kit.node, bundle.to_json())
    row = kit.finish(take(kit, bundle))

    assert seen["would"] == "charge"
    assert seen["rho_nano"] == row.rho_charged_nano
    assert [one["name"] for one in seen["outputs"]] == ["women", "diabetes"]
