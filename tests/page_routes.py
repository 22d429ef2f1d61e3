"""The routes of an application, and which of them answer with a page."""

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse

NO_PAGES = ("/static/", "/healthz")


def all_routes(app: Any) -> Iterator[APIRoute]:
    """Every route; those of routers are named without the router's prefix."""
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop()
        waiting += getattr(getattr(route, "original_router", None), "routes", ())
        if isinstance(route, APIRoute):
            yield route


def showing(app: Any) -> set[tuple[str, str]]:
    """What shows a page, of an application without API: whatever is read, and forms that are answered with a page."""
    return {
        (method, route.path)
        for route in all_routes(app)
        for method in route.methods - {"HEAD"}
        if not route.path.startswith(NO_PAGES) and (method == "GET" or _answers_with_a_page(route))
    }


def _answers_with_a_page(route: APIRoute) -> bool:
    """Handlers of forms take the pages, or say that they return one."""
    signature = inspect.signature(route.endpoint)
    return "pages" in signature.parameters or signature.return_annotation is HTMLResponse
