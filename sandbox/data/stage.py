"""Write what each chamber of one order may see: block by block, or unit by unit."""

from pathlib import Path

from sandbox.domain.dataset import StagePlan


def check_request(snapshot_dir: Path, plan: StagePlan) -> None:
    """Refuse variants that the public site list does not have. Call it before the charge: it reads public facts only."""
    raise NotImplementedError


def stage(snapshot_dir: Path, plan: StagePlan, out_dir: Path) -> list[Path | None]:
    """Write one folder per chamber into `out_dir`; an empty slot has no folder and is None (its output: the default)."""
    raise NotImplementedError


def staged(out_dir: Path, chambers: int) -> list[Path | None]:
    """Return what `stage` returned, in another process."""
    raise NotImplementedError
