"""Registry, two nodes and what watches them, deployed as compose/README.md says, with Debian's docker-compose."""

import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import engine as docker
import images
import pytest
import tiny_image
from deployment import Deployment, make_certificate
from factory import AUTHOR, HOLDER, OFFICE, RESEARCHER, World, digest_of, key_entry, private_key, recipient_key
from machine import Machine
from node_lab import wait_for
from private_engine import PrivateEngine, copy_image, is_possible, remove_other_images
from service_image import service_image

from client.api import RegistryClient
from client.errors import ClientError
from protocol.chain import open_release, verify_receipt
from sandbox.actions.policy_files import choose_policies, digest_policies
from sandbox.data.synthesise import synthesise

# The limit is for a first run, which makes the images; a later one takes two minutes.
pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
PEOPLE = 400
THIRD_PARTIES = ("POSTGRES", "REDIS", "PROXY", "PROMETHEUS")
PARTS = 6  # of a node that have a health check, without its admin page
NODES = {"node-fi": "cohort-fi", "node-se": "cohort-se"}


@pytest.fixture(scope="module")
def engine() -> Iterator[tuple[docker.Engine, str, dict[str, str]]]:
    """An engine of our own with every image, the address of its machine, and the images' names."""
    why = is_possible() or (None if shutil.which("docker-compose") else "there is no docker-compose on this machine")
    if why:
        pytest.skip(why)
    machine = Machine(ROOT, os.environ)
    source = docker.find(machine)
    if source is None:
        pytest.skip("no Docker engine answers")
    with machine.alone():
        base = os.environ["SAFECONDUCT_BASE_IMAGE"]
        names = images.build(machine, source, os.environ)
        services = service_image(machine, source)
        private = PrivateEngine(machine)
        try:
            found = private.start()
            for tag in (*names.values(), services):
                copy_image(source, found, tag)
            remove_other_images(found, {base, *names.values(), services})
            names |= {f"SAFECONDUCT_{name}_IMAGE": services for name in THIRD_PARTIES}
            yield found, private.address, names | {"DOCKER_HOST": private.host}
            assert found.docker("ps", "--all", "--quiet") == "", "a container was left behind"
            assert found.docker("volume", "ls", "--quiet") == "", "a volume was left behind"
            assert sorted(found.docker("network", "ls", "--format", "{{.Name}}").split()) == ["bridge", "host", "none"]
        finally:
            private.stop()


@dataclass
class Network:
    """Everything that was brought up."""

    url: str
    registry: Deployment
    nodes: dict[str, Deployment]
    worlds: dict[str, World]
    accreditations: dict[str, bytes]
    folder: Path

    def client(self, who: str | None = None) -> RegistryClient:
        """The registry as somebody sees it."""
        return RegistryClient(self.url, person=who, key=private_key(who) if who else None)


@pytest.fixture(scope="module")
def network(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    _, address, names = engine
    folder = tmp_path_factory.mktemp("deployed")
    staging = Path("/dev/shm") / f"sc-compose-{secrets.token_hex(4)}"
    url, suffix = f"https://{address}:8443", secrets.token_hex(3)
    make_certificate(folder, address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "tls.pem"))
        registry = _registry(folder / "registry", f"sc{suffix}registry", url, names)
        nodes: dict[str, Deployment] = {}
        try:
            pinned = json.loads(registry.run("folder", "registry").splitlines()[0])["log_key"]
            registry.wait_until_healthy(2)
            worlds = _worlds()
            _publish_people(url, worlds)
            for name, world in worlds.items():
                nodes[name] = _node(folder, f"sc{suffix}{name}", world, url, names, staging / name)
            accreditations = {name: _bring_up(nodes[name], worlds[name], url, pinned) for name in nodes}
            yield Network(url, registry, nodes, worlds, accreditations, folder)
        finally:
            for deployment in (*nodes.values(), registry):
                deployment.compose("down", "--remove-orphans", "--timeout", "30")
            shutil.rmtree(staging, ignore_errors=True)


def _worlds() -> dict[str, World]:
    now = datetime.now(UTC).replace(microsecond=0)
    return {name: World(now=now, node=name, dataset=dataset) for name, dataset in NODES.items()}


def _registry(home: Path, project: str, url: str, names: dict[str, str]) -> Deployment:
    variables = names | {"SAFECONDUCT_REGISTRY_PORT": "8443", "SAFECONDUCT_METRICS_NETWORK": f"{project}-metrics"}
    registry = Deployment("registry", project, home, variables, OFFICE=OFFICE, REGISTRY=url)
    registry.run("folder")
    registry.put("secrets/tls_certificate.pem", (home.parent / "tls.pem").read_bytes())
    registry.put("secrets/tls_key.pem", (home.parent / "tls-key.pem").read_bytes(), 10004, 0o400)
    registry.put("incoming/office.json", json.dumps({"office": OFFICE, "keys": [key_entry(OFFICE)]}).encode())
    return registry


def _publish_people(url: str, worlds: dict[str, World]) -> None:
    world = worlds["node-fi"]
    with closing(RegistryClient(url, person=None, key=None)) as client:
        for name in (RESEARCHER, AUTHOR):
            client.publish("accreditations", world.sign(world.accreditation(name), OFFICE))
        for name in world.members:
            client.publish("accreditations", world.sign(world.accreditation(name, roles=["committee"]), OFFICE))
        client.publish("rosters", world.sign(world.roster(), OFFICE))
        client.publish("statuses", world.sign(world.status(), OFFICE))


def _node(folder: Path, project: str, world: World, url: str, names: dict[str, str], staging: Path) -> Deployment:
    staging.mkdir(parents=True)
    os.chown(staging, 10001, 10001)
    socket = names["DOCKER_HOST"].removeprefix("unix://")
    variables = names | {
        "SAFECONDUCT_STAGING": str(staging),
        "SAFECONDUCT_DOCKER_SOCKET": socket,
        "SAFECONDUCT_DOCKER_GROUP": str(Path(socket).stat().st_gid),
        "SAFECONDUCT_CA_FILE": "/state/ca.pem",
        "SAFECONDUCT_METRICS_NETWORK": f"{project}-metrics",
    }
    words = {"REGISTRY": url, "NODE": world.node, "COUNTRY": "FI", "DATASET": world.dataset, "PEOPLE": str(PEOPLE)}
    return Deployment("node", project, folder / world.node, variables, **words)


def _bring_up(node: Deployment, world: World, url: str, pinned: dict[str, Any]) -> bytes:
    """Make, accredit, stock and start a node; return its accreditation."""
    node.run("folder", "supervisor")
    root = world.sign(world.trust_root(log_key=pinned), HOLDER)
    digest = digest_policies(choose_policies(ROOT / "policies", "FI"))
    policy = world.policy(policy_set_digest=digest, blocks_minimum=2, block_people_minimum=20)
    node.put("incoming/trust-root.json", root)
    node.put("incoming/policy.json", world.sign(policy, HOLDER))
    node.put("node/ca.pem", (node.home.parent / "tls.pem").read_bytes(), 10001)
    data = node.home / "incoming"
    synthesise("FI", PEOPLE, sorted(NODES).index(world.node), data)
    for file in data.iterdir():
        file.chmod(0o444)
    node.run("node", "witness", FINGERPRINT=digest_of(root))
    request = json.loads((node.home / "request.json").read_bytes())
    proved = {"keys": request["keys"], "proofs": request["proofs"]}
    accreditation = world.sign(world.accreditation(world.node, **proved), OFFICE)
    with closing(RegistryClient(url, person=None, key=None)) as client:
        client.publish("accreditations", accreditation)
    node.run("data")
    node.run("start")
    return accreditation


def _order(network: Network, seconds: int) -> dict[str, str]:
    """Have an algorithm approved for both nodes and order it at each; each chamber takes so many seconds."""
    archive = network.folder / "image.tar"
    identity = tiny_image.write_image(archive, b'{"share": 0.5}', seconds)
    orders = {}
    with closing(network.client(AUTHOR)) as author, closing(network.client(RESEARCHER)) as researcher:
        author.upload_image(archive, identity.archive_digest)
        algorithm = tiny_image.specification(identity)
        for name, world in network.worlds.items():
            conditions = world.conditions(runs_per_node=10, nodes=sorted(NODES), datasets=sorted(NODES.values()))
            order = {"blocks": 4, "parameters": {}, "nonce": secrets.token_hex(16)}
            order["rho"] = [{"output": "share", "nano": 2_000_000}]
            terms = {member: {"conditions": conditions} for member in world.members[:2]}
            bundle = world.bundle(algorithm=algorithm, approvals=terms, order=order)
            author.publish("algorithms", bundle.algorithm)
            for raw in bundle.approvals:
                author.publish("approvals", raw)
            orders[name] = researcher.publish("orders", bundle.order)
    return orders


def test_deployed_node_passes_doctor(network: Network) -> None:
    network.nodes["node-fi"].wait_until_healthy(PARTS)
    said = network.nodes["node-fi"].run("doctor")
    assert "ok      chamber" in said
    assert "ok      ledger" in said
    assert "failed" not in said


def test_job_across_two_deployed_nodes_survives_the_stop_of_one_and_is_charged_once(network: Network) -> None:
    for node in network.nodes.values():
        node.wait_until_healthy(PARTS)
    orders = _order(network, seconds=8)
    stopped = network.nodes["node-se"]
    wait_for(lambda: _is_running(stopped, orders["node-se"]), 120, "the start of the job's chambers")
    stopped.compose("stop", "--timeout", "30")
    stopped.run("start")
    with closing(network.client(RESEARCHER)) as client:
        for name, order in orders.items():
            world, root = network.worlds[name], network.worlds[name].open_root()
            raw = wait_for(lambda order=order: _fetch(client.receipt, order), 180, f"the receipt of {name}")
            proved = {"accreditations": [network.accreditations[name]], "statuses": client.statuses()}
            receipt = verify_receipt(raw, **proved, trust_root=root, order_id=order)
            assert (receipt.decision, receipt.rho_charged_nano) == ("released", 2_000_000), _why(network, name, order)
            sealed = wait_for(lambda order=order: _fetch(client.release, order), 30, f"the release of {name}")
            interval = open_release(sealed, receipt, recipient_key()).outputs[0].noise_interval
            assert interval.low <= 0.5 <= interval.high, "allowed to fail once in a thousand runs"
            assert [entry["order"] for entry in _ledger(network.nodes[name])] == [order], world.node


def test_admin_page_of_a_deployed_node_answers(network: Network) -> None:
    node = network.nodes["node-fi"]
    assert json.loads(node.run("admin", ADMIN="anna"))["page"] == "http://localhost:8470/enrol"
    node.wait_until_healthy(PARTS + 1)


def test_deployed_node_is_backed_up_without_the_head_that_is_on_another_disk(network: Network) -> None:
    node = network.nodes["node-fi"]
    node.run("backup")
    with tarfile.open(next((node.home / "backup").iterdir())) as archive:
        assert {"keys/node.pem", "ledger.head"} & set(archive.getnames()) == {"keys/node.pem"}
    assert (node.home / "witness" / "ledger.head").is_file()


def test_part_that_only_looks_cannot_read_keys_or_data(network: Network) -> None:
    program = "import os; print([os.access(f'/state/node/{n}', os.R_OK) for n in ('keys', 'datasets', 'policies')])"
    said = network.nodes["node-fi"].compose("exec", "-T", "metrics", "python3", "-c", program)
    assert said == "[False, False, True]\n"


@pytest.fixture
def watching(network: Network) -> Iterator[dict[str, Deployment]]:
    """A Prometheus beside the registry and one beside a node, by the kind of what they watch."""
    made: dict[str, Deployment] = {}
    try:
        for port, watched in enumerate((network.registry, network.nodes["node-fi"]), start=9090):
            home = network.folder / f"watch-{watched.kind}"
            own = {"WATCHED": watched.kind, "PROMETHEUS_PORT": str(port), "HOME": str(home)}
            variables = watched.variables | {f"SAFECONDUCT_{name}": value for name, value in own.items()}
            made[watched.kind] = Deployment("observability", f"{watched.project}watch", home, variables)
            made[watched.kind].run("watch")
        yield made
    finally:
        for deployment in made.values():
            deployment.compose("down", "--remove-orphans", "--timeout", "30")


def test_prometheus_beside_registry_and_node_sees_what_they_tell(
    network: Network, watching: dict[str, Deployment]
) -> None:
    for node in network.nodes.values():
        node.wait_until_healthy(PARTS)
    for kind, one in watching.items():
        scraped = wait_for(lambda one=one: one.ask("up == 1") or None, 60, f"a scrape of the {kind}")
        assert [labels["job"] for labels, _ in scraped] == [kind]
        assert one.ask('ALERTS{severity="page",alertstate="firing"}') == []

    registry, node = watching["registry"], watching["node"]
    assert [value for _, value in registry.ask("max(safeconduct_registry_waiting_polls)")] == [len(NODES)]
    assert {labels["check"] for labels, _ in node.ask("safeconduct_node_check_level == 2")} == set()
    assert len(node.ask("safeconduct_node_worker_beat_age_seconds < 60")) == 2
    assert node.ask("safeconduct_node_reservable_memory_bytes > 2^30"), "the worker's memory, not the scraped part's"


def _is_running(node: Deployment, order: str) -> bool | None:
    jobs = node.command("node", "status", "--dir", "/state/node")["jobs"]
    return any(job["order"] == order and job["state"] == "running" for job in jobs) or None


def _why(network: Network, name: str, order: str) -> str:
    node = network.nodes[name]
    return f"{node.command('node', 'why', '--dir', '/state/node', order)}\n{node.logs()}"


def _ledger(node: Deployment) -> list[dict[str, Any]]:
    return list(node.command("ledger", "show", "--dir", "/state/node")["entries"])


def _fetch(ask: Any, order: str) -> bytes | None:
    try:
        return bytes(ask(order))
    except ClientError:
        return None
