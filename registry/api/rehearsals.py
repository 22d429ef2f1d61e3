"""Rehearsals: what a rehearsal node is to do, the catalogue entries it needs for it, and the evidence that came of it.

    GET /nodes/{node}/rehearsals          {"rehearsals": [{"algorithm": …, "dataset": …, "entry": …}, …]}
    GET /datasets/{entry}                 one catalogue entry, by its digest
    GET /algorithms/{digest}/rehearsals   the verdicts of the reports on a version; each whole at /documents/{digest}

A node hands its signed report in at `POST /rehearsals`.
"""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from registry.actions import rehearsal
from registry.api.doors import Digest, KnownCaller, Slug
from registry.api.lists import written
from registry.request import Now, TheDesk

router = APIRouter(tags=["rehearsals"])


@router.get("/nodes/{node}/rehearsals")
def list_tasks(desk: TheDesk, caller: KnownCaller, now: Now, node: Slug) -> dict[str, Any]:
    """Tell a rehearsal node what it has not reported on yet."""
    return {"rehearsals": [asdict(task) for task in rehearsal.collect(desk, caller, node, now)]}


@router.get("/datasets/{entry}")
def get_entry(desk: TheDesk, entry: Digest) -> dict[str, Any]:
    """Return one dataset as its node tells of it."""
    return rehearsal.find_entry(desk, entry).model_dump(mode="json")


@router.get("/algorithms/{digest}/rehearsals")
def list_evidence(desk: TheDesk, digest: Digest) -> dict[str, Any]:
    """List what rehearsals of a version came to, and the datasets that it was not rehearsed for yet."""
    found, awaited = rehearsal.list_evidence(desk, digest)
    return {"rehearsals": [_evidence(one) for one in found], "awaited": list(awaited)}


def _evidence(one: rehearsal.Evidence) -> dict[str, Any]:
    report = one.report
    return {
        "digest": one.digest,
        "by": report.by,
        "dataset": report.dataset,
        "fit": report.fit,
        "findings": [finding.model_dump(mode="json") for finding in report.findings],
        "blocks": report.blocks,
        "rho_nano": report.price_nano,
        "chambers": report.chambers,
        "chambers_good": report.chambers_good,
        "issued": written(report.issued),
    }
