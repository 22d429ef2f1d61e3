"""A member's own machine: the commands that serve a page of the local signer, and the passkey that is used on it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from factory import OFFICE, World
from playwright.sync_api import Page

from protocol.documents.key_proof import KeyRequest, read_request
from protocol.documents.passkey import PasskeyOrigin


@contextmanager
def command(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that serves a page, and the page's address; killed at the end if it has not ended by itself."""
    line = [sys.executable, "-m", "client.cli", *words, "--no-browser", "--seconds", "60", "--json"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    try:
        assert "Open this page" in first, first + process.stderr.read()
        yield process, first.rpartition(" ")[2].strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the command says once its page has what it is for."""
    out, narrated = process.communicate(timeout=30)
    assert process.returncode == 0, narrated
    return dict(json.loads(out))


def press(page: Page, address: str) -> str:
    """Open the signer's page and use its one button; return what it then says."""
    page.goto(address)
    page.click("#go")
    page.wait_for_selector("#said[data-done=yes]", timeout=20_000)
    return page.inner_text("#said")


def make_passkey(page: Page, who: str, home: Path, origin: PasskeyOrigin) -> KeyRequest:
    """Make and prove `who`'s signing passkey; return what the office gets."""
    words = ["key", "passkey", "--subject", who, "--office", OFFICE, "--page", origin.origin, "--home", str(home)]
    with command(*words) as (process, address):
        assert "Made and proved" in press(page, address)
        made = ended(process)
    return read_request(Path(made["request"]).read_bytes(), [origin])


def seat(world: World, who: str, request: KeyRequest, **changes: Any) -> dict[str, Any]:
    """A roster's entry for whoever proved this passkey."""
    return world.member(who, key=request.keys[0].model_dump()) | {"proof": request.proofs[0].model_dump()} | changes
