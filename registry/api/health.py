"""Whether the registry is well, for people and for machines."""

from typing import Any

from fastapi import APIRouter, Request, Response

from registry.actions import health
from registry.request import TheDesk

router = APIRouter(tags=["health"])


@router.get("/healthz")
def get_health(desk: TheDesk) -> dict[str, Any]:
    """Say ok after a look into the database; 503 otherwise."""
    health.check_database(desk)
    return {"status": "ok"}


@router.get("/metrics", response_class=Response)
def get_metrics(request: Request) -> Response:
    """Return Prometheus metrics."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
