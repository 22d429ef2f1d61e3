"""What every route, of the API and of the pages, takes from its application: the desk and the time."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from registry.actions.desk import Desk


def desk_of(request: Request) -> Desk:
    """Return the desk that the application was made with."""
    desk: Desk = request.app.state.desk
    return desk


def now_of(request: Request) -> datetime:
    """Return the application's time."""
    clock: Callable[[], datetime] = request.app.state.clock
    return clock().astimezone(UTC)


async def _desk(request: Request) -> Desk:
    return desk_of(request)


async def _now(request: Request) -> datetime:
    return now_of(request)


# Coroutines, because FastAPI hands every other function to a thread, which costs more than these do.
TheDesk = Annotated[Desk, Depends(_desk)]
Now = Annotated[datetime, Depends(_now)]
