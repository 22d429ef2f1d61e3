"""`ledger restore` as its three persons type it: the admin prepares and applies, two custodians sign."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from factory import HOLDER, NOW, World, digest_of, key_entry, private_key
from typer.testing import CliRunner

from sandbox.actions.charge import POOL
from sandbox.actions.init import LEDGER_HEAD, NewNode, init_node
from sandbox.cli.ledger import app
from sandbox.domain.ledger import Caps, Scopes
from sandbox.errors import SafeconductError
from sandbox.settings import load_settings
from sandbox.store import ledger
from sandbox.store.ledger_head import replace_head, write_head
from sandbox.worker.wiring import POLICY_FOLDER, open_node, open_store

CAPS = Caps(pool_nano=10**9, lineage_nano=10**9, project_nano=10**9, algorithm_nano=10**9, job_nano=10**9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node whose database is two charges older than its head."""
    world = World()
    custodians = [{"person": name, "keys": [key_entry(name)]} for name in ("cleo", "carl")]
    root = world.sign(world.trust_root(custodians=custodians), HOLDER)
    numbers = world.policy().model_dump(mode="json", exclude={"policy_set_digest", "holder", "node", "version"})
    pinned = {"fingerprint": digest_of(root), "node": "node-fi", "country": "FI", "registry": "http://r.test"}
    new = NewNode(
        directory=tmp_path / "node",
        name="node-fi",
        country="FI",
        trust_root=root,
        fingerprint=digest_of(root),
        policy=json.dumps(numbers).encode(),
        policies=POLICY_FOLDER,
        holder_keys=[private_key(HOLDER)],
        settings=pinned | {"run_directory": str(tmp_path / "run")},
    )
    init_node(new, NOW)
    charge(tmp_path / "node", "a", 1)
    shutil.copy(tmp_path / "node" / "node.db", tmp_path / "backup.db")
    for name in "bc":
        charge(tmp_path / "node", name, 1)
    for part in (tmp_path / "node").glob("node.db*"):
        part.unlink()
    shutil.copy(tmp_path / "backup.db", tmp_path / "node" / "node.db")
    for name in ("cleo", "carl"):
        (tmp_path / f"{name}.pem").write_bytes(private_key(name).to_pem(None))
    return tmp_path


def charge(directory: Path, name: str, rho_nano: int) -> None:
    store = open_store(load_settings(directory, {}))
    scopes = Scopes(pool=POOL, lineage="cohort-fi", project="t2d", algorithm="a", job=name)
    with store.transaction() as session:
        entry = ledger.charge(
            session, order_id=name * 64, nonce=name, scopes=scopes, caps=CAPS, rho_nano=rho_nano, now=NOW
        )
    write_head(directory / LEDGER_HEAD, entry.head)
    store.close()


def run(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=True)
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


def test_three_commands_let_a_restored_node_open(folder: Path) -> None:
    node, file = str(folder / "node"), str(folder / "restore.json")
    settings = load_settings(folder / "node", {})
    with pytest.raises(SafeconductError, match="ledger restore"):
        open_node(settings)

    found = run("restore", "prepare", "--dir", node, "--out", file, "--reason", "the disk died")
    signatures = [
        run("restore", "sign", file, "--key", str(folder / f"{name}.pem"))["signatures"] for name in ("cleo", "carl")
    ]
    done = run("restore", "apply", "--dir", node, file)

    assert (found["lost_entries"], found["unproved"], signatures, done["restored"]) == (2, 2, [1, 2], True)
    opened = open_node(settings)
    opened.store.close()
    assert run("verify", "--dir", node)["head"] == done["head"]


def test_export_is_checked_without_the_node(folder: Path) -> None:
    node = folder / "node"
    store = open_store(load_settings(node, {}))
    write_head_of(store, node)
    store.close()
    open_node(load_settings(node, {})).store.close()
    key_id = json.loads((node / "keys" / "node.public.json").read_text())["keyid"]
    root = ("--trust-root", str(node / "trust-root.json"), "--fingerprint", load_settings(node, {}).fingerprint)

    for public in ((), ("--public",)):
        file = str(folder / f"ledger{len(public)}.jsonl")
        run("export", "--dir", str(node), "--out", file, *public)
        found = run("verify", file, "--key-id", key_id, *root)
        assert (found["verified"], found["entries"], found["public"]) == (True, 1, bool(public))

    (folder / "nothing.json").write_text("{}")
    assert run("preview", "--dir", str(node), str(folder / "nothing.json"))["code"] == "document-malformed"
    with pytest.raises(SafeconductError, match="Name one ledger"):
        run("verify")


def write_head_of(store: Any, node: Path) -> None:
    """Let the head file witness this database, as if nothing had been charged since the backup."""
    (node / LEDGER_HEAD).unlink()
    with store.reading() as session:
        replace_head(node / LEDGER_HEAD, ledger.head(session))
