"""What compose files promise: nobody is root or becomes it, nothing is published, only the worker has the engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[3] / "compose"
README = (FOLDER / "README.md").read_text()
HARDENED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}


def load(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text()))


def services() -> dict[str, dict[str, Any]]:
    """Every service, with what it takes by `extends`."""
    found = {}
    for name in ("registry.yaml", "node.yaml", "observability.yaml"):
        for service, own in load(name)["services"].items():
            found[f"{name}:{service}"] = resolved(own)
    return found


def resolved(service: dict[str, Any]) -> dict[str, Any]:
    taken = service.get("extends")
    return service if taken is None else {**resolved(load("common.yaml")["services"][taken["service"]]), **service}


@pytest.mark.parametrize("name", services())
def test_service_is_hardened_and_bounded(name: str) -> None:
    service = services()[name]
    assert {key: service.get(key) for key in HARDENED} == HARDENED
    assert "privileged" not in service
    assert "cap_add" not in service
    assert {"mem_limit", "cpus", "pids_limit", "restart", "logging"} <= set(service)
    assert re.fullmatch(r"\$\{SAFECONDUCT_[A-Z]+_IMAGE([:?-].*)?\}", service["image"]), "every image is a variable"
    user = service.get(
        "user", "10001:10001" if "_REGISTRY_" in service["image"] or "_NODE_" in service["image"] else ""
    )
    assert int(user.partition(":")[0]) > 10_000


def test_only_the_proxy_is_published_beyond_loopback() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    beyond = {name for name, ports in published.items() if not all(port.startswith("127.0.0.1:") for port in ports)}
    assert beyond == {"registry.yaml:proxy"}


def test_only_worker_and_cli_reach_the_engine_and_the_machine_s_processes() -> None:
    reaching = {name for name, service in services().items() if "docker.sock" in str(service.get("volumes"))}
    seeing = {name for name, service in services().items() if service.get("pid") == "host"}
    assert reaching == seeing == {"node.yaml:worker", "node.yaml:cli"}


def test_databases_broker_and_sweeper_have_no_network() -> None:
    without = {name for name, service in services().items() if service.get("network_mode") == "none"}
    assert {"registry.yaml:postgres", "node.yaml:postgres", "node.yaml:redis", "node.yaml:sweeper"} <= without


def test_metrics_are_read_in_their_own_network_by_a_part_that_holds_nothing() -> None:
    part = services()["node.yaml:metrics"]
    assert part["networks"] == ["metrics"]
    assert "ports" not in part
    joined = {name for name, service in services().items() if "metrics" in service.get("networks", ())}
    assert joined == {"registry.yaml:proxy", "node.yaml:metrics", "observability.yaml:prometheus"}
    for file in ("registry.yaml", "node.yaml"):
        assert load(file)["networks"]["metrics"]["internal"] is True


@pytest.mark.parametrize("name", ["node.yaml:metrics", "node.yaml:admin"])
def test_part_that_only_looks_sees_neither_keys_nor_data(name: str) -> None:
    part = services()[name]
    assert part["secrets"] == ["database_login"]
    assert [volume.rpartition("}")[2] for volume in part["volumes"]] == [
        "/node:/state:ro",
        "/witness:/witness:ro",
        "/sockets/postgres:/run/postgresql:ro",
    ]
    hidden = {mount.partition(":")[0] for mount in part["tmpfs"] if "mode=0000" in mount}
    assert hidden == {"/state/node/keys", "/state/node/datasets"}


def test_no_secret_is_in_the_environment_or_on_a_command_line() -> None:
    for name, service in services().items():
        told = f"{service.get('environment')} {service.get('command')}"
        assert not re.search(r"://[^/@\s]+:[^/@\s]+@|PASSWORD\S*': '(?!/run/secrets/)", told), name


def test_every_variable_of_an_image_is_told_in_the_readme() -> None:
    named = {re.findall(r"SAFECONDUCT_\w+_IMAGE", service["image"])[0] for service in services().values()}
    assert {name for name in named if name not in README} == set()
