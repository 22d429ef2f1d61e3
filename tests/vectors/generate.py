"""Writes every vector: ``python tests/vectors/generate.py [DIRECTORY]``. A test checks that nothing has drifted.

A vector is ``<document>/{accept,reject}/<name>.json``; a reject is named for its fault. Its members:

    says        the fault, or the virtue, in one sentence
    code        the refusal to expect; null in accept
    bytes       the file, in base64
    check       how it is checked: read, document, trust-root, order, receipt or release
    …           what that check needs: keys and threshold, fingerprint, trust root, node, datasets, now, and so on
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from vectors import (
    document_cases,
    envelope_cases,
    order_cases,
    passkey_cases,
    quorum_cases,
    receipt_cases,
    rehearsal_cases,
    request_cases,
    spec_cases,
    statistic_cases,
)

_MODULES = (
    envelope_cases,
    document_cases,
    spec_cases,
    statistic_cases,
    order_cases,
    quorum_cases,
    passkey_cases,
    request_cases,
    receipt_cases,
    rehearsal_cases,
)


def all_vectors() -> dict[str, dict[str, Any]]:
    """Every vector by its path below this folder."""
    vectors: dict[str, dict[str, Any]] = {}
    for module in _MODULES:
        for path, vector in module.vectors():
            if path in vectors:
                raise RuntimeError(f"two vectors are called {path}")
            kind = "accept" if vector["code"] is None else "reject"
            document, name = path.split("/")
            vectors[f"{document}/{kind}/{name}.json"] = vector
    return vectors


def write_all(folder: Path) -> None:
    """Write every vector below ``folder``."""
    for path, vector in all_vectors().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(vector, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
