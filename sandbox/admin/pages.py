"""What an admin reads: status, queue, job, datasets, incidents, audit. Schedules and codes only."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse

from sandbox.actions.checks import read_checks
from sandbox.actions.incidents import list_incidents
from sandbox.actions.show_audit import show_audit
from sandbox.actions.show_job import list_waiting, show_job
from sandbox.actions.show_ledger import show_ledger
from sandbox.actions.status import list_jobs, read_status
from sandbox.admin.desk import desk_of
from sandbox.admin.guard import Reader
from sandbox.admin.views import page
from sandbox.domain.checks import worst

router = APIRouter()
Order = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
MOST_WAITING: Final = 200
MOST_ENDED: Final = 50
MOST_LINES: Final = 200


@router.get("/")
def show_status(request: Request, visitor: Reader) -> HTMLResponse:
    """Show how the node is, and what may be done to it."""
    return _status(request, visitor, "status.html")


@router.get("/status/part")
def show_status_part(request: Request, visitor: Reader) -> HTMLResponse:
    """Show the part of it that changes."""
    return _status(request, visitor, "status_part.html")


@router.get("/jobs")
def show_queue(request: Request, visitor: Reader) -> HTMLResponse:
    """Show every job that is not over, with the reason why it waits, and the newest that are."""
    return _queue(request, visitor, "jobs.html")


@router.get("/jobs/part")
def show_queue_part(request: Request, visitor: Reader) -> HTMLResponse:
    """Show the part of it that changes."""
    return _queue(request, visitor, "jobs_part.html")


@router.get("/jobs/{order}")
def show_one(request: Request, visitor: Reader, order: Order) -> HTMLResponse:
    """Show one job."""
    return _job(request, visitor, order, "job.html")


@router.get("/jobs/{order}/part")
def show_one_part(request: Request, visitor: Reader, order: Order) -> HTMLResponse:
    """Show the part of it that changes."""
    return _job(request, visitor, order, "job_part.html")


@router.get("/datasets")
def show_datasets(request: Request, visitor: Reader) -> HTMLResponse:
    """Show budgets, and the ledger behind them."""
    desk = desk_of(request)
    policy = desk.trust()[1]
    status, ledger = read_status(desk.store, policy, desk.now()), show_ledger(desk.store, policy)
    return page(request, "datasets.html", visitor, node=status, ledger=ledger, most=MOST_LINES)


@router.get("/incidents")
def show_incidents(request: Request, visitor: Reader) -> HTMLResponse:
    """Show what went wrong, and who decided what about it."""
    desk = desk_of(request)
    found = list_incidents(desk.store, desk.ledger_head, desk.now())
    return page(request, "incidents.html", visitor, incidents=found)


@router.get("/audit")
def show_lines(request: Request, visitor: Reader) -> HTMLResponse:
    """Show who did what."""
    lines = show_audit(desk_of(request).store, MOST_LINES)[::-1]
    return page(request, "audit.html", visitor, lines=lines, most=MOST_LINES)


def _status(request: Request, visitor: Reader, name: str) -> HTMLResponse:
    desk = desk_of(request)
    status, checks = read_status(desk.store, desk.trust()[1], desk.now()), read_checks(desk.watched, desk.now())
    return page(request, name, visitor, node=status, checks=checks, worst=worst(checks))


def _queue(request: Request, visitor: Reader, name: str) -> HTMLResponse:
    desk = desk_of(request)
    waiting = list_waiting(desk.store, desk.now(), MOST_WAITING)
    known = {job["order"] for job in waiting}
    ended = [job for job in list_jobs(desk.store, desk.now(), limit=MOST_ENDED) if job["order"] not in known]
    return page(request, name, visitor, waiting=waiting, ended=ended, most=MOST_WAITING)


def _job(request: Request, visitor: Reader, order: str, name: str) -> HTMLResponse:
    desk = desk_of(request)
    return page(request, name, visitor, job=show_job(desk.store, order, desk.now(), desk.watched.root))
