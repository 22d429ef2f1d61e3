"""The application: everything wired in one place."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI

from protocol.crypto.keys import PublicKey
from registry.actions.desk import Desk
from registry.api import documents, health, images, lists, nodes, orders, problems, token
from registry.api.metrics import Metrics
from registry.api.middleware import Surround
from registry.outbound.bell import Bell
from registry.store import schema
from registry.store.base import Store
from registry.store.blobs import Blobs

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


def make_desk(
    *,
    directory: Path,
    database: str,
    offices: Mapping[str, tuple[PublicKey, ...]],
    audiences: tuple[str, ...],
    image_bytes: int,
) -> Desk:
    """Open the registry in `directory`; its database is brought to the newest form."""
    store = Store(database)
    schema.upgrade(store.engine)
    return Desk(
        store=store,
        blobs=Blobs(directory),
        bell=Bell(),
        offices=offices,
        audiences=audiences,
        image_bytes=image_bytes,
    )


def make_app(desk: Desk, clock: Clock = system_clock) -> FastAPI:
    """Return the application over an open desk."""
    app = FastAPI(
        title="Safeconduct registry",
        version=version("safeconduct"),
        docs_url=None,  # its page would fetch scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.desk, app.state.clock = desk, clock
    app.state.metrics = Metrics(lambda: desk.bell.listeners)
    problems.install(app)
    app.include_router(_api())
    app.include_router(health.router)
    app.add_middleware(Surround, metrics=app.state.metrics)
    return app


def _api() -> APIRouter:
    api = APIRouter(prefix="/api/v1")
    for part in (token, documents, images, lists, orders, nodes):
        api.include_router(part.router)
    return api
