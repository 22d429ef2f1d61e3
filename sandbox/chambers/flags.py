"""Every flag of a chamber's container, with its reason (DESIGN 6); nothing is left to the engine's defaults.

Each entry closes something that was seen open: the tests in tests/attacks name what.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from protocol.documents.layer import INIT_PATH, INPUT_PATH, OUTPUT_PATH
from sandbox.chambers import limits
from sandbox.chambers.desk import Desk
from sandbox.domain.chamber import ChamberPlan

LABEL = "eu.safeconduct"
RESULT_PATH = f"{OUTPUT_PATH}/result.json"

# What tells about the host, or about what else runs on it. Masked entries read empty.
_TELLING = (
    *("/sys", "/proc/sys", "/proc/acpi", "/proc/asound", "/proc/bus", "/proc/driver", "/proc/fs", "/proc/irq"),
    *("/proc/pressure", "/proc/scsi", "/proc/sysvipc", "/proc/tty", "/proc/dynamic_debug"),
    *("/proc/buddyinfo", "/proc/cgroups", "/proc/cmdline", "/proc/config.gz", "/proc/consoles", "/proc/cpuinfo"),
    *("/proc/crypto", "/proc/devices", "/proc/diskstats", "/proc/dma", "/proc/execdomains", "/proc/fb"),
    *("/proc/filesystems", "/proc/interrupts", "/proc/iomem", "/proc/ioports", "/proc/kallsyms", "/proc/kcore"),
    *("/proc/key-users", "/proc/keys", "/proc/kmsg", "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags"),
    *("/proc/latency_stats", "/proc/loadavg", "/proc/locks", "/proc/meminfo", "/proc/misc", "/proc/modules"),
    *("/proc/mtrr", "/proc/pagetypeinfo", "/proc/partitions", "/proc/sched_debug", "/proc/schedstat"),
    *("/proc/slabinfo", "/proc/softirqs", "/proc/stat", "/proc/swaps", "/proc/sysrq-trigger", "/proc/timer_list"),
    *("/proc/timer_stats", "/proc/uptime", "/proc/version", "/proc/version_signature", "/proc/vmallocinfo"),
    *("/proc/vmstat", "/proc/zoneinfo"),
)

# A chamber has one processor; libraries that count those of the machine would start too many threads.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",  # noqa: S108  the chamber's own
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "HDF5_USE_FILE_LOCKING": "FALSE",  # file locks are not allowed
}


def host_config(plan: ChamberPlan, desk: Desk, block: Path) -> dict[str, Any]:
    """What the container gets from its host, for `APIClient.create_host_config`."""
    return {
        # Together with network_disabled: half the start time, and no host resolver or host name leaks in.
        "network_mode": "none",
        # None: a chamber needs none, and each one is a part of root.
        "cap_drop": ["ALL"],
        # no-new-privileges: a setuid file gives nothing. seccomp: our own list; the engine's lets ptrace, io_uring,
        # AF_VSOCK and i386 calls through.
        "security_opt": ["no-new-privileges:true", f"seccomp={plan.seccomp}"],
        # Nothing of the image can be changed, and nothing outlives the chamber.
        "read_only": True,
        # Bounded in bytes and in files; not a place to run things from, nor to gain rights or devices by.
        "tmpfs": {
            "/tmp": f"rw,noexec,nosuid,nodev,size={limits.TMP_BYTES},nr_inodes={limits.TMP_INODES},mode=1777"  # noqa: S108
        },
        "mounts": _mounts(desk, block),
        # Its own System V and POSIX IPC; `none` would take away /dev/shm, which multiprocessing needs.
        "ipc_mode": "private",
        "shm_size": limits.SHARED_MEMORY_BYTES,
        # The path of its cgroup, which names the container and the engine's layout, reads "/".
        "cgroupns": "private",
        # Fork and thread bombs end here.
        "pids_limit": limits.PROCESSES,
        # Swap equal to memory is no swap: what does not fit ends the chamber, and does not slow the node.
        "mem_limit": plan.memory_bytes,
        "memswap_limit": plan.memory_bytes,
        "cpu_period": limits.CPU_PERIOD_MICROSECONDS,
        "cpu_quota": limits.CPU_QUOTA_MICROSECONDS,
        # When the node is short of memory a chamber dies first, not the engine or the ledger.
        "oom_score_adj": limits.OOM_SCORE,
        "ulimits": _ulimits(plan),
        # What a chamber prints is not an output; the launcher closes the streams as well.
        "log_config": LogConfig(type=LogConfig.types.NONE),
        # The launcher is PID 1 and a real parent; the engine's own init would hold the standard streams open.
        "init": False,
        # A chamber ends once.
        "restart_policy": {"Name": "no"},
        "runtime": plan.oci_runtime,
    }


def beyond_the_sdk() -> dict[str, Any]:
    """What the SDK has no argument for."""
    return {"MaskedPaths": list(_TELLING)}


def container_config(plan: ChamberPlan, chamber: int, node: str, image_environment: Sequence[str]) -> dict[str, Any]:
    """What the container is, for `APIClient.create_container`."""
    return {
        **common_config(plan, image_environment),
        # Explicit, so that the image's ENTRYPOINT and CMD do not count.
        "entrypoint": [INIT_PATH, *plan.entrypoint],
        # A uid of its own, high, never root: kernel quotas per user (inotify, pipes, keys) are seen by who shares it.
        "user": f"{plan.uid_base + chamber}:{plan.uid_base + chamber}",
        # So that orphans are found; they override the image's.
        "labels": labels(node, plan.job, plan.fence, chamber),
        "name": container_name(plan, chamber),
    }


def common_config(plan: ChamberPlan, image_environment: Sequence[str]) -> dict[str, Any]:
    """What is the same for every container beside data; whatever the image says about it is overridden."""
    return {
        # By ID, never by a tag that may have moved.
        "image": plan.image_id,
        "working_dir": "/",
        # With network_mode none: neither libnetwork nor the host's resolv.conf.
        "network_disabled": True,
        "hostname": "chamber",
        "environment": {**dict.fromkeys(image_environment), **_ENVIRONMENT},  # None unsets what the image set
        # A second program in the chamber, whose output the engine would store.
        "healthcheck": {"test": ["NONE"]},
        # An image may name a signal that does nothing; nobody sends it, but nobody shall wait for it either.
        "stop_signal": "SIGKILL",
        # Nobody writes to it or reads from it.
        "stdin_open": False,
        "tty": False,
        "detach": True,
    }


def labels(node: str, job: str, fence: int, chamber: int) -> dict[str, str]:
    """The labels by which a node finds its chambers again."""
    return {
        f"{LABEL}.node": node,
        f"{LABEL}.job": job,
        f"{LABEL}.fence": str(fence),
        f"{LABEL}.chamber": str(chamber),
    }


def container_name(plan: ChamberPlan, chamber: int) -> str:
    """One name for one chamber of one fence: the engine refuses a second one."""
    return f"{plan.job}-{plan.fence}-{chamber}"


def _mounts(desk: Desk, block: Path) -> list[dict[str, Any]]:
    return [
        bind(INIT_PATH, desk.launcher, read_only=True),
        bind(f"{INPUT_PATH}/input.json", desk.input, read_only=True),
        bind(f"{INPUT_PATH}/data", block, read_only=True),
        # One file and no directory: it cannot be removed, replaced by a link or a fifo, or joined by others.
        bind(RESULT_PATH, desk.result, read_only=False),
    ]


def bind(target: str, source: Path, *, read_only: bool) -> dict[str, Any]:
    """A bind through `mounts=`: with `volumes=` a missing source becomes a directory that root owns."""
    mount: dict[str, Any] = Mount(target, str(source), type="bind", read_only=read_only)
    # A submount under a read-only bind stays writable; and no mount made later on either side is passed on.
    mount["BindOptions"] = {"Propagation": "rprivate", "NonRecursive": True}
    return mount


def _ulimits(plan: ChamberPlan) -> list[Ulimit]:
    # A belt for when the node itself dies: a chamber with one processor has no use for more.
    processor = {"cpu": -(-plan.slot_milliseconds // 1000) + 1}
    values = fixed_limits(plan.output_bytes) | processor
    return [Ulimit(name=name, soft=value, hard=value) for name, value in values.items()]


def fixed_limits(output_bytes: int) -> dict[str, int]:
    """The limits of every process in a chamber but that on its processor time."""
    return {
        "nofile": limits.OPEN_FILES,
        # A core dump holds the block. Not 0, which the kernel ignores where the host pipes dumps to a program: at 1 it
        # makes none of either kind (core(5), do_coredump). The list of calls lets nobody change it.
        "core": limits.CORE_BYTES,
        # A sparse terabyte or a flood of output ends here.
        "fsize": max(limits.FILE_BYTES, output_bytes),
        "msgqueue": limits.QUEUE_BYTES,
    }
