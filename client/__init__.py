"""The `safeconduct` command and the Python client."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    """Import `Client` on first use: the command line starts without it."""
    if name == "Client":
        from client.client import Client

        return Client
    raise AttributeError(name)
