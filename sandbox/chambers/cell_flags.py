"""Every flag of a cell's container, with its reason; what it has in common with a chamber's is told in `flags`.

The container's limits are its chambers' limits, since they run one after another: nothing needs to be delegated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Ulimit

from protocol.documents.layer import INIT_PATH, INPUT_PATH, OUTPUT_PATH
from sandbox.chambers import flags, limits
from sandbox.chambers.bpf import supervisor_profile
from sandbox.chambers.cell_desk import CellDesk
from sandbox.domain.chamber import ChamberPlan

# SYS_ADMIN: mounts and namespaces. SETUID, SETGID, SETPCAP: to make the chamber nobody, for good. KILL: to end it.
_CAPABILITIES = ["SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "KILL"]
_SCRATCH_SLACK_BYTES = 256 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What a node brings to a job's cells: the supervisor, its AppArmor profile and name, the root if in memory."""

    program: Path
    apparmor: str | None
    node: str
    root: Path | None


def host_config(plan: ChamberPlan, desk: CellDesk, kit: Kit, blocks: Path) -> dict[str, Any]:
    """What the container gets from its host, for `APIClient.create_host_config`."""
    scratch = len(plan.input_json) + _SCRATCH_SLACK_BYTES
    return {
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "cap_add": _CAPABILITIES,
        # The supervisor's own list; it puts the chambers' list on each chamber before that becomes the program.
        # Where AppArmor rules, the engine's own profile forbids mounts: the node names one that allows these.
        "security_opt": [
            "no-new-privileges:true",
            f"seccomp={supervisor_profile(plan.seccomp)}",
            *([f"apparmor={kit.apparmor}"] if kit.apparmor else []),
        ],
        "read_only": True,
        "tmpfs": {
            # Where chambers' roots are put together; no chamber sees it.
            f"{OUTPUT_PATH}/scratch": f"rw,noexec,nosuid,nodev,size={scratch},nr_inodes=64,mode=700",
            # Only a place for each chamber's own.
            "/tmp": "ro,noexec,nosuid,nodev,size=4k,mode=555",  # noqa: S108
        },
        "mounts": [
            flags.bind(INIT_PATH, kit.program, read_only=True),
            flags.bind(f"{INPUT_PATH}/input.json", desk.input, read_only=True),
            flags.bind(f"{INPUT_PATH}/filter", desk.filter, read_only=True),
            # All blocks of the job, for the supervisor; each chamber has its own one bound into its namespace, alone.
            flags.bind(f"{INPUT_PATH}/blocks", blocks, read_only=True),
            # Profile strict: the image's root in memory, from which the chambers' roots are made.
            *([flags.bind(f"{INPUT_PATH}/root", kit.root, read_only=True)] if kit.root else []),
            # Written by the supervisor alone: a chamber's namespace does not have it.
            flags.bind(f"{OUTPUT_PATH}/outcomes", desk.outcomes, read_only=False),
        ],
        "ipc_mode": "private",
        "shm_size": limits.SHARED_MEMORY_BYTES,
        "cgroupns": "private",
        # The supervisor is one more.
        "pids_limit": limits.PROCESSES + 1,
        "mem_limit": plan.memory_bytes,
        "memswap_limit": plan.memory_bytes,
        "cpu_period": limits.CPU_PERIOD_MICROSECONDS,
        "cpu_quota": limits.CPU_QUOTA_MICROSECONDS,
        # Before everything else of the node, but after its own chambers, which raise theirs to the highest.
        "oom_score_adj": limits.CELL_OOM_SCORE,
        # No limit on processor time here: the supervisor lives as long as the job. Each chamber gets its own.
        "ulimits": [
            Ulimit(name=name, soft=value, hard=value) for name, value in flags.fixed_limits(plan.output_bytes).items()
        ],
        "log_config": LogConfig(type=LogConfig.types.NONE),
        "init": False,
        "restart_policy": {"Name": "no"},
        "runtime": plan.oci_runtime,
    }


def beyond_the_sdk() -> dict[str, Any]:
    """What the SDK has no argument for: nothing is masked, for chambers get a /proc of their own and no /sys."""
    return {"MaskedPaths": [], "ReadonlyPaths": ["/proc/sys"]}


def container_config(
    plan: ChamberPlan, lane: int, kit: Kit, image_environment: Sequence[str], arguments: Sequence[str]
) -> dict[str, Any]:
    """What the container is, for `APIClient.create_container`; the supervisor is given everything as arguments."""
    return {
        **flags.common_config(plan, image_environment),
        "entrypoint": [INIT_PATH, *arguments, *plan.entrypoint],
        # Root without its powers, but for the five; a chamber gets a uid of its own.
        "user": "0:0",
        "labels": labels(kit.node, plan.job, plan.fence) | {f"{flags.LABEL}.lane": str(lane)},
        "name": f"{plan.job}-{plan.fence}-cell-{lane}",
    }


def labels(node: str, job: str, fence: int) -> dict[str, str]:
    """The labels by which a node finds the cells of a job again."""
    return {
        f"{flags.LABEL}.node": node,
        f"{flags.LABEL}.job": job,
        f"{flags.LABEL}.fence": str(fence),
        f"{flags.LABEL}.engine": "cell",
    }
