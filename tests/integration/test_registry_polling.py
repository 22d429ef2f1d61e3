"""The queue over a real process: quick to wake, cheap to wait at, and nothing lost by any kind of end."""

import concurrent.futures
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from factory import NODE, OFFICE, RESEARCHER, digest_of
from registry_process import Registry, running


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from running(tmp_path_factory.mktemp("polling"))


@pytest.fixture
def registry(process: Registry) -> Iterator[Registry]:
    """The one registry of this file, running and with an empty queue."""
    yield process
    if process.process.poll() is not None:
        process.stop()
        process.start()
    for order_id in poll(process, 0)["ids"]:
        process.request("POST", f"/nodes/{NODE}/progress", NODE, json={"order": order_id, "state": "received"})


def poll(registry: Registry, wait: int, node: str = NODE) -> dict[str, Any]:
    answer = registry.request("GET", f"/nodes/{node}/orders", node, params={"wait": wait})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def waiting_polls(registry: Registry) -> float:
    lines = registry.client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("safeconduct_registry_waiting_polls"))


def wait_until_waiting(registry: Registry, count: int) -> None:
    for _ in range(400):
        if waiting_polls(registry) == count:
            return
        time.sleep(0.05)
    raise AssertionError("the polls never began to wait")


def test_a_waiting_poll_wakes_within_a_second(registry: Registry) -> None:
    raw = registry.order()
    registry.token(NODE)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(poll, registry, 25)
        wait_until_waiting(registry, 1)
        began = time.monotonic()
        registry.publish("orders", raw)
        found = waiting.result()
        took = time.monotonic() - began

    assert found["ids"] == [digest_of(raw)]
    assert took < 1


def test_a_poll_without_orders_ends_by_itself(registry: Registry) -> None:
    began = time.monotonic()

    assert poll(registry, 1)["orders"] == []
    assert 0.9 < time.monotonic() - began < 10


def test_an_order_written_by_another_process_is_found(registry: Registry) -> None:
    raw = registry.order()
    twin = registry.twin()
    twin.start()
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(poll, registry, 25)
            wait_until_waiting(registry, 1)
            twin.publish("orders", raw)
            assert waiting.result()["ids"] == [digest_of(raw)]
    finally:
        twin.stop()


def test_sixty_nodes_wait_without_a_thread_each(registry: Registry) -> None:
    """The thread pool has 40 threads; with as many polls as that, anything that holds one would starve the rest."""
    header = {"Authorization": f"Bearer {registry.token(NODE)}"}
    ended = threading.Event()

    def hold() -> None:
        with httpx.Client(base_url=registry.url, trust_env=False, timeout=60) as client:
            client.get(f"/api/v1/nodes/{NODE}/orders", params={"wait": 50}, headers=header)
            ended.set()

    threads = [threading.Thread(target=hold) for _ in range(60)]
    for thread in threads:
        thread.start()
    wait_until_waiting(registry, 60)
    status = Path(f"/proc/{registry.process.pid}/status").read_text()
    server_threads = int(next(line.split()[1] for line in status.splitlines() if line.startswith("Threads:")))
    began = time.monotonic()
    answered = registry.client.get("/healthz").status_code
    took = time.monotonic() - began
    still_waiting = not ended.is_set()
    registry.publish("orders", registry.order())
    for thread in threads:
        thread.join()

    assert still_waiting
    assert (answered, took < 5, server_threads < 60) == (200, True, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_any_end_keeps_queue_and_documents(registry: Registry, number: signal.Signals) -> None:
    raw = registry.order()
    order_id = registry.publish("orders", raw)
    before = poll(registry, 0)

    registry.stop(number)
    registry.start()

    assert poll(registry, 0) == before
    assert before["ids"] == [order_id]
    assert registry.request("GET", f"/documents/{order_id}", RESEARCHER).content == raw


def test_being_told_to_stop_is_quick_and_no_failure_although_nodes_wait(registry: Registry) -> None:
    registry.token(NODE)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(poll, registry, 50)
        wait_until_waiting(registry, 1)
        began = time.monotonic()
        registry.process.send_signal(signal.SIGTERM)
        assert registry.process.wait(timeout=20) == 0
        took = time.monotonic() - began
        assert waiting.result()["orders"] == []

    assert took < 8


def test_tokens_outlive_a_restart(registry: Registry) -> None:
    token = registry.token(NODE)

    registry.stop()
    registry.start()

    registry.tokens[NODE] = token
    assert poll(registry, 0)["orders"] == []


def test_a_unix_socket_serves_too(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    socket = tmp_path / "registry.sock"
    registry.start("--uds", str(socket))
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://registry") as client:
            assert client.get("/healthz").json() == {"status": "ok"}
    finally:
        registry.stop()


def test_commands_end_with_the_codes_of_the_table(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    office = f"{OFFICE}={tmp_path / 'office.json'}"

    assert registry.command("init", "--office", office).returncode == 3
    assert registry.command("run", "--port", "99999").returncode == 2
    registry.directory = tmp_path / "nowhere"
    missing = registry.command("run", "--json")
    assert (missing.returncode, "setting-directory" in missing.stderr) == (2, True)
