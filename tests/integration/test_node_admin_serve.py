"""`safeconduct node admin`: the node's shell says who is let in; the page is served as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import unit.node.conftest as node_fixtures
from node_lab import wait_for
from typer.testing import CliRunner

from client.commands.demo_pages import open_admin_pages
from client.commands.demo_programs import Programs
from sandbox.cli.admin import check_origin
from sandbox.cli.node import app
from sandbox.errors import Misconfigured

kit, made = node_fixtures.kit, node_fixtures.made
made_folder, made_database = node_fixtures.made_folder, node_fixtures.made_database

REFUSED = {
    "plain http from elsewhere": ("0.0.0.0", "http://localhost:8470"),
    "plain http under another name": ("127.0.0.1", "http://node.hospital.example"),
    "an address, which passkeys cannot belong to": ("127.0.0.1", "https://10.0.0.1"),
    "a path": ("127.0.0.1", "https://node.hospital.example/admin"),
    "no scheme": ("127.0.0.1", "node.hospital.example"),
}


def command(kit: Any, *words: str) -> Any:
    done = CliRunner().invoke(app, ["admin", *words, "--dir", str(kit.folder / "node"), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_admin_is_invited_listed_and_removed(kit: Any) -> None:
    invited = command(kit, "invite", "meri")
    assert invited["page"] == "http://localhost:8470/enrol"
    assert len(invited["code"]) == 24
    assert [one["name"] for one in command(kit, "list")["admins"]] == ["meri"]
    assert command(kit, "remove", "meri") == {"admin": "meri", "removed": True}


@pytest.mark.parametrize("what", REFUSED)
def test_page_is_not_served_where_its_passkeys_would_not_be_safe(what: str) -> None:
    with pytest.raises(Misconfigured, match="admin-origin"):
        check_origin(*REFUSED[what])


def test_page_behind_a_proxy_with_tls_may_listen_elsewhere() -> None:
    assert check_origin("0.0.0.0", "https://node.hospital.example").rp_id == "node.hospital.example"


def test_demo_leaves_admin_pages_open_with_an_invitation(kit: Any) -> None:
    with Programs(logs=kit.folder / "logs") as programs:
        (page,) = open_admin_pages(programs, [kit.folder / "node"])
        with httpx.Client(base_url=page.url) as browser:
            token = browser.get("/enrol").text.partition('name="form_token" value="')[2][:64]
            sent = {"form_token": token, "invitation": page.code}
            invited = browser.post("/enrol", data=sent, headers={"Sec-Fetch-Site": "same-origin"})
        assert "Make a passkey for demo" in invited.text
        assert page.node == "node"
    with pytest.raises(httpx.TransportError):
        httpx.get(page.url)


@pytest.fixture
def served(kit: Any) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = ["node", "admin", "serve", "--dir", str(kit.folder / "node"), "--port", port]
    process = subprocess.Popen([sys.executable, "-m", "client.cli", *words], env=os.environ, stdout=subprocess.DEVNULL)
    yield f"http://localhost:{port}"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)


def test_page_is_served_on_loopback_to_nobody_but_admins(served: str) -> None:
    def health() -> httpx.Response | None:
        try:
            return httpx.get(f"{served}/healthz")
        except httpx.TransportError:
            return None

    assert wait_for(health, 30, "the page").text == "ok\n"
    assert httpx.get(served).headers["location"] == "/sign-in"
    assert "Sign in with a passkey" in httpx.get(f"{served}/sign-in").text
    script = Path(os.environ["SAFECONDUCT_WEB"]) / "htmx.min.js"
    page = httpx.get(f"{served}/sign-in").text
    address = page[page.index("/static/") :].partition("htmx.min.js")[0].rpartition('"')[2]
    assert httpx.get(f"{served}{address}htmx.min.js").content == script.read_bytes()
