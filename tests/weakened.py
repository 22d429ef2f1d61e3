"""Chambers whose isolation is weakened on purpose, to show that a test can see the channel that it guards.

There is no such switch in the product: this replaces what `sandbox.chambers.flags` says about a container, for as long
as a test lasts, and only tests can import it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from docker.types import Mount

from sandbox.chambers import flags
from sandbox.chambers.desk import Desk
from sandbox.domain.chamber import ChamberPlan

NO_LIST_OF_CALLS = '{"defaultAction": "SCMP_ACT_ALLOW"}'
SHARED_UID = 7777 << 10


def weaken_isolation_for_a_control(patch: pytest.MonkeyPatch, shared: Path) -> None:
    """Give all chambers one uid, a directory in common at ``/shared``, and the host's /proc as it is."""
    container_config, host_config = flags.container_config, flags.host_config

    def one_uid(plan: ChamberPlan, chamber: int, node: str, image_environment: Sequence[str]) -> dict[str, Any]:
        return {**container_config(plan, chamber, node, image_environment), "user": f"{SHARED_UID}:{SHARED_UID}"}

    def one_directory(plan: ChamberPlan, desk: Desk, block: Path) -> dict[str, Any]:
        host = host_config(plan, desk, block)
        return {**host, "mounts": [*host["mounts"], Mount("/shared", str(shared), type="bind")]}

    patch.setattr(flags, "container_config", one_uid)
    patch.setattr(flags, "host_config", one_directory)
    patch.setattr(flags, "beyond_the_sdk", lambda: {"MaskedPaths": []})
