"""Every command of offices, researchers and committee members, against a real registry; the test plays the node."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from client_place import Place, call, done, now
from factory import World
from tiny_image import write_image

from client.errors import CONFLICT, JOB_FAILED, NOT_AUTHORISED, OK, REFUSED, UNREACHABLE, USAGE
from client.keys import read_public

pytestmark = pytest.mark.slow

ORDER = ("--project", "t2d", "--purpose", "DUO:0000006", "--blocks", "128", "--rho", "0.03125")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("place"))
    done("registry", "init", "--dir", place.folder / "registry", "--office", f"office={place.public('office')}")
    line = [sys.executable, "-m", "client.cli", "registry", "run", "--dir", str(place.folder / "registry")]
    with (place.folder / "log").open("wb") as log:
        process = subprocess.Popen([*line, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    place.settle(json.loads(process.stdout.readline())["url"])
    yield place
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    process.stdout.close()


@pytest.fixture(scope="module")
def algorithm(place: Place) -> str:
    """An algorithm from the template, signed by ada, submitted, approved by aino and diego."""
    source, built = place.folder / "mean_age", place.folder / "built"
    done("algorithm", "init", source)
    built.mkdir()
    identity = write_image(built / "image.tar", b'{"mean_age": 40}')
    (built / "identity.json").write_text(identity.model_dump_json())
    done("algorithm", "sign", source, "--build", built, "--source-commit", "0" * 40, *place.as_("ada"))
    spec = (source / "algorithm.toml").read_text()
    (source / "algorithm.toml").write_text(spec.replace("DUO:0000042", "DUO:0000006"))
    done("algorithm", "sign", source, "--build", built, "--source-commit", "0" * 40, "--force", *place.as_("ada"))
    digest = str(done("algorithm", "submit", built, *place.as_("ada"))["algorithm"])
    assert done("algorithm", "submit", built, *place.as_("ada"))["algorithm"] == digest
    return digest


@pytest.fixture(scope="module")
def approved(place: Place, algorithm: str) -> str:
    roster = ("--roster", place.roster["digest"])
    terms = ("--terms", place.folder / "terms.toml")
    first = done("review", "approve", "mean_age@0.1.0", *roster, *terms, "--yes", *place.as_("aino"))
    same = ("--same-as", first["approval"])
    done("review", "approve", algorithm, *roster, *same, "--yes", "--rationale", "I agree.", *place.as_("diego"))
    return algorithm


def submit(place: Place, algorithm: str, *more: object) -> str:
    where = ("--node", "node-fi=cohort-fi")
    (order,) = done("job", "submit", algorithm, *ORDER, *where, *more, *place.as_("ada"))
    return str(order["order"])


def test_review_shows_what_the_algorithm_may_say(place: Place, algorithm: str) -> None:
    found = done("review", "show", "mean_age", *place.as_("aino"))

    assert found["digest"] == algorithm
    assert found["algorithm"]["outputs"][0]["range"] == ["0", "110"]


def test_approval_without_anybody_to_ask_needs_yes(
    place: Place, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())

    answer = call(
        *("review", "approve", algorithm, "--roster", place.roster["digest"]),
        *("--terms", place.folder / "terms.toml", *place.as_("aino")),
    )

    assert (answer.code, answer.problem) == (USAGE, "confirm-needed")


def test_conditions_are_shown_before_anything_is_signed(place: Place, algorithm: str) -> None:
    answer = call(
        *("review", "reject", algorithm, "--roster", place.roster["digest"], "--rationale", "Not yet."),
        *("--terms", place.folder / "terms.toml", "--yes", *place.as_("diego")),
    )

    assert answer.code == OK
    assert "You are about to reject mean_age 0.1.0 by ada" in answer.err
    assert "rho per job nano: 31250000" in answer.err


def test_who_does_not_sit_on_the_committee_cannot_decide(place: Place, algorithm: str) -> None:
    answer = call(
        *("review", "approve", algorithm, "--roster", place.roster["digest"], "--yes"),
        *("--terms", place.folder / "terms.toml", *place.as_("ada")),
    )

    assert (answer.code, answer.problem) == (USAGE, "not-a-member")


def test_two_identical_approvals_make_a_quorum(place: Place, approved: str) -> None:
    (review,) = [one for one in done("review", "list", *place.as_("aino")) if one["digest"] == approved]

    assert review["state"] == "approved"
    assert review["quorum"][0]["approvals"] == 2


def test_released_job_comes_back_verified_and_opened(place: Place, approved: str) -> None:
    order = submit(place, approved)
    interval = {"low": "39", "high": "41", "level": "0.999", "covers": "The median."}
    output = {
        "name": "mean_age",
        "value": "40",
        "mechanism": "m",
        "scale": "1",
        "noise_interval": interval,
        "total_interval": None,
        "standard_error": None,
        "rho_nano": 31_250_000,
    }
    place.answer(order, decision="released", release={"outputs": [output]})

    watched = call("job", "watch", order, *place.as_("ada"))
    found = done("job", "results", order, *place.as_("ada"))

    assert watched.code == OK
    assert watched.data[0]["state"] == "released"
    (result,) = found["results"]
    assert (result["decision"], result["receipt_verified"]) == ("released", True)
    assert result["release"]["outputs"][0]["value"] == "40"
    assert result["rho_charged_nano"] == 31_250_000


def test_refused_job_ends_with_the_exit_code_of_a_refusal(place: Place, approved: str) -> None:
    order = submit(place, approved)
    place.answer(order, code="budget-project", reason="The project has spent its share.")

    answer = call("job", "results", order, *place.as_("ada"))

    assert (answer.code, answer.problem) == (REFUSED, "order-refused")
    assert answer.data["results"][0]["code"] == "budget-project"


def test_failed_job_ends_with_the_exit_code_of_a_failure(place: Place, approved: str) -> None:
    order = submit(place, approved)
    place.answer(order, decision="failed", code="infrastructure-lost", rho_charged_nano=31_250_000)

    assert call("job", "watch", order, *place.as_("ada")).code == JOB_FAILED
    assert call("job", "results", order, *place.as_("ada")).code == JOB_FAILED


def test_watching_a_job_that_waits_ends_in_time(place: Place, approved: str) -> None:
    answer = call("job", "watch", submit(place, approved), "--timeout", 0.2, *place.as_("ada"))

    assert (answer.code, answer.problem) == (JOB_FAILED, "watch-timeout")


def test_order_without_approvals_is_not_sent(place: Place, algorithm: str) -> None:
    answer = call(
        *("job", "submit", algorithm, *ORDER, "--node", "node-fi=cohort-fi", "--project", "another"),
        *place.as_("ada"),
    )

    assert (answer.code, answer.problem) == (REFUSED, "approval-missing")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--param", "age"), "param-malformed"),
        (("--share", "mean_age=0.1"), "rho-needed"),
        (("--node", "node-xx"), "dataset-unclear"),
    ],
)
def test_order_that_cannot_be_meant_is_a_usage_error(
    place: Place, approved: str, more: tuple[str, ...], problem: str
) -> None:
    answer = call("job", "submit", approved, *ORDER, "--node", "node-fi=cohort-fi", *more, *place.as_("ada"))

    assert (answer.code, answer.problem) == (USAGE, problem)


def foreseen(place: Place, algorithm: str, *more: object, order: tuple[str, ...] = ORDER) -> Any:
    (found,) = done("job", "preview", algorithm, *order, "--node", "node-fi=cohort-fi", *more, *place.as_("ada"))
    return found


def offer(place: Place, people: int) -> None:
    facts = {"country": "FI", "assembly": "GRCh38", "unit": "person", "columns": ["age"], "duo": ["DUO:0000042"]}
    numbers = {"people": people, "slots": people, "maximum_family_size": 1, "sites": 0}
    entry = {"dataset": "cohort-fi", "snapshot": "s1", "variants": [], **facts, **numbers}
    with place.node() as node:
        node._send("PUT", "/nodes/node-fi/catalogue", json={"datasets": [entry]})


def test_preview_shows_the_exact_price_and_sends_nothing(place: Place, approved: str) -> None:
    offer(place, 20_000)
    with place.node() as node:
        before = len(node._send("GET", "/nodes/node-fi/orders", params={"wait": 0}).json()["ids"])

    found = foreseen(place, approved)

    with place.node() as node:
        assert len(node._send("GET", "/nodes/node-fi/orders", params={"wait": 0}).json()["ids"]) == before
    assert (found["rho_nano"], found["outputs"]) == (31_250_000, {"mean_age": 31_250_000})
    assert found["expected_refusals"] == []
    order = submit(place, approved)
    assert place.read_order(order).rho_nano == found["rho_nano"]


def test_preview_foresees_what_can_be_foreseen(place: Place, approved: str) -> None:
    offer(place, 500)
    dear = (*ORDER[:-1], "0.04")
    coarse = ("--project", "t2d", "--purpose", "DUO:0000006", "--blocks", "8", "--rho", "0.001")

    def codes(**order: Any) -> list[str]:
        return [one["code"] for one in foreseen(place, approved, **order)["expected_refusals"]]

    assert codes(order=dear) == ["approval-conditions", "gate-blocks-too-small"]
    assert codes(order=coarse) == ["gate-median-resolution"]
    with place.node() as node:
        node._send("PUT", "/nodes/node-fi/catalogue", json={"datasets": []})
    assert codes() == ["dataset-unknown"]


def test_preview_tells_what_the_newest_receipt_told_of_the_budget(place: Place, approved: str) -> None:
    offer(place, 20_000)
    order = submit(place, approved)
    place.answer(order, decision="released", rho_left_nano=31_249_999, issued=now())

    found = foreseen(place, approved)

    assert found["left_as_last_told"]["order"] == order
    assert found["left_as_last_told"]["rho_left_nano"] == 31_249_999
    assert [one["code"] for one in found["expected_refusals"]] == ["budget-told"]


def test_nobody_reads_anothers_results(place: Place, approved: str) -> None:
    order = submit(place, approved)
    place.answer(order)

    assert call("job", "results", order, *place.as_("aino")).code != OK


def test_stranger_is_not_let_in(place: Place, tmp_path: Path) -> None:
    done("key", "new", "me", "--no-passphrase", "--home", tmp_path)
    done("profile", "set", "--registry", place.url, "--person", "ada", "--key", "me", "--home", tmp_path)

    answer = call("review", "list", "--home", tmp_path)

    assert answer.code == NOT_AUTHORISED


def test_documents_on_disk_are_not_overwritten(place: Place) -> None:
    answer = call(
        *("status", "issue", "office", "--version", 2, "--key", place.key("office")),
        *("-o", place.folder / "status.json"),
    )

    assert (answer.code, answer.problem) == (CONFLICT, "file-exists")


def test_verify_believes_what_the_office_signed_and_nothing_else(place: Place, approved: str) -> None:
    papers = [place.folder / name for name in ("ada.json", "roster.json", "status.json")]
    pinned = ("--trust-root", place.folder / "root.json", "--fingerprint", place.fingerprint)

    assert done("verify", *papers, *pinned)["believed"] is True
    stranger = World(now=now()).sign(World(now=now()).accreditation("ada"), "ada")
    (place.folder / "forged.json").write_bytes(stranger)
    assert call("verify", place.folder / "forged.json", *pinned).code == REFUSED
    assert call("verify", papers[0], *pinned[:2], "--fingerprint", "0" * 64).problem == "trust-root-fingerprint"


def test_public_key_file_is_what_accreditations_carry(place: Place) -> None:
    assert read_public(place.public("ada")) == done("key", "show", "me", *place.as_("ada"))


def test_registry_that_is_not_there_is_unreachable(place: Place) -> None:
    answer = call("review", "list", "--registry", "http://127.0.0.1:9", *place.as_("ada"))

    assert (answer.code, answer.problem) == (UNREACHABLE, "registry-unreachable")


def test_web_login_prints_an_address_for_whoever_holds_the_accredited_key(place: Place) -> None:
    made = done("profile", "web-login", *place.as_("ada"))

    assert made["subject"] == "ada"
    assert "/enrol?code=" in str(made["url"])
    assert done("profile", "web-login", *place.as_("ada"))["url"] != made["url"]
