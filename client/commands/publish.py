"""Sending a signed document to the registry. The signature is what counts; anybody may carry it there."""

from __future__ import annotations

from pathlib import Path

from client.api import RegistryClient
from client.console import say
from client.home import read_profile


def publish_after(home: Path | None, registry: str | None, kind: str, envelope: bytes) -> None:
    """Send a document that was just signed and say so."""
    address = registry or read_profile(home).need("registry")
    with RegistryClient(address) as client:
        digest = client.publish(kind, envelope)
    say(f"The registry at {address} has it as {digest}.")
