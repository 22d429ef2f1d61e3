"""The application: everything wired in one place.

`application` is what a server calls: `uvicorn --factory registry.main:application` with the folder's name in
SAFECONDUCT_REGISTRY_DIRECTORY; `safeconduct registry run` does the same.
"""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Container, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Final

import structlog
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from protocol.crypto.keys import PublicKey, Signer
from protocol.documents.passkey import PasskeyOrigin
from protocol.errors import SafeconductError
from registry import folder, settings
from registry.actions import log as log_actions
from registry.actions import tend
from registry.actions.desk import Desk
from registry.api import (
    account,
    documents,
    health,
    images,
    lists,
    log,
    messages,
    nodes,
    orders,
    problems,
    rehearsals,
    reviews,
    token,
)
from registry.api.metrics import Metrics
from registry.api.middleware import Surround
from registry.domain.workflow import PLAIN, Workflow
from registry.outbound.bell import Bell
from registry.outbound.mail import Mailer
from registry.store import schema
from registry.store.base import Store
from registry.store.blobs import Blobs
from registry.web import pages
from registry.workflows import read_workflow

PREFIX: Final = "/api/v1"
ABANDONED_AFTER: Final = timedelta(days=7)
"""Unfinished uploads older than this are removed at start."""

TEND_SECONDS: Final = 15
"""How often the registry looks for what time alone makes due: deadlines, expiries, mail."""

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


def application() -> FastAPI:
    """Return the application of the registry that the environment names."""
    chosen = settings.from_environment()
    _log_as_json()
    desk = make_desk(
        directory=chosen.directory,
        database=chosen.database,
        offices=folder.read_offices(chosen.directory),
        audiences=chosen.audiences,
        image_bytes=chosen.image_bytes,
        log_key=folder.read_log_key(chosen),
        passkey_pages=chosen.passkey_pages,
        workflow=read_workflow(chosen.workflow),
        page=chosen.page,
        mailer=chosen.mailer,
    )
    desk.blobs.sweep(time.time() - ABANDONED_AFTER.total_seconds())
    return make_app(desk, web=chosen.web)


def make_desk(
    *,
    directory: Path,
    database: str,
    offices: Mapping[str, tuple[PublicKey, ...]],
    audiences: tuple[str, ...],
    image_bytes: int,
    log_key: Signer,
    passkey_pages: tuple[PasskeyOrigin, ...] = (),
    workflow: Workflow = PLAIN,
    page: PasskeyOrigin = settings.LOCAL_PAGE,
    mailer: Mailer | None = None,
) -> Desk:
    """Open the registry in `directory`; its database is brought to the newest form, and its log up to date."""
    store = Store(database)
    schema.upgrade(store.engine)
    log_actions.catch_up(store)
    return Desk(
        store=store,
        blobs=Blobs(directory),
        bell=Bell(),
        offices=offices,
        audiences=audiences,
        image_bytes=image_bytes,
        log_key=log_key,
        passkey_pages=tuple(_labelled(each, {page.origin, *audiences}) for each in passkey_pages),
        workflow=workflow,
        page=page,
        mailer=mailer,
    )


def _labelled(page: PasskeyOrigin, own: Container[str]) -> PasskeyOrigin:
    """A page at an address of ours is the registry's, whatever was configured: what is signed there is labelled."""
    return page.model_copy(update={"registry_page": page.registry_page or page.origin in own})


def make_app(desk: Desk, clock: Clock = system_clock, web: Path | None = None) -> FastAPI:
    """Return the application over an open desk; `web` holds its pages' files, or SAFECONDUCT_WEB does."""
    app = FastAPI(
        title="Safeconduct registry",
        version=version("safeconduct"),
        docs_url=None,  # its page would fetch scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        lifespan=_lifespan,
    )
    app.state.desk, app.state.clock = desk, clock
    app.state.metrics = Metrics(lambda: desk.bell.listeners)
    problems.install(app)
    for part in (token, account, documents, images, lists, reviews, messages, rehearsals, log, orders, nodes):
        app.include_router(part.router, prefix=PREFIX, responses=problems.DOCUMENTED)
    app.include_router(health.router)
    pages.install(app, web or settings.installed_web(), problems.status_of)
    app.add_middleware(Surround, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Let waiting long-polls go as soon as the server is told to stop: it would wait for them otherwise."""
    desk: Desk = app.state.desk
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        _before(each, lambda: loop.call_soon_threadsafe(desk.bell.close))
    tending = loop.create_task(_tend(app))
    yield
    desk.bell.close()
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    desk.store.close()


async def _tend(app: FastAPI) -> None:
    """Do what time alone makes due, now and every few seconds; a failure is logged, and the next turn tries again."""
    while True:
        try:
            await run_in_threadpool(tend.tend, app.state.desk, app.state.clock())
        except SafeconductError as error:
            structlog.get_logger("registry.tend").warning("tend", code=error.code)
        await asyncio.sleep(TEND_SECONDS)


def _before(number: signal.Signals, act: Callable[[], object]) -> None:
    installed = signal.getsignal(number)

    def handler(received: int, frame: FrameType | None) -> None:
        act()
        if callable(installed):
            installed(received, frame)

    signal.signal(number, handler)


def _log_as_json() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format='{"event": "library", "logger": "%(name)s"}')
