"""Faults of a holder's files are registered under their code, and each is tried on a cohort that is otherwise right."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cohorts import KEY, make_cohort, make_options

from sandbox.data.ingest import Sources, ingest, new_snapshot_id
from sandbox.errors import BadInput

COHORT = make_cohort(12)
SAMPLES = sorted(COHORT.people)
Change = Callable[[Sources], Sources]


class Faults:
    """A list of faults that grows by decoration."""

    def __init__(self) -> None:
        self.cases: list[tuple[str, Change]] = []

    def add(self, code: str) -> Callable[[Change], Change]:
        """Register a change of the files that must be refused with this code."""

        def register(change: Change) -> Change:
            self.cases.append((code, change))
            return change

        return register

    def each(self) -> pytest.MarkDecorator:
        """Parametrise a test by all faults, named for them."""
        return pytest.mark.parametrize(("code", "change"), self.cases, ids=[case[1].__name__ for case in self.cases])


def check_refused(folder: Path, code: str, change: Change) -> None:
    """Ingest the changed files: one sentence under the code, and nothing written."""
    sources = change(COHORT.write(folder / "files"))
    out = folder / "snapshots"
    with pytest.raises(BadInput) as refused:
        ingest(sources, out, KEY, make_options(), snapshot_id=new_snapshot_id())
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")
    assert "\n" not in refused.value.sentence
    assert not out.exists() or not list(out.iterdir())
