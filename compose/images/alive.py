"""A container's health check: whether each of these parts of the node said lately that it lives.

    python3 alive.py FOLDER NAME…

A part touches its file after it has said so in the database (sandbox/worker/names.py). Like answers.py this needs
Python's own library only: to load ours would take a second of a processor's time, every few seconds, for each part.
"""

import sys
import time
from pathlib import Path

SILENT_SECONDS = 120
"""Longer than a poll of the registry and the pause after one that failed."""


def is_silent(file: Path) -> bool:
    """Whether a part was never heard of, or not lately."""
    try:
        return time.time() - file.stat().st_mtime > SILENT_SECONDS
    except FileNotFoundError:
        return True


silent = [name for name in sys.argv[2:] if is_silent(Path(sys.argv[1]) / name)]
print("silent:", ", ".join(silent) or "none")
sys.exit(1 if silent else 0)
