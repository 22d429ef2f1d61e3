"""A rehearsal's verdict: what is a fault, what is a warning, what is refused, and how it is written down."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import chamber_help as help_
import pytest
from tiny_image import write_image
from typer.testing import CliRunner

from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.rehearsal import Rehearsal
from sandbox.actions.proposal import Proposal, read_limits, read_proposal
from sandbox.actions.rehearsal_report import Rehearser, escape, make_report, why_nothing
from sandbox.actions.rehearse import Machine, Rehearsed, Request, rehearse
from sandbox.chambers.fake import Ending, FakeRuntime
from sandbox.chambers.seccomp import profile
from sandbox.chambers.watched import WatchedChamber
from sandbox.cli.rehearse import app
from sandbox.domain.chamber import ChamberPlan
from sandbox.errors import BadInput

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
WHO = Rehearser(name="rita", kind="person", software="safeconduct 0.1.0", engine="fake")
SPEC = (ROOT / "client" / "templates" / "algorithm" / "algorithm.toml").read_text().replace('"NAME"', '"mean_age"')
MEAN = SPEC.replace('"median"', '"mean"')
ENTRYPOINT = ("/usr/bin/python3", "/program.py")

Says = Callable[[int, list[float]], bytes | None]


def age(_at: int, ages: list[float]) -> bytes | None:
    return json.dumps({"mean_age": sum(ages) / len(ages)}).encode()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What `algorithm build` leaves: an image and its identity."""
    identity = write_image(tmp_path / "image.tar", b"{}")
    (tmp_path / "identity.json").write_text(json.dumps(identity.model_dump(mode="json")))
    return tmp_path


def proposal(built: Path, text: str) -> Proposal:
    (built / "algorithm.toml").write_text(text)
    return read_proposal(built / "algorithm.toml", built)


def request(built: Path, text: str = MEAN, **changes: Any) -> Request:
    entry = {
        "dataset": "cohort-fi", "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 2000, "slots": 2000,
        "unit": "family", "maximum_family_size": 4, "columns": ["sex", "age", "dx_*"], "sites": None, "duo": [],
    }  # fmt: skip
    fields: dict[str, Any] = {
        "proposal": proposal(built, text),
        "entry": CatalogueEntry.model_validate(entry | changes.pop("entry", {})),
        "policy": read_limits(ROOT / "policies" / "gate.json"),
        "parameters": {},
        "blocks": 32,
        "rho_nano": 31_250_000,
        "seed": 1,
    }
    return Request(**(fields | changes))


@contextmanager
def machine(says: Says, milliseconds: int = 900) -> Iterator[Machine]:
    """A machine on which chamber after chamber `says` what it does with its people's ages."""
    counter = iter(range(10_000))

    def read(block: Path) -> list[float]:
        lines = (block / "subjects.csv").read_text().splitlines()[1:]
        return [float(line.rpartition(",")[2]) for line in lines]

    def program(_input: bytes, block: Path) -> Ending:
        said = says(next(counter), read(block))
        return Ending(wrote=said or b"", exit_code=3 if said is None else 0)

    def watch(plan: ChamberPlan, chamber: int) -> WatchedChamber:
        said = says(chamber, read(plan.block_dirs[chamber] or Path()))
        return seen(chamber, exit_code=3 if said is None else 0, untrusted_output=said, milliseconds=milliseconds)

    for memory in help_.run_directory():
        yield Machine(
            engine="fake",
            runtime=FakeRuntime({ENTRYPOINT: program}),
            start_watching=lambda _work: watch,
            memory=memory,
            seccomp=profile(),
            oci_runtime="runc",
            lanes=1,
        )
        assert list(memory.iterdir()) == []


def seen(chamber: int = 0, **changes: Any) -> WatchedChamber:
    fields: dict[str, Any] = {
        "chamber": chamber,
        "exit_code": 0,
        "milliseconds": 900,
        "late": False,
        "out_of_memory": False,
        "untrusted_output": b"{}",
        "untrusted_stdout": b"",
        "untrusted_stderr": b"",
    }
    return WatchedChamber(**(fields | changes))


def report(asked: Request, says: Says = age, **changes: Any) -> Rehearsal:
    with machine(says, **changes) as ours:
        return make_report(asked, rehearse(asked, ours, lambda *_: None), WHO, NOW)


def codes(made: Rehearsal, level: str) -> set[str]:
    return {one.code for one in made.findings if one.level == level}


def test_good_program_has_no_fault_and_costs_what_a_node_would_charge(built: Path) -> None:
    made = report(request(built))

    assert made.fit
    assert codes(made, "fault") == set()
    assert (made.price_nano, made.chambers_good + made.chambers_empty, made.failures) == (31_250_000, 32, ())
    assert made.outputs[0].read == made.chambers_good
    assert len(made.watched) == 4


def test_few_bad_chambers_are_a_warning_and_many_are_a_fault(built: Path) -> None:
    few = report(request(built), lambda at, ages: None if at == 7 else age(at, ages))
    many = report(request(built), lambda at, ages: b'{"mean_age": null}' if at % 4 == 0 else age(at, ages))

    assert few.fit
    assert "chambers-failed" in codes(few, "warning")
    assert [(one.chamber, one.code) for one in few.failures] == [(7, "exit-code")]
    assert not many.fit
    assert codes(many, "fault") == {"chambers-failed"}
    assert {one.code for one in many.failures} == {"output-not-number"}


def test_range_that_cuts_values_off_is_a_fault(built: Path) -> None:
    made = report(request(built, MEAN.replace('range = ["0", "110"]', 'range = ["0", "50"]')))

    assert "range-narrow" in codes(made, "fault")
    assert made.outputs[0].clamped > made.outputs[0].read / 2


def test_spread_far_above_the_declared_one_is_a_fault_and_below_it_a_warning(built: Path) -> None:
    narrow = report(request(built, MEAN.replace('spread = "2"', 'spread = "0.1"')))
    wide = report(request(built, MEAN.replace('spread = "2"', 'spread = "20"')))

    assert "spread-other" in codes(narrow, "fault")
    assert "spread-other" in codes(wide, "warning")


def test_range_of_a_mean_that_is_far_too_wide_is_a_warning(built: Path) -> None:
    made = report(request(built, MEAN.replace('range = ["0", "110"]', 'range = ["-5000", "5000"]')))

    assert {"range-loose", "noise-large"} <= codes(made, "warning")


@pytest.mark.parametrize(("milliseconds", "code"), [(20_000, "slot-tight"), (50, "slot-long"), (900, None)])
def test_time_of_a_chamber_is_judged_against_its_slot(built: Path, milliseconds: int, code: str | None) -> None:
    made = report(request(built), milliseconds=milliseconds)

    assert codes(made, "warning") & {"slot-tight", "slot-long"} == ({code} if code else set())


def test_better_number_of_blocks_is_named(built: Path) -> None:
    asked = request(built, SPEC, blocks=128, entry={"people": 20_000, "slots": 20_000})

    made = report(asked)

    told = [one.sentence for one in made.findings if one.code == "blocks-other"]
    assert len(told) == 1
    assert "with 384 blocks" in told[0]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"blocks": 8}, "gate-blocks"),
        ({"blocks": 64}, "gate-blocks-too-small"),
        ({"rho_nano": 31_250_001}, "budget-job"),
        ({"parameters": {"x": 1}}, "order-parameters"),
        ({"entry": {"columns": ["sex"]}}, "column-unknown"),
    ],
)
def test_what_a_node_would_refuse_is_refused_before_anything_runs(
    built: Path, changes: dict[str, Any], code: str
) -> None:
    def never(_at: int, _ages: list[float]) -> bytes | None:
        raise AssertionError("a chamber ran")

    made = report(request(built, **changes), never)

    assert not made.fit
    assert codes(made, "fault") == {code}
    assert (made.chambers, made.outputs, made.watched) == (0, (), ())


def test_noise_that_would_blur_a_sum_is_a_warning_and_empty_slots_are_none(built: Path) -> None:
    text = MEAN.replace('mode = "block"', 'mode = "unit"').replace('aggregator = "mean"', 'aggregator = "sum"')
    text = text.replace('spread = "2" ', "").replace('range = ["0", "110"]', 'range = ["0", "1000"]')
    asked = request(built, text, blocks=0, entry={"people": 80, "slots": 80})

    made = report(asked, lambda _at, _ages: b'{"mean_age": 1}')

    assert made.chambers == 80
    assert made.chambers_empty > 20
    assert codes(made, "warning") == {"noise-large"}


def test_image_that_was_not_built_is_asked_for(built: Path) -> None:
    asked = request(built)

    with machine(age) as ours, pytest.raises(BadInput) as refused:
        rehearse(replace(asked, proposal=replace(asked.proposal, archive=None)), ours, lambda *_: None)

    assert refused.value.code == "image-not-built"


def test_proposal_is_the_same_for_whoever_signs_it(built: Path) -> None:
    algorithm = proposal(built, MEAN).algorithm
    signed = algorithm.model_copy(update={"author": "rita", "source_commit": "a" * 40})

    assert signed.proposal_digest == algorithm.proposal_digest
    assert proposal(built, SPEC).algorithm.proposal_digest != algorithm.proposal_digest


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (None, "not-watched"),
        (seen(out_of_memory=True, exit_code=137), "out-of-memory"),
        (seen(late=True, exit_code=137), "late"),
        (seen(exit_code=139), "killed"),
        (seen(exit_code=1), "exit-code"),
        (seen(untrusted_output=None), "no-output"),
        (seen(), "not-repeated"),
    ],
)
def test_each_way_to_give_nothing_has_its_own_code(how: WatchedChamber | None, code: str) -> None:
    assert why_nothing(how)[0] == code


def test_words_of_a_program_are_spelt_out_and_cut() -> None:
    assert escape("plain\tλ\n", 100) == "plain\tλ\n"
    assert escape("\x1b[31m\r\u202e\ufeff\x00\ud800", 100) == r"\x1b[31m\r\u202e\ufeff\x00\ud800"
    assert escape("x" * 50 + "end", 10) == "…" + "x" * 6 + "end"


def test_words_of_every_byte_stand_in_a_report(built: Path) -> None:
    asked = request(built)
    noisy = seen(untrusted_stdout=bytes(range(256)) * 30, untrusted_stderr="\u202e\ufffe".encode() * 3000)

    with machine(age) as ours:
        done = rehearse(asked, ours, lambda *_: None)
    made = make_report(asked, replace(done, watched={0: noisy}), WHO, NOW)

    assert len(made.watched[0].stdout) <= 2000
    assert made.watched[0].stderr.isprintable()


def test_rehearsal_without_a_dataset_or_signer_is_a_usage_error(built: Path) -> None:
    (built / "algorithm.toml").write_text(MEAN)
    line = [str(built / "algorithm.toml"), "--build", str(built), "--rho", "0.03125"]

    missing = CliRunner().invoke(app, line).exception
    unsigned = CliRunner().invoke(app, [*line, "--people", "2000", "--report", str(built / "r.json")]).exception

    assert isinstance(missing, BadInput)
    assert isinstance(unsigned, BadInput)
    assert (missing.code, unsigned.code) == ("dataset-missing", "report-unsigned")
    assert Rehearsed(refused=None).good == 0
