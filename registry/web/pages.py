"""The registry's pages, put together: what they share, their routes, and refusals as pages.

Server-rendered, nothing from elsewhere; every form works without script but the passkey's own button.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from faces import assets
from faces.pages import Pages, Site
from protocol.errors import SafeconductError
from registry.web import account, address, draft, job, office, public, refusals, review, sign, version

SITE: Final = Site(
    name="Safeconduct registry",
    sentence="This registry is a courier and a notary. It holds no data and no results that it could read; every node "
    "checks every signature itself.",
)


def install(app: FastAPI, web: Path | None, status_of: Callable[[SafeconductError], int]) -> None:
    """Add the pages to an application whose API is complete."""
    app.state.pages = Pages(SITE, Path(__file__).parent / "templates", assets.read_assets(web))
    app.state.tries = account.new_limit()
    for part in (assets, public, account, address, office, draft, job, version, review, sign):
        app.include_router(part.router)
    refusals.install(app, status_of)
