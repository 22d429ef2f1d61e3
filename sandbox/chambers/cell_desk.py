"""What lies before one cell, on tmpfs: its chambers' list of system calls and input, and where their outcomes go.

Chambers see none of it. The directory of outcomes may be written by every uid, because the supervisor has no right
over other users' files; it lies in a directory that only the node's user may enter, and is mounted into the cell alone.
"""

from pathlib import Path

from sandbox.chambers.bpf import compile_filter
from sandbox.chambers.desk import write_new
from sandbox.chambers.outputs import Outcomes
from sandbox.domain.chamber import ChamberPlan


class CellDesk:
    """One cell's files."""

    def __init__(self, work: Path, plan: ChamberPlan, lane: int) -> None:
        self._directory = work / f"{plan.fence}-cell-{lane}"
        self.outcomes = work / f"{plan.fence}-outcomes-{lane}"
        self.input = self._directory / "input.json"
        self.filter = self._directory / "filter"
        self._plan = plan

    def lay(self) -> None:
        """Make the files anew."""
        self.clear()
        self._directory.mkdir(mode=0o700)
        write_new(self.input, self._plan.input_json, 0o444)
        write_new(self.filter, compile_filter(self._plan.seccomp), 0o444)
        self.outcomes.mkdir(mode=0o700)
        self.outcomes.chmod(0o777)

    def deliver(self, outcomes: Outcomes) -> None:
        """Take over every outcome that is whole."""
        if self.outcomes.exists():
            for found in self.outcomes.iterdir():
                outcomes.adopt(found)

    def clear(self) -> None:
        """Remove everything."""
        for directory in (self._directory, self.outcomes):
            if directory.exists():
                for path in directory.iterdir():
                    path.unlink()
                directory.rmdir()
