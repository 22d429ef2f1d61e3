"""The registry's public pages: what is proposed, where its review stands, which nodes there are, and the API by name.

Server-rendered, no script, nothing from elsewhere. Text that came from outside is escaped by the template engine and
is never markup.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse

from registry.actions import catalogue, rehearsal, review
from registry.actions.desk import Desk
from registry.domain.limits import PAGE_ITEMS_MOST

if TYPE_CHECKING:
    from jinja2 import Environment

router = APIRouter(include_in_schema=False)

_HERE: Final = Path(__file__).parent


@router.get("/", response_class=HTMLResponse)
def show_home(request: Request) -> HTMLResponse:
    """Show algorithms with their reviews, and nodes with their datasets."""
    desk: Desk = request.app.state.desk
    reviews = review.list_reviews(desk, None, request.app.state.clock(), after=0, limit=PAGE_ITEMS_MOST)
    nodes = catalogue.list_nodes(desk, after=0, limit=PAGE_ITEMS_MOST)
    evidence = rehearsal.of_versions(desk, [each.algorithm.digest for each in reviews])
    return _page("home.html", reviews=reviews, evidence=evidence, nodes=nodes, most=PAGE_ITEMS_MOST)


@router.get("/docs", response_class=HTMLResponse)
def show_docs(request: Request) -> HTMLResponse:
    """Show what the API can do; the machine-readable description is linked."""
    described = request.app.openapi()
    calls = [
        {"method": method.upper(), "path": path, "summary": call.get("description") or call.get("summary", "")}
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    ]
    return _page("docs.html", calls=calls, described=request.app.openapi_url)


@router.get("/static/style.css", response_class=FileResponse)
def get_style() -> FileResponse:
    """Return the one style sheet."""
    return FileResponse(_HERE / "static" / "style.css", media_type="text/css")


def _page(name: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates().get_template(name).render(**values))


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # at the first page, not at the start

    loader = FileSystemLoader(_HERE / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
