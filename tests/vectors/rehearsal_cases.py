"""Reports of rehearsals: a true one, and what can be wrong with one."""

from collections.abc import Iterator
from typing import Any

from factory import NODE, NOW, fake_digest
from vectors.document_cases import Case, faults, shared
from vectors.forge import WORLD

from protocol.documents.rehearsal import WATCHED_MOST, Rehearsal
from protocol.documents.strict import build

_WATCHED = {
    "chamber": 3,
    "exit_code": 1,
    "milliseconds": 420,
    "late": False,
    "out_of_memory": False,
    "output_bytes": 0,
    "stdout": "",
    "stderr": "Traceback (most recent call last):\nZeroDivisionError: division by zero\n",
}
_OUTPUT = {
    "name": "log_odds_ratio",
    "aggregator": "median",
    "mechanism": "exponential-mechanism-median",
    "rho_nano": 31_250_000,
    "value": "0.312",
    "noiseless": "0.298",
    "read": 126,
    "clamped": 2,
    "spread": "0.41",
    "spread_declared": "0.4",
    "noise": "0.052",
    "total": "0.068",
}


def rehearsal(**changes: Any) -> Rehearsal:
    """A report of a rehearsal in which one chamber of 128 failed."""
    algorithm = WORLD.algorithm()
    fields: dict[str, Any] = {
        "by": NODE,
        "by_kind": "node",
        "proposal": algorithm.proposal_digest,
        "image": algorithm.image.archive_digest,
        "name": algorithm.name,
        "version": algorithm.version,
        "dataset": "cohort-fi",
        "entry": fake_digest("entry"),
        "limits": fake_digest("limits"),
        "seed": 1,
        "twin_people": 12_000,
        "notes": ["No record of the real dataset is in the twin."],
        "parameters": {"variant": "rs7903146"},
        "blocks": 128,
        "rho_asked_nano": 31_250_000,
        "price_nano": 31_250_000,
        "fit": True,
        "findings": [{"level": "warning", "code": "chambers-failed", "sentence": "One chamber of 128 failed."}],
        "outputs": [_OUTPUT],
        "chambers": 128,
        "chambers_empty": 1,
        "chambers_good": 126,
        "failures": [{"chamber": 3, "code": "exit-code", "detail": "it ended with exit code 1"}],
        "watched": [_WATCHED],
        "slot_milliseconds": 20_000,
        "run_milliseconds": 31_000,
        "engine": "cell",
        "software": "safeconduct 0.1.0",
        "opendp": "opendp 0.16.0",
        "issued": NOW,
    }
    return build(Rehearsal, fields | changes)


def vectors() -> Iterator[Case]:
    document = rehearsal()
    yield from shared("rehearsal", document, NODE)
    malformed, inconsistent = "document-malformed", "rehearsal-inconsistent"
    fault = {"level": "fault", "code": "chambers-failed", "sentence": "Half of the chambers failed."}
    yield from faults(
        "rehearsal",
        document,
        NODE,
        {
            "fit-with-a-fault": ("It calls fit what has a fault.", inconsistent, "findings", [fault]),
            "unfit-without-a-fault": ("It calls unfit what has no fault.", inconsistent, "fit", False),
            "more-chambers-than-there-are": (
                "More ended than there were.",
                inconsistent,
                "chambers_good",
                128,
            ),
            "words-with-escape": ("A program's words could move a cursor.", malformed, "watched.0.stdout", "\x1b[2J"),
            "words-right-to-left": ("A program's words turn the text.", malformed, "watched.0.stderr", "\u202e"),
            "words-too-long": ("A program's words are too long.", malformed, "watched.0.stdout", "x" * 4001),
            "watched-too-many": ("Too many were watched.", malformed, "watched", [_WATCHED] * (WATCHED_MOST + 1)),
            "spread-as-number": ("A spread is a number.", malformed, "outputs.0.spread", 1),
            "level-unknown": ("A finding has no known level.", malformed, "findings.0.level", "fatal"),
            "by-a-committee": ("A committee rehearsed.", malformed, "by_kind", "committee"),
        },
    )
