"""The registry's commands."""

from registry.cli.commands import app

__all__ = ["app"]
