"""The process as data: working days, stages, and what refuses a start."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.domain.workflow import PLAIN, after_working_days
from registry.errors import Misconfigured
from registry.workflows import read_workflow

WORKFLOWS = Path(__file__).parents[3] / "policies" / "workflows"
THURSDAY = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "day"), [(0, "11-26"), (1, "11-27"), (2, "11-30"), (5, "12-03"), (10, "12-10"), (22, "12-29")]
)
def test_working_days_leave_weekends_and_holidays_out(days: int, day: str) -> None:
    end = after_working_days(THURSDAY, days, frozenset({"12-25", "12-26"}))

    assert end.strftime("%m-%d %H:%M") == f"{day} 15:00"


def test_the_1mg_process_gives_five_and_ten_working_days() -> None:
    found = read_workflow(WORKFLOWS / "1mg.toml")

    assert found.deadline("dac-eu", THURSDAY) == THURSDAY + timedelta(days=7)
    assert found.deadline("ethics-fi", THURSDAY) == THURSDAY + timedelta(days=14)
    assert found.remind_at("dac-eu", THURSDAY) == THURSDAY + timedelta(days=5)
    vetoes = {name: stage.veto_needs_reason for name in ("dac-eu", "ethics-fi") if (stage := found.stage(name))}
    assert vetoes == {"dac-eu": False, "ethics-fi": True}


def test_a_registry_that_sets_none_has_the_plain_process() -> None:
    assert read_workflow(None) is PLAIN
    assert read_workflow(WORKFLOWS / "plain.toml") == PLAIN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("remind_before = 2", "remind_before = 0"),
        ("remind_before = 2", ""),
        ('evidence = ["image"]', 'evidence = ["hope"]'),
        ('"12-25"', '"13-25"'),
        ("working_days = 5", "working_days = -5"),
        ("working_days = 5", "working_days = 5\nsilence = 'consent'"),
        ('["dac-*"]', "[]"),
        ("[[stages]]", "[[stages"),
    ],
)
def test_an_odd_workflow_refuses_the_start(old: str, new: str, tmp_path: Path) -> None:
    text = (WORKFLOWS / "1mg.toml").read_text()
    assert old in text
    (tmp_path / "odd.toml").write_text(text.replace(old, new))

    with pytest.raises(Misconfigured) as refusal:
        read_workflow(tmp_path / "odd.toml")
    assert refusal.value.code == "setting-workflow"


def test_a_workflow_that_is_not_there_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        read_workflow(tmp_path / "none.toml")
