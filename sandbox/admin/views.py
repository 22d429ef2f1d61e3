"""How pages are shown: whom for, what was just done, and moments and amounts as people read them."""

import datetime as dt
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from starlette.responses import HTMLResponse

from faces.pages import Pages, Visit
from sandbox.actions.admin_account import Visitor
from sandbox.admin.desk import desk_of
from sandbox.admin.guard import browser

TEMPLATES: Final = Path(__file__).parent / "templates"
LINKS: Final = (
    ("/", "Status"),
    ("/jobs", "Queue"),
    ("/datasets", "Datasets"),
    ("/policy", "Policy"),
    ("/incidents", "Incidents"),
    ("/audit", "Audit"),
)
DONE: Final = {
    "pause": "The node is paused.",
    "drain": "The node drains.",
    "resume": "The node accepts orders again.",
    "prepare-reboot": "The node drains for a reboot; it may be switched off once nothing is under way.",
    "cancel": "The job is asked to end.",
    "retry": "The job is looked at now.",
    "lift": "The algorithm may be ordered again.",
    "propose": "The policy lies before the admins.",
    "confirm": "You confirmed the policy.",
}
NANO: Final = 1_000_000_000
COLOURS: Final = {
    "ok": "green", "accepting": "green", "warn": "yellow", "draining": "yellow", "failed": "red", "paused": "red",
    "refused": "red", "held": "yellow", "reported": "green",
}  # fmt: skip


def page(request: Request, name: str, who: Visitor | None, **values: Any) -> HTMLResponse:
    """Show a page to whoever is logged in."""
    pages: Pages = request.app.state.pages
    done = DONE.get(request.query_params.get("done", ""))
    words: dict[str, Any] = {"when": _when, "age": _age, "rho": _rho, "colours": COLOURS}
    return pages.show(name, visit_of(request, who), now=desk_of(request).now(), done=done, **words, **values)


def visit_of(request: Request, who: Visitor | None) -> Visit:
    """Whom a page is for."""
    return Visit(browser=browser(request), subject=who.name if who else None, links=LINKS if who else ())


def _when(moment: dt.datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _age(moment: dt.datetime | None, now: dt.datetime) -> str:
    if moment is None:
        return "never"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _rho(nano: int) -> str:
    return f"{nano / NANO:.9f}".rstrip("0").rstrip(".")
