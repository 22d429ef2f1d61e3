"""Chamber plans for tests that run none."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.domain.chamber import ChamberPlan, Profile, Timing, uid_base

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def plan(**changes: Any) -> ChamberPlan:
    """A plan of three chambers in two lanes, the second block empty, with some fields changed."""
    fields: dict[str, Any] = {
        "job": "job-1",
        "fence": 0,
        "image_id": f"sha256:{'a' * 64}",
        "entrypoint": ("/program",),
        "input_json": b"{}",
        "block_dirs": (Path("/blocks/0"), None, Path("/blocks/2")),
        "slot_milliseconds": 1000 * changes.pop("slot_seconds", 10),
        "memory_bytes": 64 << 20,
        "output_bytes": 100,
        "timing": Timing.PADDED,
        "profile": Profile.STANDARD,
        "start_at": START,
        "lanes": 2,
        "seccomp": "{}",
        "oci_runtime": "runc",
        "uid_base": uid_base("job-1"),
    }
    return ChamberPlan(**{**fields, **changes})
