"""The registry's automatic check: a real registry, a real submission, a real node without data that rehearses it."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
import tiny_image
from docker.errors import ImageNotFound
from factory import AUTHOR, HOLDER, NODE, OFFICE, digest_of, private_key
from node_lab import ENGINE, wait_for
from registry_process import Registry, running
from typer.testing import CliRunner

from client.api import RegistryClient
from protocol.crypto.keys import PrivateKey, load_private
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import read_claim, read_envelope, sign_statement
from protocol.documents.rehearsal import Rehearsal
from sandbox.cli.node import app
from sandbox.errors import Conflict

pytestmark = pytest.mark.docker

REHEARSER = "node-rehearsal"
SECONDS = 4
ENTRY = {
    "dataset": "cohort-fi", "snapshot": "s1", "country": "FI", "assembly": "GRCh38", "people": 2000, "slots": 2000,
    "unit": "family", "maximum_family_size": 4, "columns": ["sex", "age", "dx_*"], "sites": None, "variants": [],
    "duo": ["DUO:0000042"],
}  # fmt: skip
OTHER = ENTRY | {"dataset": "persons-fi", "unit": "person", "maximum_family_size": 1}


def command(*words: str, **more: Any) -> list[str]:
    return [sys.executable, "-m", "client.cli", *words]


class Place:
    """A registry with one catalogue, and beside it a rehearsal node that runs."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.registry, self.world, self.node = registry, registry.world, folder / "node"
        self.log = folder / "node.log"
        self.images: list[str] = []
        self.author = RegistryClient(registry.url, person=AUTHOR, key=private_key(AUTHOR))
        self.process: subprocess.Popen[bytes]

    def make_node(self, folder: Path) -> None:
        root = self.world.sign(self.world.trust_root(), HOLDER)
        limits = self.world.policy(node=REHEARSER).model_dump(mode="json", exclude={"policy_set_digest"})
        (folder / "root.json").write_bytes(root)
        (folder / "policy.json").write_text(json.dumps(limits))
        (folder / "holder.pem").write_bytes(private_key(HOLDER).to_pem(None))
        words = command(
            *("node", "init", "--dir", str(self.node), "--name", REHEARSER, "--country", "FI", "--json"),
            *("--registry", self.registry.url, "--trust-root", str(folder / "root.json")),
            *("--fingerprint", digest_of(root), "--policy", str(folder / "policy.json")),
            *("--holder-key", str(folder / "holder.pem")),
        )
        made = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
        proved = {"keys": made["keys"], "proofs": made["proofs"], "roles": ["rehearsal"]}
        self.registry.publish("accreditations", self.world.sign(self.world.accreditation(REHEARSER, **proved), OFFICE))
        with (self.node / "node.toml").open("a") as settings:
            settings.write("poll_seconds = 0.2\n")

    def start(self) -> None:
        words = command("node", "rehearse", "--dir", str(self.node), "--seconds", str(SECONDS))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | {"DOCKER_HOST": ENGINE})

    @property
    def key(self) -> PrivateKey:
        return load_private((self.node / "keys" / "node.pem").read_bytes(), None)

    def submit(self, folder: Path, seconds: int = 0, **changes: Any) -> tuple[str, bytes]:
        """Upload an image whose every chamber says 0.5 after so many seconds, and sign and submit what names it.

        It differs in a late digit from every image that any other test may have on the engine.
        """
        archive = folder / f"{secrets.token_hex(4)}.tar"
        identity = tiny_image.write_image(archive, b'{"share": 0.50000000%07d}' % secrets.randbelow(10**7), seconds)
        self.images.append(identity.config_digest)
        self.author.upload_image(archive, identity.archive_digest)
        raw = self.world.sign(self.world.algorithm(**(tiny_image.specification(identity) | changes)), AUTHOR)
        return self.author.publish("algorithms", raw), raw

    def evidence(self, algorithm: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.registry.request("GET", f"/algorithms/{algorithm}/rehearsals").json()
        return answer

    def report(self, algorithm: str) -> dict[str, Any]:
        """Wait for the first report on a version."""
        found = wait_for(lambda: self.evidence(algorithm)["rehearsals"] or None, 60, "the report")
        return dict(found[0])

    def last_seen(self) -> datetime:
        nodes = self.registry.request("GET", "/nodes").json()["nodes"]
        return datetime.fromisoformat(next(one["last_seen"] for one in nodes if one["node"] == REHEARSER))

    def hand_in(self, raw: bytes) -> httpx.Response:
        return self.registry.request("POST", "/rehearsals", content=raw)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("rehearsals")
    for registry in running(folder):
        place = Place(registry, folder)
        said = registry.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": [ENTRY, OTHER]})
        assert said.is_success
        place.make_node(folder)
        place.start()
        try:
            yield place
        finally:
            place.process.terminate()
            assert place.process.wait(30) == 0
            place.author.close()


@pytest.fixture(scope="module")
def honest(place: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    return place.submit(tmp_path_factory.mktemp("honest"))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def signed_report(place: Place, algorithm: str) -> bytes:
    return place.registry.request("GET", f"/documents/{place.report(algorithm)['digest']}", NODE).content


def test_submission_is_rehearsed_on_the_twin_of_each_dataset_that_it_is_made_for(
    place: Place, honest: tuple[str, bytes]
) -> None:
    told = place.report(honest[0])

    report = read_claim(signed_report(place, honest[0]), Rehearsal).checked([place.key.public])
    assert (told["by"], told["dataset"], told["fit"], told["chambers"]) == (REHEARSER, "cohort-fi", True, 40)
    assert report.proposal == read_envelope(honest[1]).untrusted(Algorithm).proposal_digest
    assert report.chambers_good + report.chambers_empty == 40
    assert [float(output.noiseless) for output in report.outputs] == [0.5]
    assert place.evidence(honest[0])["awaited"] == []
    page = place.registry.client.get(f"/algorithms/{honest[0]}").text
    assert "Rehearsals on synthetic data" in page
    assert ">fit</td>" in page


def test_nothing_of_a_rehearsal_is_left_on_the_machine(place: Place, honest: tuple[str, bytes]) -> None:
    place.report(honest[0])

    with closing(docker.APIClient(base_url=ENGINE)) as engine:
        with pytest.raises(ImageNotFound):
            engine.inspect_image(place.images[0])
        labels = [one["Labels"] for one in engine.containers(all=True)]
    assert not [one for one in labels if one.get("eu.safeconduct.image") == place.images[0]]
    assert list((place.node / "images").iterdir()) == []


def test_image_that_does_not_end_is_evidence_in_bounded_time_and_so_is_what_a_node_would_refuse(
    place: Place, tmp_path: Path
) -> None:
    slow, _ = place.submit(tmp_path, seconds=15)
    output = {"name": "share", "kind": "number", "range": ["0", "1"], "default": "0", "spread": "0.1"}
    refused, _ = place.submit(tmp_path, outputs=[output | {"aggregator": "median"}])

    told = [place.report(algorithm) for algorithm in (slow, refused)]

    # 2 000 people make 40 blocks of 50, and a median at the usual cap takes 128.
    assert [one["fit"] for one in told] == [False, False]
    codes = [[finding["code"] for finding in one["findings"]] for one in told]
    assert codes == [["rehearsal-time"], ["gate-median-resolution"]]


def test_same_version_is_not_rehearsed_twice(place: Place, honest: tuple[str, bytes]) -> None:
    place.report(honest[0])

    assert place.author.publish("algorithms", honest[1]) == honest[0]

    later = datetime.now(UTC) + timedelta(seconds=1)  # the registry tells whole seconds
    wait_for(lambda: place.last_seen() > later or None, 30, "more polls")
    assert len(place.evidence(honest[0])["rehearsals"]) == 1
    told = place.log.read_text()
    assert told.count(f"Rehearsing algorithm {honest[0][:16]}") == 1, told


def test_report_that_was_tampered_with_or_is_of_another_node_is_refused(
    place: Place, honest: tuple[str, bytes]
) -> None:
    raw = signed_report(place, honest[0])
    report = read_envelope(raw).untrusted(Rehearsal)
    better = report.model_copy(update={"chambers_good": 39})
    tampered = json.loads(raw) | {"payload": json.loads(sign_statement(better, [private_key("x")]))["payload"]}
    by_node = place.world.sign(report.model_copy(update={"by": NODE}), NODE)
    by_person = place.world.sign(report.model_copy(update={"by": AUTHOR, "by_kind": "person"}), AUTHOR)
    other = sign_statement(report.model_copy(update={"proposal": "0" * 64}), [place.key])
    again = sign_statement(report.model_copy(update={"seed": 2}), [place.key])

    assert refusal(place.hand_in(json.dumps(tampered).encode())) == (422, "signature-invalid")
    assert refusal(place.hand_in(place.world.sign(better, NODE))) == (422, "key-unknown")
    assert refusal(place.hand_in(by_node)) == (422, "rehearsal-node-unaccredited")
    assert refusal(place.hand_in(by_person)) == (422, "accreditation-missing")
    assert refusal(place.hand_in(other)) == (422, "rehearsal-other-version")
    assert refusal(place.hand_in(again)) == (409, "rehearsal-taken")


def test_only_rehearsal_nodes_see_what_waits_and_the_images(place: Place, honest: tuple[str, bytes]) -> None:
    image = read_envelope(honest[1]).untrusted(Algorithm).image
    assert image is not None
    archive = image.archive_digest

    assert refusal(place.registry.request("GET", f"/nodes/{NODE}/rehearsals", NODE)) == (403, "rehearsal-node-only")
    assert refusal(place.registry.request("GET", f"/images/{archive}", NODE)) == (404, "image-unknown")


def test_node_with_data_does_not_rehearse(place: Place, tmp_path: Path) -> None:
    with_data = tmp_path / "node"
    subprocess.run(["cp", "-r", str(place.node), str(with_data)], check=True)
    (with_data / "datasets" / "cohort-fi").mkdir()

    refused = CliRunner().invoke(app, ["rehearse", "--dir", str(with_data), "--once"]).exception

    assert isinstance(refused, Conflict)
    assert refused.code == "node-has-data"
