"""What everybody may see: what ran, algorithms and how they are reviewed, nodes and datasets, the log, the API."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from registry.actions import catalogue, public, rehearsal, review
from registry.domain.limits import PAGE_ITEMS, PAGE_ITEMS_MOST
from registry.domain.review import ABOUT
from registry.request import Now, TheDesk
from registry.web.doors import Anybody, ThePages

router = APIRouter(include_in_schema=False)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Position = Annotated[int, Query(ge=0, le=2**62)]
NEWEST_LEAVES = 20


@router.get("/")
def show_runs(desk: TheDesk, pages: ThePages, looker: Anybody, before: Position | None = None) -> Response:
    """Show what ran."""
    runs = public.list_runs(desk, before=before, limit=PAGE_ITEMS)
    following = f"/?before={runs[-1].position}" if len(runs) == PAGE_ITEMS else ""
    return pages.show("runs.html", looker.visit, runs=runs, following=following)


@router.get("/algorithms")
def show_algorithms(desk: TheDesk, pages: ThePages, looker: Anybody, now: Now, after: Position = 0) -> Response:
    """Show algorithm versions and where their reviews stand."""
    caller = looker.person.caller if looker.person else None
    reviews = review.list_reviews(desk, caller, now, after=after, limit=PAGE_ITEMS)
    following = f"/algorithms?after={reviews[-1].algorithm.sequence}" if len(reviews) == PAGE_ITEMS else ""
    return pages.show("algorithms.html", looker.visit, reviews=reviews, following=following)


@router.get("/algorithms/{digest}")
def show_algorithm(desk: TheDesk, pages: ThePages, looker: Anybody, digest: Digest) -> Response:
    """Show one algorithm version: who, what, what would leave each hospital."""
    shown = public.show_algorithm(desk, digest)
    reports, awaited = rehearsal.list_evidence(desk, digest)
    evidence = [each.report for each in reports]
    return pages.show(
        "algorithm.html",
        looker.visit,
        row=shown.row,
        spec=shown.spec,
        committees=shown.committees,
        evidence=evidence,
        awaited=awaited,
    )


@router.get("/nodes")
def show_nodes(desk: TheDesk, pages: ThePages, looker: Anybody, after: Position = 0) -> Response:
    """Show nodes and what they say about their datasets."""
    nodes = catalogue.list_nodes(desk, after=after, limit=PAGE_ITEMS)
    following = f"/nodes?after={nodes[-1].sequence}" if len(nodes) == PAGE_ITEMS else ""
    datasets = catalogue.list_catalogues(desk, after="", limit=PAGE_ITEMS_MOST)
    return pages.show("nodes.html", looker.visit, nodes=nodes, catalogues=datasets, following=following)


@router.get("/process")
def show_process(desk: TheDesk, pages: ThePages, looker: Anybody) -> Response:
    """Show how reviews go here: what is checked first, how long committees have, what each state means."""
    return pages.show("process.html", looker.visit, workflow=desk.workflow, about=ABOUT)


@router.get("/log")
def show_log(desk: TheDesk, pages: ThePages, looker: Anybody) -> Response:
    """Show the transparency log's checkpoint and its newest entries."""
    return pages.show("log.html", looker.visit, log=public.show_log(desk, NEWEST_LEAVES))


@router.get("/docs")
def show_docs(request: Request, pages: ThePages, looker: Anybody) -> Response:
    """Show what the API can do; the machine-readable description is linked."""
    described = request.app.openapi()
    calls = [
        {"method": method.upper(), "path": path, "summary": call.get("description") or call.get("summary", "")}
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    ]
    return pages.show("docs.html", looker.visit, calls=calls, described=request.app.openapi_url)
