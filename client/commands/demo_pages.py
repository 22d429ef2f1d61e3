"""The nodes' admin pages, opened for whoever looks around after the demo, each with an invitation that works once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from client.commands.demo_programs import Programs, free_port, wait_until

ADMIN = "demo"
SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminPage:
    """Where a node's admin page answers, and the code with which one passkey is enrolled there within an hour."""

    node: str
    url: str
    code: str


def open_admin_pages(programs: Programs, folders: Iterable[Path]) -> list[AdminPage]:
    """Serve the admin page of the node in each of these folders on loopback, and invite an admin to it."""
    opened = [_open(programs, folder, free_port()) for folder in folders]
    for page in opened:
        wait_until(
            partial(programs.answers, f"{page.url}/healthz"),
            seconds=SECONDS,
            what=f"The admin page of {page.node}",
            check=programs.check_alive,
        )
    return opened


def _open(programs: Programs, folder: Path, port: int) -> AdminPage:
    here = ["--dir", str(folder), "--port", str(port), "--json"]
    invited = programs.run(f"{folder.name}-invite", ["node", "admin", "invite", ADMIN, *here])
    programs.start(f"{folder.name}-admin", ["node", "admin", "serve", *here])
    return AdminPage(node=folder.name, url=f"http://localhost:{port}", code=invited["code"])
