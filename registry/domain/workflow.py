"""The process of reviews as data (`policies/workflows/`): what must be here first, and how long a committee has.

A workflow is the registry's courtesy. What a node requires stands in its own trust root, and no deadline ever decides:
when it has passed, the votes are opened to the committee and nothing else happens.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

_WEEKEND: Final = frozenset({5, 6})
EVIDENCE: Final = frozenset({"image", "rehearsal"})
"""What a workflow may ask to be here before a person looks: the image, a report on each dataset that it fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What one kind of committee is asked: its time in working days, and whether its no needs a reason."""

    name: str
    committees: tuple[str, ...]
    working_days: int | None = None
    veto_needs_reason: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A whole process; a committee belongs to the first stage whose patterns its name fits."""

    name: str
    stages: tuple[Stage, ...]
    evidence: frozenset[str] = frozenset()
    holidays: frozenset[str] = frozenset()
    remind_before: int = 1

    def stage(self, committee: str) -> Stage | None:
        """Return the stage of a committee, or None where the workflow knows none for it."""
        fitting = (one for one in self.stages if any(fnmatchcase(committee, each) for each in one.committees))
        return next(fitting, None)

    def deadline(self, committee: str, opened: datetime) -> datetime | None:
        """Return when a committee's time is over, or None where it has all the time."""
        stage = self.stage(committee)
        if stage is None or stage.working_days is None:
            return None
        return after_working_days(opened, stage.working_days, self.holidays)

    def remind_at(self, committee: str, opened: datetime) -> datetime | None:
        """Return from when on those who have not voted are reminded."""
        stage = self.stage(committee)
        if stage is None or stage.working_days is None:
            return None
        return after_working_days(opened, max(0, stage.working_days - self.remind_before), self.holidays)


PLAIN: Final = Workflow(name="plain", stages=(Stage(name="review", committees=("*",)),))
"""The workflow of a registry that sets none; `policies/workflows/plain.toml` says the same."""


def is_working_day(moment: datetime, holidays: frozenset[str]) -> bool:
    """Say whether a moment lies on a day, in UTC, from Monday to Friday that is no holiday (written MM-DD)."""
    return moment.weekday() not in _WEEKEND and moment.strftime("%m-%d") not in holidays


def after_working_days(start: datetime, days: int, holidays: frozenset[str]) -> datetime:
    """Return the same time of day, `days` working days later; the day of the start never counts."""
    moment = start
    while days > 0:
        moment += timedelta(days=1)
        days -= is_working_day(moment, holidays)
    return moment
