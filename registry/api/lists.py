"""What everybody may see: algorithm versions, their reviews, nodes and what they offer. Always in pages."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from registry.actions import catalogue, read, review
from registry.api.doors import DEFAULT_LIMIT, After, AnyCaller, Limit, page
from registry.domain.tally import Tally
from registry.request import Now, TheDesk
from registry.store import tables

router = APIRouter(tags=["lists"])


@router.get("/algorithms")
def list_algorithms(desk: TheDesk, after: After = 0, limit: Limit = DEFAULT_LIMIT) -> dict[str, Any]:
    """List algorithm versions, oldest first."""
    rows = read.list_algorithms(desk, after=after, limit=limit)
    return page("algorithms", [_algorithm(row) for row in rows], limit, rows[-1].sequence if rows else None)


@router.get("/reviews")
def list_reviews(
    desk: TheDesk, caller: AnyCaller, now: Now, after: After = 0, limit: Limit = DEFAULT_LIMIT
) -> dict[str, Any]:
    """List algorithm versions with their votes; who voted how is for callers only, and blind votes for nobody else."""
    found = review.list_reviews(desk, caller, now, after=after, limit=limit)
    items = [review_of(each, named=caller is not None) for each in found]
    return page("reviews", items, limit, found[-1].algorithm.sequence if found else None)


@router.get("/nodes")
def list_nodes(desk: TheDesk, after: After = 0, limit: Limit = DEFAULT_LIMIT) -> dict[str, Any]:
    """List accredited nodes."""
    rows = catalogue.list_nodes(desk, after=after, limit=limit)
    return page("nodes", [_node(row) for row in rows], limit, rows[-1].sequence if rows else None)


@router.get("/datasets")
def list_datasets(
    desk: TheDesk, after: Annotated[str, Query(max_length=100)] = "", limit: Limit = DEFAULT_LIMIT
) -> dict[str, Any]:
    """List what nodes offer, all datasets of one page of nodes."""
    rows = catalogue.list_catalogues(desk, after=after.replace("\x00", ""), limit=limit)
    items = [{"node": row.node, **entry} for row in rows for entry in row.datasets]
    return {"datasets": items, "next": rows[-1].node if len(rows) == limit else None}


def _algorithm(row: tables.Algorithm) -> dict[str, Any]:
    return {
        "digest": row.digest,
        "name": row.name,
        "version": row.version,
        "author": row.author,
        "summary": row.summary,
        "mode": row.mode,
        "image": row.archive_digest or None,
        "state": row.state,
        "changed": written(row.changed),
    }


def review_of(each: review.Review, *, named: bool) -> dict[str, Any]:
    """Return a review as its reader may see it; `blind` names the committees whose votes are not open yet."""
    seen = {
        **_algorithm(each.algorithm),
        "image_here": each.image_here,
        "quorum": [_tally(one) for one in each.tallies],
        "blind": [{"committee": committee, "project": project} for committee, project in each.blind],
        "deadlines": {committee: written(moment) for committee, moment in each.deadlines.items()},
    }
    return {**seen, "approvals": [_approval(row) for row in each.approvals]} if named else seen


def _tally(one: Tally) -> dict[str, Any]:
    return {
        "committee": one.committee,
        "project": one.project,
        "state": one.outcome.value,
        "approvals": one.approvals,
        "rejections": one.rejections,
        "recused": len(one.recused),
        "required": one.required,
    }


def _approval(row: tables.Approval) -> dict[str, Any]:
    return {
        "digest": row.digest,
        "roster": row.roster,
        "committee": row.committee,
        "member": row.member,
        "project": row.project,
        "decision": row.decision,
        "conflict_of_interest": row.conflicted,
        "on_registry_page": row.on_registry_page,
        "signed_at": written(row.signed_at),
    }


def _node(row: catalogue.NodeView) -> dict[str, Any]:
    return {
        "node": row.node,
        "name": row.name,
        "institution": row.institution,
        "country": row.country,
        "accredited_until": written(row.valid_until),
        "last_seen": written(row.last_seen) if row.last_seen else None,
        "datasets": list(row.datasets),
    }


def written(moment: datetime) -> str:
    """Write a moment as all our documents do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
