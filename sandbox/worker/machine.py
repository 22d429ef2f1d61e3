"""What this machine has, of which jobs may reserve a part: see `memory_bytes` and `staging_bytes` in node.toml."""

import os
from pathlib import Path

MEMORY_INFO = Path("/proc/meminfo")
GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of the container that the node runs in, if any
KIBI = 1024


def memory_for_chambers() -> int:
    """Half of the machine's memory, in bytes: staging may take a quarter, and the node's own programs have the rest."""
    return machine_memory() // 2


def memory_for_staging(run_directory: Path) -> int:
    """A quarter of the machine's memory, or the whole tmpfs if that is smaller, in bytes."""
    run_directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    found = os.statvfs(run_directory)
    return min(found.f_blocks * found.f_frsize, machine_memory() // 4)


def machine_memory() -> int:
    """The machine's memory, or what the container around the node may use of it, in bytes."""
    line = next(line for line in MEMORY_INFO.read_text().splitlines() if line.startswith("MemTotal:"))
    whole = int(line.split()[1]) * KIBI
    limit = GROUP_LIMIT.read_text().strip() if GROUP_LIMIT.exists() else "max"
    return whole if limit == "max" else min(whole, int(limit))
