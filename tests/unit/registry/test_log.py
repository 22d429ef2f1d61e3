"""The transparency log at the registry: every document is in it, it only grows, and it survives erasure."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from factory import AUTHOR, COMMITTEE, OFFICE, PROJECT, RESEARCHER, fake_digest, key_entry, private_key
from sqlalchemy import select, text

from client import cli
from protocol.crypto.encoding import decode_base64
from protocol.documents.checkpoint import Checkpoint, open_checkpoint, origin_of, verifier_key
from protocol.documents.envelope import read_envelope
from protocol.documents.leaf import read_leaf
from protocol.documents.log_proof import read_log_proof
from protocol.errors import Refused, SafeconductError
from protocol.trust.log import check_continues, check_logged, open_proof
from registry import folder, settings
from registry.actions import log
from registry.store import log as log_store
from registry.store import tables

LOG = private_key("the log").public


def checkpoint(hub: Any) -> Checkpoint:
    return open_checkpoint(hub.request("GET", "/log/checkpoint").text, LOG)


def inclusion(hub: Any, digest: str, size: int, who: str | None = RESEARCHER) -> Any:
    return hub.request("GET", f"/log/inclusion?digest={digest}&size={size}", who)


def document(hub: Any, digest: str) -> bytes:
    with hub.desk.store.reading() as tx:
        return bytes(tx.get(tables.Document, digest).envelope)


def publish_all(hub: Any) -> dict[str, str]:
    """One document of each kind that the settled registry does not have yet, by what it is."""
    algorithm = hub.submit()
    approval = hub.vote(algorithm, "meri").json()["digest"]
    order = hub.order(algorithm, approvals=[approval])
    ordered = hub.publish("orders", order)
    answer = hub.post(f"/nodes/{hub.world.node}/receipts", hub.refusal(order), hub.world.node)
    return {"algorithm": algorithm, "approval": approval, "order": ordered, "receipt": answer.json()["digest"]}


def test_every_document_is_in_the_log_in_the_order_of_its_coming(settled: Any) -> None:
    before = checkpoint(settled).size

    publish_all(settled)

    lines = settled.request("GET", "/log/export").text.splitlines()
    kinds = [read_leaf(line.encode()).kind for line in lines[:-1]]
    assert before == 5
    assert kinds == ["accreditation"] * 3 + ["roster", "status", "algorithm", "approval", "job-order", "receipt"]
    assert json.loads(lines[-1]) == {"checkpoint": checkpoint(settled).raw}


def test_the_same_document_again_is_logged_once(settled: Any) -> None:
    raw = settled.world.sign(settled.world.algorithm(), AUTHOR)
    settled.publish("algorithms", raw)
    size = checkpoint(settled).size

    settled.publish("algorithms", raw)

    assert checkpoint(settled).size == size


def test_a_refused_document_leaves_no_leaf(settled: Any) -> None:
    size = checkpoint(settled).size

    assert settled.vote(fake_digest("no algorithm"), "meri").status_code == 422

    assert checkpoint(settled).size == size


def test_documents_are_proved_to_whom_they_may_be_shown(settled: Any) -> None:
    made = publish_all(settled)
    seen = checkpoint(settled)

    for digest in made.values():
        proof = check_logged(inclusion(settled, digest, seen.size).text, read_envelope(document(settled, digest)), seen)
        assert proof.checkpoint == seen.raw
    assert inclusion(settled, made["algorithm"], seen.size, None).status_code == 200
    assert inclusion(settled, made["approval"], seen.size, None).status_code == 401
    assert inclusion(settled, made["order"], seen.size, AUTHOR).status_code == 404
    assert inclusion(settled, fake_digest("nothing"), seen.size).status_code == 404


def test_a_former_size_gets_its_former_checkpoint(settled: Any) -> None:
    digest = settled.submit()
    seen = checkpoint(settled)
    settled.submit(version="1.1.0")

    check_logged(inclusion(settled, digest, seen.size).text, read_envelope(document(settled, digest)), seen)
    assert inclusion(settled, digest, seen.size - 1).json()["code"] == "log-size"
    assert inclusion(settled, digest, seen.size + 2).json()["code"] == "log-size"


def test_every_growth_is_proved(settled: Any) -> None:
    seen = [checkpoint(settled)]
    for number in range(8):
        settled.submit(version=f"1.{number}.1")
        seen.append(checkpoint(settled))

    for old in seen:
        path = f"/log/consistency?from={old.size}&to={seen[-1].size}"
        proof = [decode_base64(step) for step in settled.request("GET", path).json()["proof"]]
        check_continues(old, seen[-1], proof)


@pytest.mark.parametrize("path", ["/log/consistency?from=4&to=3", "/log/consistency?from=1&to=6"])
def test_consistency_of_what_is_not_there_is_refused(settled: Any, path: str) -> None:
    assert settled.request("GET", path).json()["code"] == "log-size"


def test_a_failed_transaction_leaves_document_and_log_as_they_were(settled: Any) -> None:
    before = checkpoint(settled)

    with pytest.raises(RuntimeError, match="power"):
        _store_and_fail(settled)

    assert checkpoint(settled) == before
    settled.submit(version="2.0.0")
    assert checkpoint(settled).size == before.size + 1


def _store_and_fail(hub: Any) -> None:
    envelope = read_envelope(hub.world.sign(hub.world.algorithm(), AUTHOR))
    with hub.desk.store.transaction() as tx:
        tx.add(tables.Document(digest=envelope.digest, kind="algorithm", envelope=envelope.raw, received=hub.now))
        tx.flush()
        log.append(tx, envelope)
        raise RuntimeError("the power went")


def test_documents_older_than_the_log_are_logged_at_the_next_start(settled: Any) -> None:
    before = checkpoint(settled)
    with settled.desk.store.transaction() as tx:
        for table in ("log_preimage", "log_leaf", "log_hash"):
            tx.execute(text(f"DELETE FROM {table}"))
        tx.execute(text("UPDATE log_size SET size = 0"))

    assert log.catch_up(settled.desk.store) == before.size
    assert checkpoint(settled).size == before.size
    assert log.catch_up(settled.desk.store) == 0


# Erasure


def erase(hub: Any, digest: str) -> int:
    return log.erase(hub.desk.store, digest, "asked for by the person", hub.now)


def code_of(hub: Any, digest: str) -> str:
    with pytest.raises(SafeconductError) as refusal:
        erase(hub, digest)
    return refusal.value.code


def test_an_erased_document_is_gone_and_its_proofs_stay_valid(settled: Any) -> None:
    made = publish_all(settled)
    seen = checkpoint(settled)
    raw, salt = document(settled, made["approval"]), read_log_proof(inclusion(settled, made["approval"], 9).text).salt

    assert erase(settled, made["approval"]) == 6

    assert checkpoint(settled) == seen
    assert settled.request("GET", f"/documents/{made['approval']}", RESEARCHER).status_code == 404
    after = inclusion(settled, made["approval"], seen.size).text
    proof, vouched = open_proof(after, LOG)
    assert (proof.salt, vouched) == (None, seen)
    with pytest.raises(Refused, match="erased"):
        check_logged(after, read_envelope(raw), seen)
    for file in settled.directory.glob("registry.db*"):
        content = file.read_bytes()
        assert raw not in content
        assert salt not in content


def test_an_erased_document_does_not_come_back(settled: Any) -> None:
    made = publish_all(settled)
    raw = document(settled, made["approval"])
    erase(settled, made["approval"])

    assert settled.post("/approvals", raw).status_code == 200
    assert settled.request("GET", f"/documents/{made['approval']}", RESEARCHER).status_code == 404


def test_lists_and_queues_go_on_without_what_was_erased(settled: Any) -> None:
    made = publish_all(settled)
    for digest in (made["approval"], made["order"], made["receipt"]):
        erase(settled, digest)

    assert settled.request("GET", "/reviews").json()["reviews"][0]["blind"] == [
        {"committee": COMMITTEE, "project": PROJECT}
    ]
    assert settled.request("GET", f"/orders/{made['order']}", RESEARCHER).json()["state"] == "refused"
    assert settled.request("GET", f"/orders/{made['order']}/receipt", RESEARCHER).status_code == 404
    assert settled.request("GET", f"/nodes/{settled.world.node}/orders", settled.world.node).json()["orders"] == []


def test_what_is_still_needed_is_not_erased(settled: Any) -> None:
    algorithm = settled.submit()
    approval = settled.vote(algorithm, "meri").json()["digest"]
    order = settled.publish("orders", settled.order(algorithm, approvals=[approval]))

    for digest in (algorithm, approval, order, settled.roster):
        assert code_of(settled, digest) == "document-needed"
    assert code_of(settled, fake_digest("nothing")) == "document-unknown"


def test_an_accreditation_is_erased_once_it_is_over(settled: Any) -> None:
    with settled.desk.store.reading() as tx:
        row = tx.scalars(select(tables.Accreditation).where(tables.Accreditation.subject == RESEARCHER)).one()
    assert code_of(settled, row.digest) == "document-needed"

    renewed = settled.world.accreditation(RESEARCHER, valid_from=settled.now)
    settled.publish("accreditations", settled.world.sign(renewed, OFFICE))
    erase(settled, row.digest)

    with settled.desk.store.reading() as tx:
        found = tx.scalars(select(tables.Accreditation).where(tables.Accreditation.digest == row.digest)).one()
    assert (found.name, found.institution, found.country) == ("", "", "")
    assert settled.post("/orders", settled.order(settled.submit())).status_code == 201


def test_an_expired_accreditation_is_erased_and_still_refused_for_what_it_is(settled: Any) -> None:
    with settled.desk.store.reading() as tx:
        row = tx.scalars(select(tables.Accreditation).where(tables.Accreditation.subject == AUTHOR)).one()
    settled.now += timedelta(days=400)
    erase(settled, row.digest)

    refused = settled.post("/algorithms", settled.world.sign(settled.world.algorithm(), AUTHOR))
    assert refused.json()["code"] == "accreditation-expired"


# The key


@pytest.fixture
def made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A registry's folder, made by the command, and beside it what the command said."""
    office = tmp_path / "office.json"
    office.write_text(json.dumps({"office": OFFICE, "keys": [key_entry(OFFICE)]}))
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a long one\n")
    directory = tmp_path / "registry"
    words = ["registry", "init", "--dir", str(directory), "--office", f"{OFFICE}={office}"]
    assert cli.run([*words, "--log-passphrase-file", str(passphrase), "--json"]) == 0
    (tmp_path / "said.json").write_text(capsys.readouterr().out)
    return directory


def test_init_prints_the_key_that_trust_roots_pin(made: Path) -> None:
    said = json.loads((made.parent / "said.json").read_text())
    key = folder.read_log_key(settings.load(made, {})).public

    assert said["log_key"] == json.loads((made / folder.LOG_PUBLIC).read_bytes())
    assert (said["log_key"]["keyid"], said["log_verifier_key"]) == (key.keyid, verifier_key(key))
    assert verifier_key(key).startswith(origin_of(key))
    assert b"ENCRYPTED" in (made / folder.LOG_KEY).read_bytes()
    assert (made / folder.LOG_KEY).stat().st_mode & 0o777 == 0o600


def test_a_log_key_that_others_can_read_stops_the_start(made: Path) -> None:
    (made / folder.LOG_KEY).chmod(0o640)
    with pytest.raises(SafeconductError) as refusal:
        folder.read_log_key(settings.load(made, {}))
    assert refusal.value.code == "setting-log-key"


def test_a_missing_log_key_stops_the_start(made: Path) -> None:
    (made / folder.LOG_KEY).unlink()
    with pytest.raises(SafeconductError) as refusal:
        folder.read_log_key(settings.load(made, {}))
    assert refusal.value.code == "setting-log-key"


def test_the_command_erases(
    settled: Any, made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = publish_all(settled)["receipt"]
    monkeypatch.setenv("SAFECONDUCT_REGISTRY_DATABASE_URL", settled.database)
    capsys.readouterr()

    words = ["registry", "erase", "--dir", str(made), "--document", receipt, "--reason", "asked for", "--json"]
    assert cli.run(words) == 0
    assert json.loads(capsys.readouterr().out) == {"document": receipt, "erased": True, "entry": 8}
    assert cli.run([*words[:4], "--document", fake_digest("none"), "--reason", "x", "--json"]) == 1


def test_leaves_are_read_in_pieces(settled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LEAVES_AT_ONCE", 2)
    whole = list(log.export(settled.desk))

    with settled.desk.store.reading() as tx:
        assert [line.rstrip("\n") for line in whole[:-1]] == list(log_store.leaves(tx, start=0, stop=5))
