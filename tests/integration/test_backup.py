"""A node is lost and made again from its backup, with a real registry: two persons import what was witnessed."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL

import pytest
from databases import Database
from factory import RESEARCHER, private_key
from node_lab import CUSTODIANS, Lab, wait_for
from postgresql import Cluster
from running_lab import named_redis, running_lab

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def lab(tmp_path: Path, postgres: Cluster) -> Iterator[Lab]:
    with running_lab(tmp_path, named_redis(), {"node_database": postgres.create()}) as made:
        yield made


def test_lost_node_is_made_again_and_answers_nothing_twice(lab: Lab, database: Database) -> None:
    tiny = lab.algorithm({"share": 0.5})
    first = lab.order(tiny)
    lab.receipt(first)
    file = str(lab.folder / "backup.tar")
    said = lab.command("node", "backup", "--dir", str(lab.node), file, "--json")
    assert (said["ledger"]["sequence"], "keys/node.pem" in said["secrets_inside"]) == (1, True)
    later = lab.order(tiny, not_after=lab.later())
    witnessed = lab.release(later, lab.receipt(later))
    kept = {order: lab.client(RESEARCHER).release(order) for order in (first, later)}
    again = lab.folder / "again.json"
    again.write_bytes(lab.last_bundle.to_json())
    lab.stop("node", SIGKILL)

    lost = lab.node
    lab.move_node(lab.folder / "made-again", database.url)
    where = ["--dir", str(lab.node), "--json"]
    made = lab.command("node", "restore", file, "--ledger-head", str(lost / "ledger.head"), *where)
    shutil.copytree(lost / "datasets", lab.node / "datasets", dirs_exist_ok=True)
    assert made["snapshots_missing"]
    code, refused = lab.command("node", "run", "--dir", str(lab.node), succeeds=False)
    assert (code, "ledger-rolled-back" in refused or "ledger restore" in refused) == (1, True)

    receipts, document = str(lab.folder / "receipts"), str(lab.folder / "restore.json")
    lab.command("ledger", "restore", "fetch", "--out", receipts, *where)
    given = ["--receipt", receipts, "--out", document, "--reason", "the machine burnt"]
    assert lab.command("ledger", "restore", "prepare", *given, *where)["proved_by_receipts"] == 1
    for name in CUSTODIANS:
        key = lab.folder / f"{name}.pem"
        key.write_bytes(private_key(name).to_pem(None))
        lab.command("ledger", "restore", "sign", document, "--key", str(key), "--json")
    lab.command("ledger", "restore", "apply", document, "--receipt", receipts, *where)

    lab.start_node()
    early = lab.order(tiny, not_after=lab.later() + timedelta(minutes=1))
    assert lab.receipt(early).code == "order-before-restore"
    lab.command("node", "deliver", "--dir", str(lab.node), str(again), "--json")
    assert wait_for(lambda: _ended(lab, later), 30, "the end of the order that was handed over again")
    assert {order: lab.client(RESEARCHER).release(order) for order in kept} == kept
    assert sum(entry["rho_nano"] for entry in lab.ledger()["entries"]) == 2 * witnessed.rho_nano


def _ended(lab: Lab, order: str) -> str | None:
    job = lab.job(order)
    return job["code"] if job and job["code"] == "ledger-restored" else None
