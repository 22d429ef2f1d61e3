"""The main job end to end, with nothing replaced: real Docker, Celery, Redis, OpenDP, signatures, and real genomes.

Each performance runs once for all tests of its programme. What is random is tested with a stated false-alarm rate and
never a retry.
"""

from __future__ import annotations

import gzip
import html
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from demo_visit import Tour, walk

from client.checks import engine, redis
from client.commands.demo_programs import free_port
from client.commands.demo_tour import ENTER

ROOT = Path(__file__).parents[2]
GENOMES = Path(os.environ.get("SAFECONDUCT_TEST_DATA", ROOT.parent / "shared" / "data")) / "genomes"
SECONDS = 900  # for one performance, also on a machine that does other things
TRUE_EFFECT = 0.3148  # of rs7903146 on E11: what the synthetic diagnoses are drawn with
POPULATIONS = {"node-fin": "FIN", "node-gbr": "GBR", "node-ibs": "IBS", "node-tsi": "TSI"}
CODES = {
    "unapproved image": "approval-missing",
    "one approval where two are needed": "approval-quorum",
    "changed image under an approved name": "image-mismatch",
    "order replayed": "order-replayed",
    "order for another node": "order-wrong-node",
    "job over budget": "budget-job",
}

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(SECONDS + 120),
    pytest.mark.skipif("SAFECONDUCT_BASE_IMAGE" not in os.environ, reason="no base image: run through `make test`"),
]


@dataclass(frozen=True, slots=True)
class Performance:
    """One run of the demo: what it wrote for programs, what it told, and its folder."""

    told: dict[str, Any]
    story: str
    folder: Path
    tour: Tour | None = None

    def job(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return the one job of a node."""
        (job,) = node["jobs"]
        return dict(job)


def perform(folder: Path, *options: str, visit: bool = False) -> Performance:
    """Perform; with `visit`, it stays open at its end until every link that it printed was used."""
    for finding in (engine(), redis()):
        if not finding.ok:
            pytest.skip(f"{finding.check}: {finding.found}")
    line = [sys.executable, "-m", "client.cli", "demo", *options, *(["--stay"] if visit else [])]
    tour = None
    story = folder / "story.txt"
    with story.open("w") as told:
        child = subprocess.Popen(
            [*line, "--json-file", str(folder / "told.json"), "--out", str(folder)],
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=told,
            cwd=ROOT,
        )
        try:
            if visit:
                tour = walk(wait_for_visitors(child, story), folder)
            child.communicate(b"\n", timeout=SECONDS)
            code = child.returncode
        finally:
            child.terminate()  # politely: it stops what it started
            child.communicate(timeout=60)
    assert code == 0, story.read_text()[-6000:]
    return Performance(json.loads((folder / "told.json").read_text()), story.read_text(), folder / "demo", tour)


def wait_for_visitors(child: subprocess.Popen[bytes], story: Path) -> str:
    """Wait until the demo asks for Enter, and return what it has told."""
    end = time.monotonic() + SECONDS
    while ENTER not in (text := story.read_text()):
        assert child.poll() is None, text[-6000:]
        assert time.monotonic() < end, text[-6000:]
        time.sleep(1)
    return text


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Performance:
    return perform(tmp_path_factory.mktemp("synthetic"), "--people", "2560", "--blocks", "32", visit=True)


@pytest.fixture(scope="module")
def genomes(tmp_path_factory: pytest.TempPathFactory) -> Performance:
    if not GENOMES.is_dir():
        pytest.skip(f"no real genomes at {GENOMES}; SAFECONDUCT_TEST_DATA names another place")
    return perform(tmp_path_factory.mktemp("genomes"), "--genomes", str(GENOMES))


@cache
def exact_frequencies(population: str) -> dict[str, float]:
    """Count ALT alleles in the published file, independently of the code under test."""
    panel = [line.split("\t") for line in next(GENOMES.glob("*.panel")).read_text().splitlines()[1:]]
    members = {row[0] for row in panel if row[1] == population}
    found: dict[str, float] = {}
    with gzip.open(next(GENOMES.glob("*.vcf.gz")), "rt") as lines:
        for line in lines:
            cells = line.rstrip("\n").split("\t")
            if cells[0] == "#CHROM":
                columns = [at for at, name in enumerate(cells) if name in members]
            elif not line.startswith("#"):
                alleles = [allele for at in columns for allele in cells[at].split("|")]
                found[cells[2]] = sum(allele != "0" for allele in alleles) / len(alleles)
    return found


def test_genomes_every_node_releases_twenty_or_more_frequencies(genomes: Performance) -> None:
    assert {node["node"] for node in genomes.told["nodes"]} == POPULATIONS.keys()
    for node in genomes.told["nodes"]:
        job = genomes.job(node)
        assert (job["state"], job["mode"], job["receipt_verified"]) == ("reported", "unit", True)
        assert len(job["outputs"]) >= 20


def test_genomes_truth_of_the_demo_is_what_the_published_file_says(genomes: Performance) -> None:
    for node in genomes.told["nodes"]:
        exact = exact_frequencies(POPULATIONS[node["node"]])
        for output in genomes.job(node)["outputs"]:
            assert output["truth"] == pytest.approx(exact[output["name"]], abs=1e-12)


def test_genomes_frequencies_lie_in_their_noise_intervals(genomes: Performance) -> None:
    """96 intervals at 99.9 %: five or more miss by chance once in 10 million runs (binomial tail 6e-8); and none is
    further away than 1.8 half-widths, 5.9 standard deviations of the Gaussian noise (96 of them: 3e-7)."""
    missed = 0
    for node in genomes.told["nodes"]:
        exact = exact_frequencies(POPULATIONS[node["node"]])
        for output in genomes.job(node)["outputs"]:
            low, high = output["noise_interval"]
            middle, half, truth = (low + high) / 2, (high - low) / 2, exact[output["name"]]
            missed += not low <= truth <= high
            assert abs(truth - middle) <= 1.8 * half, output

    assert missed <= 4


def test_synthetic_effects_are_recovered_at_all_three_nodes(synthetic: Performance) -> None:
    """Each truth must lie in the 99.9 % noise interval widened by five standard errors. A median at k x epsilon = 64
    leaves that by chance less than once in 10 000 runs, so two of three do less than 3 times in 100 million."""
    jobs = [synthetic.job(n) for n in synthetic.told["nodes"] if synthetic.job(n)["algorithm"] == "association"]
    assert len(jobs) == 3

    outputs = [job["outputs"][0] for job in jobs]
    near = 0
    for output in outputs:
        low, high = output["noise_interval"]
        margin = 5 * output["standard_error"]
        near += low - margin <= TRUE_EFFECT <= high + margin

    assert {output["truth"] for output in outputs} == {TRUE_EFFECT}
    assert near >= 2


def test_synthetic_combination_is_the_inverse_variance_mean(synthetic: Performance) -> None:
    """The arithmetic is exact. Where all three nodes are near the truth, the mean is within six standard errors of it
    (once in 500 million by chance for Normal errors)."""
    (combined,) = synthetic.told["combined"]
    outputs = [
        synthetic.job(n)["outputs"][0]
        for n in synthetic.told["nodes"]
        if synthetic.job(n)["algorithm"] == "association"
    ]
    weights = [1 / o["standard_error"] ** 2 for o in outputs]
    mean = sum(w * o["value"] for w, o in zip(weights, outputs, strict=True)) / sum(weights)
    error = 1 / math.sqrt(sum(weights))

    assert combined["value"] == pytest.approx(mean)
    assert (combined["low"], combined["high"]) == pytest.approx((mean - 1.959964 * error, mean + 1.959964 * error))
    if all(o["near"] for o in outputs):
        assert abs(mean - TRUE_EFFECT) <= 6 * error


def test_synthetic_small_clinic_runs_in_padded_time(synthetic: Performance) -> None:
    clinic = next(n for n in synthetic.told["nodes"] if n["node"] == "node-nl")
    job = synthetic.job(clinic)

    assert (job["mode"], job["timing"], job["state"]) == ("unit", "padded", "reported")


@pytest.mark.parametrize("programme", ["synthetic", "genomes"])
def test_every_refusal_has_its_code_and_a_verified_receipt(programme: str, request: pytest.FixtureRequest) -> None:
    told = request.getfixturevalue(programme).told

    assert {one["case"]: one["code"] for one in told["refusals"]} == CODES
    for one in told["refusals"]:
        assert one["decision"] == "refused"
        assert one["receipt_verified"] is True
        assert one["rho_charged_nano"] == 0
        assert one["ledger_unchanged"] is True


def test_every_job_is_charged_what_was_ordered_at_most_and_once(synthetic: Performance) -> None:
    for node in synthetic.told["nodes"]:
        job = synthetic.job(node)
        shares = sum(output["rho_nano"] for output in job["outputs"])
        ordered = 125_000_000 if node["node"] == "node-nl" else 500_000_000  # 4096 / (8 x 32 x 32) for 32 blocks
        assert shares == job["rho_charged_nano"] <= ordered
        assert job["rho_left_nano"] == ordered - job["rho_charged_nano"]  # these policies let one job spend it all


def test_receipts_verify_offline_by_the_command(synthetic: Performance) -> None:
    evidence = synthetic.folder / "evidence" / "node-fi"
    root = synthetic.folder / "nodes" / "node-fi" / "trust-root.json"
    told = subprocess.run(
        [sys.executable, "-m", "client.cli", "trust-root", "fingerprint", str(root)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    pinned = ["--trust-root", str(root), "--fingerprint", told.stdout.strip()]
    verify = [sys.executable, "-m", "client.cli", "verify", *pinned]

    whole = subprocess.run([*verify, *sorted(evidence.iterdir())], capture_output=True, check=False, cwd=ROOT)
    receipt = (evidence / "receipt.json").read_text()
    (synthetic.folder / "receipt.json").write_text(receipt.replace('"sig":"', '"sig":"AAAA', 1))
    forged = subprocess.run(
        [*verify, str(synthetic.folder / "receipt.json"), str(evidence / "node.json")],
        capture_output=True, check=False, cwd=ROOT,
    )  # fmt: skip

    assert whole.returncode == 0, whole.stderr
    assert forged.returncode == 5


def test_nothing_runs_on_after_the_end(synthetic: Performance) -> None:
    left = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        if str(synthetic.folder).encode() in words:
            left.append(words)

    assert left == []


def test_story_says_what_is_needed_to_understand_it(synthetic: Performance) -> None:
    for words in ("2 of 3 of committee ethics agree", "noise 99.9 %", "truth*", "receipts verified offline", "total"):
        assert words in synthetic.story
    assert synthetic.told["timings"]["until_first_chamber"] > 0


def test_synthetic_statistic_answers_the_same_question_beside_the_blocks(synthetic: Performance) -> None:
    found = synthetic.told["statistic"]

    assert [(one["node"], one["mode"]) for one in found] == [
        *((node, mode) for node in ("node-fi", "node-es", "node-it") for mode in ("block", "statistic")),
        ("node-fi", "unit"),
    ]
    assert all(one["near"] for one in found if one["mode"] != "block")
    assert len({one["rho_charged_nano"] for one in found if one["node"] == "node-fi"}) == 1
    assert all(one["error"] == pytest.approx(one["value"] - one["truth"]) for one in found)
    assert {one["truth"] for one in found} == {0.3148}


def test_ledger_of_a_demo_node_is_restored_by_its_two_custodians(synthetic: Performance, tmp_path: Path) -> None:
    """As docs/how-to/restore-a-ledger.md says: a lost database, one custodian who is not enough, and a second one."""
    name, holder = "node-fi", "biobank-helsinki"
    (kept,) = (synthetic.folder.parent / "cache").glob(f"world-*/nodes/{name}")
    node, restore = tmp_path / name, tmp_path / "restore.json"
    shutil.copytree(synthetic.folder / "nodes" / name, node)
    for part in node.glob("node.db*"):
        part.unlink()
    shutil.copy(kept / "node.db", node / "node.db")
    here, people = ["--dir", str(node)], synthetic.folder / "people"

    refused = _say("ledger", "verify", *here)
    _say("ledger", "restore", "prepare", *here, "--out", str(restore), "--reason", "the disk died")
    _sign(restore, people, f"archivist-of-{holder}")
    alone = _say("ledger", "restore", "apply", *here, str(restore))
    _sign(restore, people, f"auditor-of-{holder}")
    applied = _say("ledger", "restore", "apply", *here, str(restore))
    opened = _say("ledger", "verify", *here)

    assert refused.returncode != 0
    assert "ledger-rolled-back" in refused.stderr
    assert alone.returncode != 0
    assert "restore-persons" in alone.stderr
    assert (applied.returncode, opened.returncode) == (0, 0), applied.stderr + opened.stderr


def _sign(restore: Path, people: Path, custodian: str) -> None:
    signed = _say("ledger", "restore", "sign", str(restore), "--key", str(people / custodian / "keys" / "me.pem"))
    assert signed.returncode == 0, signed.stderr


def _say(*words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "client.cli", *words, "--json"]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)


def toured(performance: Performance) -> Tour:
    assert performance.tour is not None
    return performance.tour


def test_each_link_makes_a_visitor_the_person_whom_it_names(synthetic: Performance) -> None:
    tour = toured(synthetic)
    people = {
        "Mari Tamm, researcher": ("mari.tamm", "researcher", "none"),
        "Aino Virtanen, chair of committee ethics": ("aino.virtanen", "member", "ethics"),
        "Diego Romero, member of committee ethics": ("diego.romero", "member", "ethics"),
        "Giulia Conti, member of committee ethics": ("giulia.conti", "member", "ethics"),
        "accreditation-office, office": ("accreditation-office", "office", "none"),
    }

    assert tour.links.keys() == people.keys()
    for who, words in people.items():
        shown = dict(re.findall(r"summary-list__key\">([^<]+)</dt>\s*<dd[^>]*>([^<]*)</dd>", tour.accounts[who]))
        assert shown["You are"] == words[0]
        assert words[1] in shown["Roles"].split(", ")
        assert shown["Committees"] == words[2]
        assert tour.seen[f"{who} /office"] == (200 if "office" in words[0] else 403)
        assert tour.seen[f"{who} /my/algorithms"] == (200 if words[1] == "researcher" else 403)


def test_members_and_nobody_else_are_asked_to_declare_about_what_waits(synthetic: Performance) -> None:
    tour = toured(synthetic)
    asked = {who for who, page in tour.reviews.items() if "Do you have a conflict of interest?" in page}

    assert asked == {who for who in tour.links if "of committee" in who}


def test_a_visitor_makes_a_signing_passkey_and_votes_on_the_registrys_page(synthetic: Performance) -> None:
    tour = toured(synthetic)
    if not (tour.workshop and tour.signs_here):
        pytest.skip("port 8400 or 8765 of this machine is somebody else's, so the demo offers no passkey to vote with")

    assert html.unescape(tour.voted).count("approve, signed on the registry's page") == 1


def test_the_chair_votes_by_command_and_may_suspend_what_was_approved(synthetic: Performance) -> None:
    tour = toured(synthetic)
    if not tour.voted:
        pytest.skip("only one member could vote: port 8400 or 8765 of this machine is somebody else's")

    assert "Suspend this version" in tour.decided
    assert "Suspend this version" not in tour.reviews["Aino Virtanen, chair of committee ethics"]


def test_wanted_port_is_taken_if_it_is_free_and_another_if_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        other = free_port(port)

    assert other != port
    assert free_port(port) == port


def test_each_nodes_admin_page_asks_for_its_invitation(synthetic: Performance) -> None:
    tour = toured(synthetic)

    assert len(tour.admin_pages) == len(synthetic.told["nodes"])
    assert {tour.seen[page] for page in tour.admin_pages} == {200}
