"""Which versions wait for which rehearsal, and what the registry takes for evidence."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from factory import AUTHOR, NODE, OFFICE, World, digest_of
from vectors.rehearsal_cases import rehearsal as report

from protocol.documents.envelope import read_envelope, sign_statement
from protocol.documents.rehearsal import Rehearsal
from registry.actions import course, rehearsal
from registry.domain.workflow import PLAIN
from registry.store import review
from tests.factory import private_key
from tests.unit.registry.test_pages import page

REHEARSER = "node-rehearsal"
ENTRY = {
    "dataset": "cohort-fi", "snapshot": "s1", "country": "FI", "assembly": "GRCh38", "people": 2000, "slots": 2000,
    "unit": "family", "maximum_family_size": 4, "columns": ["sex", "age"], "sites": None, "variants": [], "duo": [],
}  # fmt: skip
PERSONS = ENTRY | {"dataset": "persons", "unit": "person", "maximum_family_size": 1}
AGELESS = ENTRY | {"dataset": "ageless", "columns": ["sex"]}


@pytest.fixture
def hub(settled: Any) -> Any:
    """A registry with a rehearsal node, and a catalogue of three datasets of which one is fit for the algorithm."""
    office = settled.world.sign(settled.world.accreditation(REHEARSER, roles=["rehearsal"]), OFFICE)
    settled.publish("accreditations", office)
    offer(settled, ENTRY, PERSONS, AGELESS)
    return settled


def offer(hub: Any, *entries: dict[str, Any]) -> None:
    said = hub.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": list(entries)})
    assert said.is_success, said.text


def submit(hub: Any, **changes: Any) -> str:
    """Submit the algorithm of the vectors' report, with an archive that is here."""
    digest: str = hub.submit(**changes)
    archive = hub.world.algorithm(**changes).image.archive_digest
    path = hub.desk.blobs.path(archive)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"an archive")
    return digest


def tasks(hub: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = hub.request("GET", f"/nodes/{REHEARSER}/rehearsals", REHEARSER).json()["rehearsals"]
    return found


def written(entry: str, **changes: Any) -> bytes:
    fields = {"by": REHEARSER, "entry": entry} | changes
    return World().sign(report(**fields), REHEARSER)


def hand_in(hub: Any, raw: bytes) -> httpx.Response:
    answer: httpx.Response = hub.post("/rehearsals", raw)
    return answer


def code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


def awaited(hub: Any, algorithm: str) -> tuple[str, ...]:
    with hub.desk.store.reading() as tx:
        return rehearsal.awaited(tx, review.algorithm(tx, algorithm))


def test_version_waits_for_the_datasets_that_it_is_made_for(hub: Any) -> None:
    algorithm = submit(hub)

    (task,) = tasks(hub)

    assert (task["algorithm"], task["dataset"]) == (algorithm, "cohort-fi")
    assert hub.request("GET", f"/datasets/{task['entry']}").json() == ENTRY
    assert awaited(hub, algorithm) == ("cohort-fi",)


def test_version_whose_image_is_not_here_or_that_has_none_does_not_wait(hub: Any) -> None:
    hub.submit()

    assert tasks(hub) == []


def test_report_is_evidence_and_ends_the_waiting(hub: Any) -> None:
    algorithm = submit(hub)
    (task,) = tasks(hub)

    answer = hand_in(hub, written(task["entry"]))

    assert answer.status_code == 201
    assert tasks(hub) == []
    assert awaited(hub, algorithm) == ()
    told = hub.request("GET", f"/algorithms/{algorithm}/rehearsals").json()
    (one,) = told["rehearsals"]
    assert (one["digest"], one["by"], one["fit"]) == (answer.json()["digest"], REHEARSER, True)
    assert [finding["code"] for finding in one["findings"]] == ["chambers-failed"]
    assert told["awaited"] == []
    assert hub.request("GET", f"/documents/{one['digest']}", AUTHOR).content == written(task["entry"])
    assert hub.request("GET", f"/documents/{one['digest']}").status_code == 401
    assert "[chambers-failed]" in page(hub, f"/algorithms/{algorithm}").text


def test_unfit_report_is_evidence_as_well(hub: Any) -> None:
    algorithm = submit(hub)
    fault = {"level": "fault", "code": "rehearsal-time", "sentence": "<b>It took too long.</b>"}

    assert hand_in(hub, written(tasks(hub)[0]["entry"], fit=False, findings=[fault])).status_code == 201

    told = hub.request("GET", f"/algorithms/{algorithm}/rehearsals").json()["rehearsals"]
    assert [(one["fit"], one["findings"]) for one in told] == [(False, [fault])]
    shown = page(hub, f"/algorithms/{algorithm}").text
    assert "not fit</td>" in shown
    assert "[rehearsal-time]" in shown


def test_another_rehearsal_node_is_another_opinion(hub: Any) -> None:
    submit(hub)
    hand_in(hub, written(tasks(hub)[0]["entry"]))
    second = hub.world.accreditation("node-second", roles=["node", "rehearsal"])
    hub.publish("accreditations", hub.world.sign(second, OFFICE))

    found = hub.request("GET", "/nodes/node-second/rehearsals", "node-second").json()["rehearsals"]

    assert [task["dataset"] for task in found] == ["cohort-fi"]


def test_new_catalogue_entry_waits_anew_until_the_review_has_ended(hub: Any) -> None:
    algorithm = submit(hub)
    hand_in(hub, written(tasks(hub)[0]["entry"]))
    offer(hub, ENTRY | {"people": 3000})

    assert [task["dataset"] for task in tasks(hub)] == ["cohort-fi"]
    for member in ("meri", "mikko"):
        hub.vote(algorithm, member)
    assert tasks(hub) == []


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "by a node without the role": (World().sign(report(), NODE), 422, "rehearsal-node-unaccredited"),
    "in the name of another": (World().sign(report(by=REHEARSER), NODE), 422, "key-unknown"),
    "by a person": (World().sign(report(by=AUTHOR, by_kind="person"), AUTHOR), 422, "accreditation-missing"),
    "as a person": (written("0" * 64, by_kind="person"), 422, "rehearsal-node-unaccredited"),
    "on a version that is not here": (written("0" * 64, version="9.9.9"), 422, "algorithm-unknown"),
    "on another content": (written("0" * 64, proposal="0" * 64), 422, "rehearsal-other-version"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_report_is_refused(hub: Any, case: str) -> None:
    submit(hub)
    raw, status, wanted = REFUSED[case]

    answer = hand_in(hub, raw)

    assert (answer.status_code, code(answer)) == (status, wanted)


def test_second_report_on_the_same_is_refused_and_the_same_one_is_known(hub: Any) -> None:
    submit(hub)
    entry = tasks(hub)[0]["entry"]
    hand_in(hub, written(entry))

    assert hand_in(hub, written(entry)).status_code == 200
    other = hand_in(hub, written(entry, seed=2))
    assert (other.status_code, code(other)) == (409, "rehearsal-taken")


def test_revoked_rehearsal_node_reports_nothing_more(hub: Any) -> None:
    submit(hub)
    entry = tasks(hub)[0]["entry"]
    hub.publish("statuses", hub.world.sign(hub.world.status(version=2, revoked={"nodes": [REHEARSER]}), OFFICE))

    assert code(hand_in(hub, written(entry))) == "node-revoked"


def test_only_rehearsal_nodes_see_what_waits_and_the_image(hub: Any) -> None:
    submit(hub)
    archive = hub.world.algorithm().image.archive_digest

    assert code(hub.request("GET", f"/nodes/{NODE}/rehearsals", NODE)) == "rehearsal-node-only"
    assert code(hub.request("GET", f"/nodes/{REHEARSER}/rehearsals", NODE)) == "node-only"
    assert hub.request("GET", f"/images/{archive}", NODE).status_code == 404
    assert hub.request("GET", f"/images/{archive}", REHEARSER).content == b"an archive"


def test_unknown_entries_and_versions_are_missing(hub: Any) -> None:
    assert code(hub.request("GET", f"/datasets/{'0' * 64}")) == "dataset-unknown"
    assert code(hub.request("GET", f"/algorithms/{'0' * 64}/rehearsals")) == "algorithm-unknown"


def test_report_is_the_one_that_was_signed(hub: Any) -> None:
    submit(hub)
    raw = written(tasks(hub)[0]["entry"])
    digest = hand_in(hub, raw).json()["digest"]

    assert digest == digest_of(raw)
    assert read_envelope(raw).untrusted(Rehearsal).by == REHEARSER
    better = read_envelope(raw).untrusted(Rehearsal).model_copy(update={"seed": 5})
    forged = sign_statement(better, [private_key("mallory")])
    assert code(hand_in(hub, forged)) == "key-unknown"


def test_review_that_asks_for_rehearsals_opens_when_none_is_awaited_any_more(hub: Any) -> None:
    hub.desk = hub.app.state.desk = replace(hub.desk, workflow=replace(PLAIN, evidence=frozenset({"rehearsal"})))
    algorithm = submit(hub)
    course.follow_time(hub.desk, hub.now)
    before = state(hub, algorithm)

    fault = {"level": "fault", "code": "rehearsal-time", "sentence": "It took too long."}
    hand_in(hub, written(tasks(hub)[0]["entry"], fit=False, findings=[fault]))
    course.follow_time(hub.desk, hub.now)

    assert (before, state(hub, algorithm)) == ("checking", "in_review")


def state(hub: Any, algorithm: str) -> str:
    listed = hub.request("GET", "/algorithms").json()["algorithms"]
    return str(next(one["state"] for one in listed if one["digest"] == algorithm))
