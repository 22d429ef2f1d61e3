"""The supervisor's program: which bytes it must be, how it is built, and what it is told at its start.

It is built from ``supervisor.c``, without any library, by one version of a compiler that set-up takes from the package
registry: the same source gives the same bytes everywhere, so a node can tell that the program is the one it means.
"""

import hashlib
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

from sandbox.chambers import limits
from sandbox.chambers.slices import reading_seconds
from sandbox.domain.chamber import ChamberPlan, Profile, Timing
from sandbox.errors import InfrastructureLost

SOURCE: Final = Path(__file__).with_suffix(".c")
DIGEST: Final = "ff2e6e82e424d6a2b83fa2f1070afd6187daca88372bce4df824d260e9e8311b"
FORBIDDEN: Final = 69  # the machine does not let it make its mounts and namespaces

# No library, no header but the kernel's, nothing that depends on where or when it is built.
_OPTIONS: Final = (
    *("-target", "x86_64-linux-none", "-ffreestanding", "-nostdlib", "-static", "-O2", "-s"),
    *("-Wall", "-Wextra", "-Werror", "-fno-sanitize=all", "-fno-stack-protector"),
)

_NANO: Final = 1_000_000_000
_PAGE: Final = 4096


def check(program: Path) -> None:
    """Refuse a supervisor that is not the one of this source, or a machine that it is not written for."""
    if platform.machine() != "x86_64":
        raise InfrastructureLost("machine-unsupported", f"Cells are not yet made for {platform.machine()} machines.")
    try:
        found = hashlib.sha256(program.read_bytes()).hexdigest()
    except OSError as error:
        raise InfrastructureLost("cell-supervisor", f"{program} cannot be read: build it anew.") from error
    if found != DIGEST:
        raise InfrastructureLost("cell-supervisor", f"{program} is not the supervisor of this version: build it anew.")


def arguments(plan: ChamberPlan, lane: int, first: int, start: float) -> list[str]:
    """What the supervisor reads, in its order; `start` is the first slot's moment on the monotonic clock, seconds."""
    padded = plan.timing is Timing.PADDED
    slot = plan.slot_milliseconds * 1_000_000
    numbers = (
        *(plan.uid_base, lane, plan.lanes, plan.chambers, first, int(padded)),
        *(max(0, round(start * _NANO)), slot, round(reading_seconds(plan) * _NANO)),
        *(plan.output_bytes, -(-plan.slot_milliseconds // 1000) + 1, int(plan.profile is Profile.STRICT)),
    )
    result = (plan.output_bytes // _PAGE + 1) * _PAGE  # more than the limit, so that too much can be told from enough
    options = (
        f"size={limits.TMP_BYTES},nr_inodes={limits.TMP_INODES},mode=1777",
        f"size={limits.SHARED_MEMORY_BYTES},nr_inodes={limits.TMP_INODES},mode=1777",
        f"size={result},nr_inodes=2,mode=755",
    )
    return [*(str(number) for number in numbers), *options]


def build(out: Path) -> None:
    """Compile the supervisor; refuse what comes out if it is not the bytes that this version means."""
    import ziglang  # at set-up only

    headers = Path(ziglang.__file__).parent / "lib/libc/include"
    command = [sys.executable, "-m", "ziglang", "cc", *_OPTIONS]
    for folder in ("x86-linux-any", "any-linux-any"):
        command += ["-isystem", str(headers / folder)]
    draft = out.with_name(f"{out.name}.draft")
    try:
        subprocess.run([*command, str(SOURCE), "-o", str(draft)], check=True, capture_output=True, text=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        raise InfrastructureLost("cell-supervisor", f"The supervisor does not compile: {error.stderr}") from error
    check(draft)
    draft.replace(out)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
