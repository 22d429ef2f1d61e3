"""One node, end to end: real registry, Redis, Celery, Docker, ledger and gate; the worker is killed on the way."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from factory import RESEARCHER
from node_lab import Lab, wait_for
from planted import find, forbidden, strange
from running_lab import PEOPLE, running_lab

from protocol.documents.release import ReleasedCategory, ReleasedHistogram
from sandbox.settings import default_run_directory

pytestmark = [pytest.mark.docker, pytest.mark.slow]

JOB_CAP = 200_000_000
CATEGORIES = {"kind": "category", "categories": ["low", "middle", "high"], "default_category": "low"}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis: the one that is named by the environment, or one of our own."""
    named = os.environ.get("SAFECONDUCT_REDIS_URL")
    if named:
        yield named
        return
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server on this machine")
    socket = tmp_path_factory.mktemp("redis") / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(socket.parent), "--save", ""]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    wait_for(lambda: socket.exists() or None, 10, "the start of Redis")
    yield f"redis+socket://{socket}"
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def lab(redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A registry and a node that runs, with 400 synthetic people."""
    caps = {f"{name}_cap_nano": 10**9 for name in ("project", "dataset", "algorithm", "pool")}
    with running_lab(tmp_path_factory.mktemp("lab"), redis, job_cap_nano=JOB_CAP, **caps) as lab:
        yield lab


@pytest.fixture(scope="module")
def tiny(lab: Lab) -> dict[str, Any]:
    """An algorithm whose every chamber says 0.5 at once."""
    return lab.algorithm({"share": 0.5})


def refusal(lab: Lab, order: str) -> tuple[str, str]:
    """The decision and code of an order's verified receipt, after checking that the ledger did not change."""
    before = lab.ledger()
    receipt = lab.receipt(order)
    assert receipt.rho_charged_nano == 0
    assert lab.ledger() == before
    return receipt.decision, receipt.code


def test_approved_order_comes_back_as_a_paid_release(lab: Lab, tiny: dict[str, Any]) -> None:
    spent = lab.ledger()["accounts"]
    order = lab.order(tiny)
    receipt = lab.receipt(order)
    release = lab.release(order, receipt)
    entry = lab.ledger()["entries"][-1]
    assert (receipt.decision, receipt.snapshot, receipt.timing) == ("released", release.snapshot, "immediate")
    assert (entry["order"], entry["digest"], entry["rho_nano"]) == (order, receipt.ledger_head, 2_000_000)
    assert spent != lab.ledger()["accounts"]
    assert receipt.checkpoint is not None
    assert len(receipt.proofs) == len(receipt.approvals) == 2
    low, high = release.outputs[0].noise_interval.low, release.outputs[0].noise_interval.high
    assert low <= 0.5 <= high, "allowed to fail once in a thousand runs: the interval is of 99.9 %"
    assert wait_for(lambda: _reported(lab, order), 10, "the report")


def test_ledger_and_status_commands_say_what_is_so(lab: Lab) -> None:
    where = ["--dir", str(lab.node), "--json"]
    shown = lab.command("ledger", "show", *where)
    assert [entry["order"] for entry in shown["entries"]] == [entry["order"] for entry in lab.ledger()["entries"]]
    assert lab.command("ledger", "verify", *where)["head"] == shown["head"]
    status = lab.command("node", "status", *where)
    assert (status["running"], status["ledger"]["head"]) == (True, shown["head"])


def test_order_handed_over_again_gets_the_same_bytes_and_costs_nothing(lab: Lab, tiny: dict[str, Any]) -> None:
    order = lab.order(tiny)
    lab.receipt(order)
    first = lab.client(RESEARCHER).receipt(order)
    before = lab.ledger()
    bundle = lab.folder / "again.json"
    bundle.write_bytes(lab.last_bundle.to_json())
    said = lab.command("node", "deliver", "--dir", str(lab.node), str(bundle), "--json")
    assert said == {"outcome": "known", "order": order}
    kept = subprocess.run(
        ["safeconduct", "node", "receipt", "--dir", str(lab.node), order], capture_output=True, check=True
    ).stdout
    assert kept.rstrip(b"\n") == first
    assert lab.ledger() == before


def test_nonce_used_twice_is_a_replay(lab: Lab, tiny: dict[str, Any]) -> None:
    lab.receipt(lab.order(tiny, nonce="a" * 32))
    assert refusal(lab, lab.order(tiny, nonce="a" * 32, not_after=lab.later())) == ("refused", "order-replayed")


def test_single_approval_where_two_are_needed_is_refused(lab: Lab, tiny: dict[str, Any]) -> None:
    assert refusal(lab, lab.order(tiny, approvals=["meri"])) == ("refused", "approval-quorum")


def dear_order(lab: Lab, algorithm: dict[str, Any], output: str, nano: int, **order: Any) -> str:
    """An order that costs more than most, and whose approvals allow it."""
    conditions = lab.world.conditions(rho_per_job_nano=10**9, rho_total_per_node_nano=10**9)
    approvals = {member: {"conditions": conditions} for member in lab.world.members[:2]}
    return lab.order(algorithm, approvals=approvals, rho=[{"output": output, "nano": nano}], **order)


def test_vote_of_real_chambers_comes_back_as_the_category_that_won(lab: Lab) -> None:
    """All 20 blocks vote alike; at this rho the noise elects another less than once in a thousand releases."""
    vote = lab.algorithm({"bmi": "high"}, outputs=[CATEGORIES | {"name": "bmi", "aggregator": "vote"}])

    order = dear_order(lab, vote, "bmi", 100_000_000, blocks=20)
    receipt = lab.receipt(order)

    [won] = lab.release(order, receipt).outputs
    assert isinstance(won, ReleasedCategory)
    assert (receipt.decision, won.category) == ("released", "high")
    assert won.rho_nano == receipt.rho_charged_nano <= 100_000_000


def test_histogram_of_real_units_is_near_the_truth(lab: Lab) -> None:
    """One chamber for each family says `high`; empty slots count as the default.

    Nine deviations of the noise are exceeded less than once in 10^17 releases.
    """
    output = CATEGORIES | {"name": "bmi", "aggregator": "histogram"}
    each = lab.algorithm({"bmi": "high"}, mode="unit", outputs=[output], slot_milliseconds=2_000)

    order = dear_order(lab, each, "bmi", 100_000_000, blocks=0)
    receipt = lab.receipt(order, seconds=120)

    [found] = lab.release(order, receipt).outputs
    assert isinstance(found, ReleasedHistogram)
    families = len({line.split()[0] for line in (lab.folder / "data" / "pedigree.ped").read_text().splitlines()})
    truth = {"low": PEOPLE - families, "middle": 0, "high": families}
    assert 0 < families < PEOPLE
    away = {bar.category: abs(float(bar.value) - truth[bar.category]) / float(found.scale) for bar in found.bars}
    assert list(away) == list(truth)
    assert max(away.values()) <= 9


def test_order_over_budget_is_refused(lab: Lab, tiny: dict[str, Any]) -> None:
    order = dear_order(lab, tiny, "share", JOB_CAP + 1)
    assert refusal(lab, order) == ("refused", "budget-job")


def test_order_for_another_node_is_refused(lab: Lab, tiny: dict[str, Any]) -> None:
    terms = {"conditions": lab.world.conditions(nodes=["node-es", "node-fi"])}
    order = lab.order(tiny, approvals={"meri": terms, "mikko": terms}, node="node-es", to="node-fi")
    assert refusal(lab, order) == ("refused", "order-wrong-node")


def test_image_other_than_the_signed_one_is_refused(lab: Lab, tiny: dict[str, Any]) -> None:
    """The archive is genuine, its signed identity names a layer that it does not have."""
    changed = lab.algorithm({"share": 0.25})
    image = changed["image"] | {"layers": tiny["image"]["layers"]}
    assert refusal(lab, lab.order(changed | {"image": image})) == ("refused", "image-mismatch")


def test_worker_killed_in_the_middle_of_a_run_changes_nothing_but_the_time(lab: Lab) -> None:
    slow = lab.algorithm({"share": 0.5}, seconds=3)
    order = lab.order(slow, blocks=8)
    wait_for(lambda: 0 < (lab.job(order) or {}).get("chambers_done", 0) < 8 or None, 60, "the first chambers")
    for process in lab.workers():
        os.kill(process, signal.SIGKILL)
    receipt = lab.receipt(order, seconds=120)
    lab.release(order, receipt)
    job = wait_for(lambda: _reported(lab, order), 10, "the report")
    assert [entry["order"] for entry in lab.ledger()["entries"]].count(order) == 1
    assert (receipt.decision, job["losses"]) == ("released", 0)
    assert _chambers_left(order) == []


def _reported(lab: Lab, order: str) -> dict[str, Any] | None:
    job = lab.job(order)
    return job if job and job["state"] == "reported" else None


def _chambers_left(order: str) -> list[str]:
    names = subprocess.run(["docker", "ps", "-aq", "--filter", f"name={order}"], capture_output=True, check=True)
    return names.stdout.split()


def test_dataset_that_cannot_be_used_ends_in_one_sentence(lab: Lab) -> None:
    (lab.folder / "bad").mkdir(exist_ok=True)
    for path in (lab.folder / "data").iterdir():
        shutil.copy(path, lab.folder / "bad")
    cohort = lab.folder / "bad" / "cohort.vcf.gz"
    cohort.write_bytes(cohort.read_bytes()[:1000])
    before = lab.status()["datasets"]
    code, said = lab.add_dataset(lab.folder / "bad", succeeds=False)
    assert code == 2
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert lab.status()["datasets"] == before


def test_sigterm_ends_the_node_with_its_children_and_a_restart_goes_on(lab: Lab, tiny: dict[str, Any]) -> None:
    workers = lab.workers()
    started = time.monotonic()
    assert lab.stop("node") == 0
    assert time.monotonic() - started < 30
    assert not [process for process in workers if Path(f"/proc/{process}").exists()]
    assert not default_run_directory(lab.node).exists()
    order = lab.order(tiny)
    lab.start_node()
    assert lab.receipt(order).decision == "released"


def test_registry_restored_from_a_backup_holds_every_order_until_the_admin_looks(
    lab: Lab, tiny: dict[str, Any]
) -> None:
    """A log that went back (here its operator's honest mistake) is noticed at once, and runs nothing."""
    database = lab.folder / "registry" / "registry.db"
    lab.stop("registry")
    backup = database.read_bytes()
    lab.run_registry()
    for _ in range(2):
        lab.receipt(lab.order(tiny))
    lab.stop("registry")
    for file in database.parent.glob("registry.db*"):
        file.unlink()
    database.write_bytes(backup)
    lab.run_registry()
    spent = lab.ledger()["accounts"]

    order = lab.order(tiny)
    held = wait_for(lambda: _in_state(lab, order, "held"), 60, "the hold")

    assert held["code"] == "log-rollback"
    assert lab.ledger()["accounts"] == spent
    where = ["--dir", str(lab.node), "--json"]
    assert lab.command("node", "status", *where)["log"]["alarm"] == "log-rollback"
    lab.command("node", "accept-log", *where, "--reason", "the registry was restored from a backup")
    assert lab.receipt(order, seconds=120).decision == "released"


def _in_state(lab: Lab, order: str, state: str) -> dict[str, Any] | None:
    job = lab.job(order)
    return job if job and job["state"] == state else None


def test_log_of_all_this_holds_ids_and_codes_and_nothing_of_people_or_secrets(lab: Lab) -> None:
    """Agent, relay, sweeper, worker and Celery have written to it, a killed worker and a broken dataset included."""
    path = lab.folder / "node.log"
    said = path.read_text()
    spoken = ("is ready: registry", "worker: Warm shutdown (MainProcess)")  # to the admin, by `node run` and by Celery
    lines = [line for line in said.splitlines() if not any(words in line for words in spoken)]
    words = forbidden(lab.folder / "data", lab.node)
    events = {json.loads(line)["event"] for line in lines if line.startswith("{")}

    assert strange("\n".join(lines)) == []
    assert find(said, words) == set()
    assert {"step", "loop-failed"} <= events
    assert len(words) > PEOPLE
    planted = {sorted(words)[0], sorted(words)[-1]}  # the control: what is there is found
    assert find(said + " ".join(planted), words) >= planted
    assert strange('Traceback: ValueError: "FI0000001"') != []
