"""Ask the broker whether it answers, and whether it would throw messages away."""

from typing import Any

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from sandbox.errors import InfrastructureLost, Unreachable
from sandbox.settings import Settings
from sandbox.worker.app import make_app


def check_broker(settings: Settings) -> None:
    """Raise Unreachable if Redis does not answer, InfrastructureLost if it may evict messages when it is full."""
    try:
        with make_app(settings).connection_for_write() as connection:
            client = connection.channel().client
            client.ping()
            evicts = _policy(client)
    except (RedisError, KombuError, OSError) as error:
        kind = type(error).__name__
        raise Unreachable("broker-unreachable", f"Redis does not answer ({kind}).") from error
    if evicts not in (None, "noeviction"):
        sentence = f"Redis throws messages away when it is full (maxmemory-policy {evicts}); set noeviction."
        raise InfrastructureLost("broker-evicts", sentence)


def _policy(client: Any) -> str | None:
    """What Redis does when it is full; None where this user may not ask, or where no limit is set."""
    try:
        said = client.config_get("maxmemory*")
    except RedisError:
        return None
    return str(said["maxmemory-policy"]) if int(said["maxmemory"]) else None
