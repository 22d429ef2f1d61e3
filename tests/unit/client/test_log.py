"""`safeconduct log` and what `safeconduct verify` says of logs: exit codes, JSON, and a fork that nobody overlooks."""

import json
from pathlib import Path
from typing import Any

import pytest
from factory import HOLDER, NODE, OFFICE, World, digest_of, fake_digest, private_key
from small_log import LOG, Log

from client import cli, errors
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.key import Key
from protocol.documents.strict import canonical

WORLD = World()
BUNDLE = WORLD.bundle()
ORDER, ORDER_ID = read_envelope(BUNDLE.order).untrusted(JobOrder), digest_of(BUNDLE.order)
DOCUMENTS = [*BUNDLE.accreditations, *BUNDLE.rosters, *BUNDLE.statuses, BUNDLE.algorithm, *BUNDLE.approvals]
HONEST, FORKED = Log(DOCUMENTS), Log(DOCUMENTS[::-1])
ALL = len(DOCUMENTS)
OTHER_NODE = "node-es"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A profile whose trust root pins the log."""
    root = WORLD.sign(WORLD.trust_root(log_key=Key.of(LOG.public).model_dump()), HOLDER)
    (tmp_path / "root.json").write_bytes(root)
    words = ["--trust-root", str(tmp_path / "root.json"), "--fingerprint", digest_of(root)]
    assert cli.run(["profile", "set", "--home", str(tmp_path), *words, "--json"]) == 0
    return tmp_path


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "log.public.json").write_bytes(canonical(Key.of(LOG.public).model_dump()))
    return str(tmp_path / "log.public.json")


def export(folder: Path, log: Log, name: str = "log.jsonl") -> str:
    (folder / name).write_bytes(b"".join(line + b"\n" for line in log.export(ALL)))
    return str(folder / name)


def receipt(folder: Path, log: Log, node: str) -> list[str]:
    """A node's receipt and accreditation, as files."""
    proofs = [log.proof([leaf.commitment for leaf in log.leaves].index(one), ALL) for one in _commitments()]
    seen = {"node": node, "checkpoint": log.at(ALL).raw, "proofs": proofs}
    released = {"decision": "released", "code": "released", "release_digest": fake_digest("ciphertext")}
    files = {
        f"{node}.receipt.json": WORLD.sign(WORLD.receipt(ORDER, ORDER_ID, **released | seen), node),
        f"{node}.json": WORLD.sign(WORLD.accreditation(node), OFFICE),
        "status.json": BUNDLE.statuses[0],
    }
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return [str(folder / name) for name in files]


def _commitments() -> list[str]:
    return [HONEST.leaves[DOCUMENTS.index(raw)].commitment for raw in BUNDLE.approvals]


def said(capsys: pytest.CaptureFixture[str]) -> tuple[Any, Any]:
    told = capsys.readouterr()
    return json.loads(told.out) if told.out else None, json.loads(told.err) if told.err else None


def test_an_export_is_verified_by_a_key_alone(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["log", "verify", export(tmp_path, HONEST), "--log-key", key, "--json"]) == errors.OK

    out, _ = said(capsys)
    assert (out["believed"], out["size"], out["kinds"]["approval"]) == (True, ALL, 2)


def test_an_export_is_verified_by_the_pinned_key(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert cli.run(["log", "verify", export(home, HONEST), "--home", str(home), "--json"]) == errors.OK


def test_an_export_signed_by_another_key_is_refused(
    tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = export(tmp_path, Log(DOCUMENTS, private_key("x")))

    assert cli.run(["log", "verify", stranger, "--log-key", key, "--json"]) == errors.REFUSED
    assert said(capsys)[1]["code"] == "log-checkpoint-signature"


@pytest.mark.parametrize("words", [["nothing.jsonl"], ["nothing.jsonl", "--log-key", "nothing.json"]])
def test_files_that_are_not_there_are_named(home: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert cli.run(["log", "verify", *words, "--home", str(home), "--json"]) == errors.USAGE


def test_without_a_key_nothing_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = WORLD.sign(WORLD.trust_root(), HOLDER)
    (tmp_path / "root.json").write_bytes(root)
    words = ["--trust-root", str(tmp_path / "root.json"), "--fingerprint", digest_of(root)]
    cli.run(["profile", "set", "--home", str(tmp_path), *words, "--json"])
    capsys.readouterr()

    assert cli.run(["log", "verify", export(tmp_path, HONEST), "--home", str(tmp_path), "--json"]) == errors.USAGE
    assert said(capsys)[1]["code"] == "log-key-missing"


def test_verify_shouts_when_two_nodes_were_shown_two_logs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [*receipt(home, HONEST, NODE), *receipt(home, FORKED, OTHER_NODE)]
    capsys.readouterr()

    assert cli.run(["verify", *files, "--home", str(home), "--json"]) == errors.REFUSED

    out, err = said(capsys)
    assert err["code"] == "log-fork"
    assert "different histories" in err["sentence"]
    assert not out["believed"]


def test_verify_holds_receipts_against_an_export(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, words = receipt(home, HONEST, NODE), ["--home", str(home), "--json"]
    capsys.readouterr()

    assert cli.run(["verify", *files, "--log-export", export(home, HONEST), *words]) == errors.OK
    capsys.readouterr()
    assert cli.run(["verify", *files, "--log-export", export(home, FORKED), *words]) == errors.REFUSED
    assert said(capsys)[1]["code"] == "log-fork"
    assert cli.run(["verify", *files, "--log-export", "nothing.jsonl", *words]) == errors.USAGE


def test_an_export_is_fetched_whole(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import httpx

    from client import api

    content = Path(export(tmp_path, HONEST)).read_bytes()
    answers = iter([httpx.Response(200, content=content), httpx.Response(503, json={"code": "database-busy"})])
    transport = httpx.MockTransport(lambda _: next(answers))
    client = httpx.Client
    monkeypatch.setattr(api.httpx, "Client", lambda **more: client(**more | {"transport": transport}))
    out = tmp_path / "fetched.jsonl"
    words = ["log", "export", "--registry", "http://registry.test", "--out", str(out), "--home", str(tmp_path)]

    assert cli.run([*words, "--json"]) == errors.OK
    assert out.read_bytes() == content
    assert cli.run([*words, "--json"]) == errors.CONFLICT
    assert cli.run([*words, "--json", "--force"]) == errors.UNREACHABLE
    assert out.read_bytes() == content
