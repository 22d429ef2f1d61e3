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


TheDesk = Annotated[Desk, Depends(desk_of)]
Now = Annotated[datetime, Depends(now_of)]
