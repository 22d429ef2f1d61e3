"""What a researcher sees of their own orders: where each stands, why, its receipt. Results stay sealed."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from registry.actions import job
from registry.domain.limits import PAGE_ITEMS
from registry.request import TheDesk
from registry.web.doors import AResearcher, ThePages

router = APIRouter(include_in_schema=False)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Position = Annotated[int, Query(ge=0, le=2**62)]


@router.get("/my/jobs")
def show_jobs(desk: TheDesk, pages: ThePages, me: AResearcher, before: Position | None = None) -> Response:
    """Show one's orders, the newest first."""
    orders = job.list_orders(desk, me.person, before=before, limit=PAGE_ITEMS)
    following = f"/my/jobs?before={orders[-1].sequence}" if len(orders) == PAGE_ITEMS else ""
    return pages.show("my_jobs.html", me.visit, orders=orders, following=following)


@router.get("/my/jobs/{digest}")
def show_job(desk: TheDesk, pages: ThePages, me: AResearcher, digest: Digest) -> Response:
    """Show one order: its state, which renews itself, what each node said, its receipt, how to open its result."""
    return pages.show("my_job.html", me.visit, job=job.show_order(desk, me.person, digest))


@router.get("/my/jobs/{digest}/state")
def show_state(desk: TheDesk, pages: ThePages, me: AResearcher, digest: Digest) -> Response:
    """Show the part of the order's page that renews itself."""
    return pages.show("my_job_state.html", me.visit, job=job.show_order(desk, me.person, digest))
