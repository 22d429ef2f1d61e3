"""Caps rise and fall by signed versions only; each change is in the ledger, and what was spent stays spent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from factory import HOLDER, NOW, World, digest_of, private_key
from typer.testing import CliRunner

from protocol.documents.policy import Policy
from protocol.errors import SafeconductError
from sandbox.actions.init import LEDGER_HEAD, NewNode, init_node
from sandbox.actions.policy import NextPolicy, accept_next, examine_next
from sandbox.actions.show_ledger import show_ledger, verify_ledger
from sandbox.actions.trust_root import Keeper
from sandbox.actions.trust_root import accept_next as accept_root
from sandbox.actions.trust_root import examine_next as examine_root
from sandbox.cli.trust import policy as commands
from sandbox.domain.ledger import Caps, Scopes
from sandbox.settings import Settings, load_settings
from sandbox.store import ledger
from sandbox.store.audit import AuditRow
from sandbox.store.base import Store
from sandbox.store.ledger_head import read_head, write_head
from sandbox.worker.wiring import POLICY_FOLDER, open_node, open_store, open_trust

WORLD = World()
ROOT = WORLD.sign(WORLD.trust_root(), HOLDER)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    numbers = WORLD.policy().model_dump(mode="json", exclude={"policy_set_digest", "holder", "node", "version"})
    new = NewNode(
        directory=tmp_path / "node",
        name="node-fi",
        country="FI",
        trust_root=ROOT,
        fingerprint=digest_of(ROOT),
        policy=json.dumps(numbers).encode(),
        policies=POLICY_FOLDER,
        holder_keys=[private_key(HOLDER)],
        settings={
            "node": "node-fi",
            "country": "FI",
            "registry": "http://r.test",
            "fingerprint": digest_of(ROOT),
            "run_directory": str(tmp_path / "run"),
        },
    )
    init_node(new, NOW)
    loaded = load_settings(tmp_path / "node", {})
    open_node(loaded).store.close()  # version 1 has been in effect
    return loaded


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.close()


def present(settings: Settings) -> Policy:
    return open_trust(settings).policy


def successor(settings: Settings, *signers: str, **changes: Any) -> bytes:
    after = present(settings).model_copy(update={"version": 2} | changes)
    return WORLD.sign(after, *(signers or (HOLDER,)))


def examined(settings: Settings, raw: bytes) -> NextPolicy:
    trust = open_trust(settings)
    return examine_next(trust.policy, trust.root, trust.policy.policy_set_digest, raw)


def accept(settings: Settings, store: Store, raw: bytes) -> None:
    following = examined(settings, raw)
    accept_next(store, settings.directory, following, following.digest, NOW)


def code_of(do: Any) -> str:
    with pytest.raises(SafeconductError) as caught:
        do()
    return caught.value.code


def charge(store: Store, settings: Settings, caps: Caps, rho_nano: int) -> None:
    name = f"{rho_nano:064x}"
    scopes = Scopes(pool="people", lineage="cohort-fi", project="t2d", algorithm="a", job=name)
    with store.transaction() as session:
        entry = ledger.charge(session, order_id=name, nonce=name, scopes=scopes, caps=caps, rho_nano=rho_nano, now=NOW)
    write_head(settings.directory / LEDGER_HEAD, entry.head)


def test_successor_is_shown_and_changes_nothing(settings: Settings) -> None:
    following = examined(settings, successor(settings, pool_cap_nano=7))

    assert following.changes == ("~ pool_cap_nano: 500000000 -> 7", "~ version: 1 -> 2")
    assert present(settings).version == 1


def test_accepted_caps_are_in_the_ledger_s_chain_and_the_audit(settings: Settings, store: Store) -> None:
    raw = successor(settings, pool_cap_nano=600_000_000)
    accept(settings, store, raw)

    head = verify_ledger(store, settings.directory / LEDGER_HEAD)
    shown = show_ledger(store, present(settings))
    assert head.sequence == 1
    assert read_head(settings.directory / LEDGER_HEAD) == head
    assert [(one["version"], one["pool_cap_nano"]) for one in shown["policies"]] == [
        (1, 500_000_000),
        (2, 600_000_000),
    ]
    assert [(one["kind"], one["order"], one["rho_nano"]) for one in shown["entries"]] == [("policy", digest_of(raw), 0)]
    with store.reading() as session:
        lines = [(one.action, one.subject) for one in session.query(AuditRow) if one.action == "policy-accepted"]
    assert lines[-1] == ("policy-accepted", digest_of(raw))
    open_node(settings).store.close()


def test_what_was_spent_stays_spent_under_a_lower_and_a_higher_cap(settings: Settings, store: Store) -> None:
    from sandbox.domain.caps import caps_of

    charge(store, settings, caps_of(present(settings)), 20_000_000)
    accept(settings, store, successor(settings, pool_cap_nano=15_000_000))
    low = show_ledger(store, present(settings))["accounts"]
    pool = next(one for one in low if one["scope"] == "pool")

    assert (pool["rho_spent_nano"], pool["rho_cap_nano"], pool["rho_left_nano"]) == (20_000_000, 15_000_000, 0)
    assert code_of(lambda: charge(store, settings, caps_of(present(settings)), 1)) == "budget-pool"

    accept(settings, store, successor(settings, version=3, pool_cap_nano=20_000_001))
    charge(store, settings, caps_of(present(settings)), 1)
    assert code_of(lambda: charge(store, settings, caps_of(present(settings)), 2)) == "budget-pool"


def test_what_is_no_successor_is_refused(settings: Settings) -> None:
    refused = {
        "gap": (successor(settings, version=3), "policy-version"),
        "same version": (successor(settings, version=1, pool_cap_nano=7), "policy-version"),
        "stranger": (successor(settings, "mallory"), "key-unknown"),
        "another node's": (successor(settings, node="node-es"), "policy-other-node"),
        "other Cedar files": (successor(settings, policy_set_digest="0" * 64), "policy-set-other"),
    }
    for fault, (raw, code) in refused.items():
        assert code_of(lambda raw=raw: examined(settings, raw)) == code, fault


def test_another_fingerprint_changes_nothing(settings: Settings, store: Store) -> None:
    following = examined(settings, successor(settings))

    assert code_of(lambda: accept_next(store, settings.directory, following, "0" * 64, NOW)) == "policy-fingerprint"
    assert present(settings).version == 1


def test_policy_file_that_was_turned_back_forked_or_skips_a_version_does_not_open(
    settings: Settings, store: Store
) -> None:
    file = settings.directory / "policy.json"
    first, third = file.read_bytes(), successor(settings, version=4)
    other = successor(settings, lanes=7)
    accept(settings, store, successor(settings, pool_cap_nano=7))
    for raw, code in ((first, "policy-rollback"), (other, "policy-fork"), (third, "policy-version")):
        file.write_bytes(raw)
        assert code_of(lambda: open_node(settings)) == code


def test_file_put_in_place_by_hand_is_recorded_when_the_node_opens(settings: Settings, store: Store) -> None:
    raw = successor(settings, pool_cap_nano=7)
    (settings.directory / "policy.json").write_bytes(raw)
    for _ in range(2):
        open_node(settings).store.close()

    shown = show_ledger(store, present(settings))
    assert [one["version"] for one in shown["policies"]] == [1, 2]
    assert [one["order"] for one in shown["entries"]] == [digest_of(raw)]


def test_acceptance_that_a_crash_cut_short_is_done_by_the_same_command(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = successor(settings)
    with monkeypatch.context() as patched:
        patched.setattr("sandbox.actions.policy.write_whole", _crash)
        with pytest.raises(SystemExit):
            accept(settings, store, raw)
    assert code_of(lambda: open_node(settings)) == "policy-rollback"

    accept(settings, store, raw)

    open_node(settings).store.close()
    assert len(show_ledger(store, present(settings))["entries"]) == 1


def test_policy_given_with_a_new_trust_root_is_one_version_on_at_most(settings: Settings, store: Store) -> None:
    root = WORLD.sign(WORLD.trust_root(version=2), HOLDER)
    keeper = Keeper(node=settings.node, directory=settings.directory, store=store)
    following = examine_root(open_trust(settings).root, root, NOW)
    jump, other = successor(settings, version=3), successor(settings, version=1, lanes=9)
    for raw in (jump, other):
        assert (
            code_of(lambda raw=raw: accept_root(keeper, following, following.digest, NOW, policy=raw))
            == "policy-version"
        )
    accept_root(keeper, following, following.digest, NOW, policy=successor(settings, lanes=9))
    open_node(settings).store.close()
    assert len(show_ledger(store, present(settings))["entries"]) == 1


def test_commands_show_then_accept(settings: Settings, tmp_path: Path) -> None:
    raw = successor(settings, job_cap_nano=9)
    (tmp_path / "next.json").write_bytes(raw)
    words = ["update", "--dir", str(settings.directory), "--file", str(tmp_path / "next.json"), "--json"]

    shown = _run(words)
    done = _run([*words, "--accept", shown["fingerprint"]])
    history = _run(["show", "--dir", str(settings.directory), "--json"])["history"]

    assert (shown["accepted"], done["accepted"]) == (False, True)
    assert [one["job_cap_nano"] for one in history] == [31_250_000, 9]


def _run(words: list[str]) -> Any:
    done = CliRunner().invoke(commands, words)
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def _crash(*_: Any) -> None:
    raise SystemExit
