"""What a rehearsal node does when something fails: nothing that was submitted can keep it from the next."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from factory import AUTHOR, World, digest_of, private_key
from tiny_image import PROGRAM, write_image

from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.envelope import read_envelope
from protocol.documents.rehearsal import Rehearsal
from protocol.documents.strict import build
from sandbox.actions import rehearsal_node
from sandbox.actions.rehearsal_node import TRIES, RehearsalNode, rehearse_next
from sandbox.actions.rehearsal_report import Rehearser, check_report
from sandbox.actions.rehearse import Request
from sandbox.errors import BadInput, InfrastructureLost, Refused, RegistryDeclined, Unreachable
from sandbox.hub.registry import Registry, RehearsalTask

NAME = "node-rehearsal"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


class Courier:
    """A registry that has one version for each of some datasets, and keeps what it is handed."""

    def __init__(self, folder: Path, *people: int, **changes: Any) -> None:
        world = World()
        self.archive = folder / "image.tar"
        identity = write_image(self.archive, b"{}")
        self.algorithm = world.sign(
            world.algorithm(image=identity.model_dump(), entrypoint=[PROGRAM], **changes), AUTHOR
        )
        self.entries = [_entry(number, count) for number, count in enumerate(people)]
        self.reports: list[Rehearsal] = []
        self.declines = self.is_away = False

    def rehearsals(self) -> tuple[RehearsalTask, ...]:
        done = {one.entry for one in self.reports}
        digest = digest_of(self.algorithm)
        tasks = (RehearsalTask(algorithm=digest, dataset=one.dataset, entry=one.digest) for one in self.entries)
        return tuple(task for task in tasks if task.entry not in done)

    def document(self, _digest: str) -> bytes:
        return self.algorithm

    def catalogue_entry(self, digest: str) -> dict[str, Any]:
        return next(one for one in self.entries if one.digest == digest).model_dump(mode="json")

    def image_chunks(self, _digest: str, _offset: int) -> Iterator[bytes]:
        if self.is_away:
            raise Unreachable("registry-unreachable", "The registry does not answer.")
        yield self.archive.read_bytes()

    def send_rehearsal(self, raw: bytes) -> None:
        if self.declines:
            raise RegistryDeclined("rehearsal-taken", "The registry has one.")
        self.reports.append(read_envelope(raw).untrusted(Rehearsal))


def _entry(number: int, people: int) -> CatalogueEntry:
    fields = {
        "dataset": f"cohort-{number}", "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": people,
        "slots": people, "unit": "family", "maximum_family_size": 4, "columns": ["sex", "age"], "sites": None,
        "duo": [],
    }  # fmt: skip
    return build(CatalogueEntry, fields)


def node_of(courier: Courier, folder: Path, perform: Any) -> RehearsalNode:
    (folder / "work").mkdir()
    return RehearsalNode(
        who=Rehearser(name=NAME, kind="node", software="safeconduct 0.1.0", engine="cell"),
        key=private_key(NAME),
        policy=World().policy(),
        seconds=60,
        work=folder / "work",
        registry=cast("Registry", courier),
        perform=perform,
        now=lambda: NOW,
        tell=lambda _said: None,
    )


def codes(courier: Courier) -> list[tuple[str, str]]:
    return [(one.dataset, one.findings[0].code) for one in courier.reports]


def test_machine_that_fails_at_one_rehearsal_goes_on_with_the_others_and_says_so_at_last(tmp_path: Path) -> None:
    asked: list[str] = []

    def perform(request: Request, _folder: Path) -> Rehearsal:
        asked.append(request.entry.dataset)
        if request.entry.dataset == "cohort-0":
            raise InfrastructureLost("engine-failed", "The engine could not.")
        raise Refused("rehearsal-time", "It took too long.")

    courier = Courier(tmp_path, 20_000, 30_000)
    node = node_of(courier, tmp_path, perform)

    for _ in range(TRIES + 2):
        rehearse_next(node)

    assert asked == ["cohort-0", "cohort-1", "cohort-0", "cohort-0"]
    assert codes(courier) == [("cohort-1", "rehearsal-time"), ("cohort-0", "rehearsal-failed")]
    assert not rehearse_next(node)
    assert list(node.work.iterdir()) == []


def test_registry_that_is_away_is_no_fault_of_the_algorithm(tmp_path: Path) -> None:
    courier = Courier(tmp_path, 20_000)
    courier.is_away = True
    node = node_of(courier, tmp_path, lambda *_: pytest.fail("there is no image"))

    assert [rehearse_next(node) for _ in range(TRIES + 1)] == [False] * (TRIES + 1)
    assert courier.reports == []


def test_report_that_the_registry_declines_is_not_made_again(tmp_path: Path) -> None:
    courier = Courier(tmp_path, 20_000)
    courier.declines = True
    tried: list[int] = []

    def perform(_request: Request, _folder: Path) -> Rehearsal:
        tried.append(1)
        raise BadInput("twin-column", "Nobody says how the column is written.")

    node = node_of(courier, tmp_path, perform)

    assert [rehearse_next(node), rehearse_next(node)] == [True, False]
    assert len(tried) == 1


@pytest.mark.parametrize(
    ("people", "changes", "code"),
    [
        (rehearsal_node.TWIN_PEOPLE + 1, {}, "twin-too-large"),
        (
            20_000,
            {
                "parameters": {
                    "type": "object",
                    "properties": {"x": {"type": "string", "pattern": "^none$"}},
                    "required": ["x"],
                    "additionalProperties": False,
                }
            },
            "rehearsal-parameters",
        ),
    ],
)
def test_what_cannot_be_rehearsed_is_reported(tmp_path: Path, people: int, changes: dict[str, Any], code: str) -> None:
    courier = Courier(tmp_path, people, **changes)

    rehearse_next(node_of(courier, tmp_path, lambda *_: pytest.fail("it cannot be rehearsed")))

    assert codes(courier) == [("cohort-0", code)]
    assert not courier.reports[0].fit


def test_image_larger_than_what_was_signed_is_not_downloaded_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal_node, "ARCHIVE_BYTES", 1000)
    courier = Courier(tmp_path, 20_000)

    rehearse_next(node_of(courier, tmp_path, lambda *_: pytest.fail("it is another image")))

    assert codes(courier) == [("cohort-0", "image-mismatch")]


def test_order_is_one_that_a_careful_researcher_would_send(tmp_path: Path) -> None:
    chosen: list[Request] = []

    def perform(request: Request, folder: Path) -> Rehearsal:
        chosen.append(request)
        assert (folder / "image.tar").read_bytes() == courier.archive.read_bytes()
        raise Refused("rehearsal-time", "It took too long.")

    courier = Courier(tmp_path, 20_000, 2_000)
    node = node_of(courier, tmp_path, perform)
    for _ in courier.entries:
        rehearse_next(node)

    # One median at the usual cap takes 128 blocks; 2 000 people make 25 blocks of 80, fewer than the policy's 32.
    assert [one.blocks for one in chosen] == [128, 32]
    assert [one.rho_nano for one in chosen] == [31_250_000] * 2
    assert chosen[0].parameters["variant"].startswith("rs")  # type: ignore[union-attr]


def test_report_on_something_else_than_was_asked_is_not_signed(tmp_path: Path) -> None:
    found: list[str] = []

    def perform(request: Request, _folder: Path) -> Rehearsal:
        report = rehearsal_node.make_report(request, _nothing(), node.who, NOW)
        for other in (report.model_copy(update={"by": "mallory"}), report.model_copy(update={"proposal": "0" * 64})):
            with pytest.raises(InfrastructureLost) as lost:
                check_report(other.model_dump_json().encode(), request, node.who)
            found.append(lost.value.code)
        with pytest.raises(InfrastructureLost) as lost:
            check_report(b"Traceback", request, node.who)
        found.append(lost.value.code)
        return check_report(report.model_dump_json().encode(), request, node.who)

    courier = Courier(tmp_path, 20_000)
    node = node_of(courier, tmp_path, perform)
    rehearse_next(node)

    assert found == ["rehearsal-other", "rehearsal-other", "rehearsal-lost"]
    assert len(courier.reports) == 1


def _nothing() -> rehearsal_node.Rehearsed:
    return rehearsal_node.Rehearsed(refused=Refused("rehearsal-time", "It took too long."))
