"""A trust root is replaced one version at a time, by its own keys, and only after the admin has seen the change."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from factory import COMMITTEE, DATASET, HOLDER, NOW, OFFICE, World, digest_of, key_entry, private_key

from protocol.errors import Refused
from sandbox.actions.init import NewNode, init_node
from sandbox.actions.trust_root import Keeper, NextRoot, accept_next, check_roots, examine_next, read_roots
from sandbox.domain.trust_change import describe_change
from sandbox.errors import BadInput, Misconfigured, SafeconductError
from sandbox.settings import Settings, load_settings
from sandbox.store.audit import AuditRow
from sandbox.store.memory import newest_statuses, remember_status
from sandbox.worker.wiring import POLICY_FOLDER, open_node, open_store, open_trust

WORLD = World()
FIRST = WORLD.sign(WORLD.trust_root(), HOLDER)
NEW_KEY = {"root_keys": [key_entry("holder-2")]}


def numbers() -> bytes:
    fields = WORLD.policy().model_dump(mode="json", exclude={"policy_set_digest", "holder", "node", "version"})
    return json.dumps(fields).encode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    node = {"node": "node-fi", "country": "FI", "registry": "http://r.test", "fingerprint": digest_of(FIRST)}
    new = NewNode(
        directory=tmp_path / "node",
        name="node-fi",
        country="FI",
        trust_root=FIRST,
        fingerprint=digest_of(FIRST),
        policy=numbers(),
        policies=POLICY_FOLDER,
        holder_keys=[private_key(HOLDER)],
        settings=node,
    )
    init_node(new, NOW)
    return load_settings(tmp_path / "node", {}).model_copy(update={"run_directory": tmp_path / "run"})


@pytest.fixture
def keeper(settings: Settings) -> Iterator[Keeper]:
    store = open_store(settings)
    yield Keeper(node=settings.node, directory=settings.directory, store=store)
    store.close()


def successor(*signers: str, **changes: Any) -> bytes:
    return WORLD.sign(WORLD.trust_root(**({"version": 2} | changes)), *(signers or (HOLDER,)))


def examined(settings: Settings, raw: bytes) -> NextRoot:
    return examine_next(read_roots(settings.directory, settings.fingerprint).current, raw, NOW)


def code_of(caught: Any) -> str:
    code: str = caught.value.code
    return code


def test_successor_is_shown_and_changes_nothing(settings: Settings) -> None:
    following = examined(settings, successor(roster_delay_hours=48))
    assert following.changes == ("~ roster delay: 0 hours -> 48 hours", "~ version: 1 -> 2")
    assert open_trust(settings).root.version == 1


def test_successor_takes_effect_with_its_fingerprint_and_is_audited(settings: Settings, keeper: Keeper) -> None:
    following = examined(settings, successor())
    accept_next(keeper, following, following.digest.upper(), NOW)
    trust = open_trust(settings)
    assert (trust.root.version, trust.root_digest) == (2, following.digest)
    with keeper.store.reading() as session:
        (line,) = session.query(AuditRow).all()
    assert (line.action, line.subject) == ("trust-root-accepted", following.digest)


def test_successor_of_the_successor_is_signed_by_the_newer_keys(settings: Settings, keeper: Keeper) -> None:
    second = successor(HOLDER, "holder-2", **NEW_KEY)
    policy = WORLD.sign(_policy(settings), "holder-2")
    accept_next(keeper, examined(settings, second), digest_of(second), NOW, policy=policy)
    with pytest.raises(Refused) as caught:
        examined(settings, successor(HOLDER, version=3))
    assert code_of(caught) == "key-unknown"
    third = successor("holder-2", version=3, **NEW_KEY)
    accept_next(keeper, examined(settings, third), digest_of(third), NOW)
    assert open_trust(settings).root.version == 3


def _policy(settings: Settings) -> Any:
    return open_trust(settings).policy


REFUSED: dict[str, tuple[bytes, str]] = {
    "roll-back": (FIRST, "trust-root-version"),
    "gap": (successor(version=3), "trust-root-version"),
    "signed by the new keys alone": (successor("holder-2", **NEW_KEY), "key-unknown"),
    "signed by the old keys alone": (successor(HOLDER, **NEW_KEY), "key-unknown"),
    "of another holder": (successor(holder="holder-es"), "trust-root-holder"),
    "expired": (successor(expires=NOW), "trust-root-expired"),
    "no trust root": (WORLD.sign(WORLD.status(), HOLDER), "document-kind"),
}


@pytest.mark.parametrize("fault", REFUSED, ids=str)
def test_what_is_no_successor_is_refused(settings: Settings, fault: str) -> None:
    raw, code = REFUSED[fault]
    with pytest.raises(Refused) as caught:
        examined(settings, raw)
    assert code_of(caught) == code


def test_another_fingerprint_changes_nothing(settings: Settings, keeper: Keeper) -> None:
    with pytest.raises(Refused) as caught:
        accept_next(keeper, examined(settings, successor()), digest_of(FIRST), NOW)
    assert code_of(caught) == "trust-root-fingerprint"
    assert open_trust(settings).root.version == 1


def test_fork_of_an_accepted_version_is_refused(settings: Settings, keeper: Keeper) -> None:
    other = examined(settings, successor(roster_delay_hours=7))
    following = examined(settings, successor())
    accept_next(keeper, following, following.digest, NOW)
    with pytest.raises(Misconfigured) as caught:
        accept_next(keeper, other, other.digest, NOW)
    assert code_of(caught) == "trust-root-fork"
    with pytest.raises(Refused) as refused:
        examined(settings, other.raw)
    assert code_of(refused) == "trust-root-version"


def test_root_without_a_policy_that_it_signed_is_not_accepted(settings: Settings, keeper: Keeper) -> None:
    following = examined(settings, successor(HOLDER, "holder-2", **NEW_KEY))
    with pytest.raises(Refused) as caught:
        accept_next(keeper, following, following.digest, NOW)
    assert code_of(caught) == "key-unknown"
    assert open_trust(settings).root.version == 1


def test_policy_given_with_it_must_be_of_the_same_cedar_files(settings: Settings, keeper: Keeper) -> None:
    following = examined(settings, successor())
    with pytest.raises(BadInput) as caught:
        accept_next(keeper, following, following.digest, NOW, policy=WORLD.sign(WORLD.policy(), HOLDER))
    assert code_of(caught) == "policy-older"


def test_node_whose_files_were_rolled_back_does_not_open(settings: Settings, keeper: Keeper) -> None:
    following = examined(settings, successor())
    accept_next(keeper, following, following.digest, NOW)
    open_node(settings).store.close()
    next((settings.directory / "trust-roots").iterdir()).unlink()
    with pytest.raises(Misconfigured) as caught:
        open_node(settings)
    assert code_of(caught) == "trust-root-rollback"


def test_node_whose_root_is_another_one_does_not_open(settings: Settings, keeper: Keeper) -> None:
    open_node(settings).store.close()
    forked = WORLD.sign(WORLD.trust_root(roster_delay_hours=1), HOLDER)
    (settings.directory / "trust-root.json").write_bytes(forked)
    with pytest.raises(Misconfigured) as caught:
        open_node(settings.model_copy(update={"fingerprint": digest_of(forked)}))
    assert code_of(caught) == "trust-root-fork"


def test_acceptance_that_a_crash_cut_short_is_done_by_the_same_command(
    settings: Settings, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = examined(settings, successor())

    def crash(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("sandbox.actions.trust_root.write_whole", crash)
        with pytest.raises(SystemExit):
            accept_next(keeper, following, following.digest, NOW)
    roots = read_roots(settings.directory, settings.fingerprint)
    with pytest.raises(Misconfigured) as caught:
        check_roots(keeper.store, roots, NOW)
    assert code_of(caught) == "trust-root-rollback"
    accept_next(keeper, following, following.digest, NOW)
    check_roots(keeper.store, read_roots(settings.directory, settings.fingerprint), NOW)


def test_status_of_a_replaced_office_key_stops_nobody(settings: Settings, keeper: Keeper) -> None:
    stolen = WORLD.sign(WORLD.status(version=2**53 - 1), OFFICE)
    with keeper.store.transaction() as session:
        remember_status(session, OFFICE, 2**53 - 1, stolen)
    offices = [{"office": OFFICE, "keys": [key_entry("office-2")]}]
    following = examined(settings, successor(offices=offices))
    accept_next(keeper, following, following.digest, NOW)
    with keeper.store.reading() as session:
        assert newest_statuses(session) == ()


def test_status_of_an_office_that_stays_is_kept(settings: Settings, keeper: Keeper) -> None:
    status = WORLD.sign(WORLD.status(), OFFICE)
    with keeper.store.transaction() as session:
        remember_status(session, OFFICE, 1, status)
    following = examined(settings, successor())
    accept_next(keeper, following, following.digest, NOW)
    with keeper.store.reading() as session:
        assert newest_statuses(session) == (status,)


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "holder": ({"holder": "holder-es"}, "~ holder: holder-fi -> holder-es"),
    "expires": ({"expires": NOW + dt.timedelta(days=1)}, "~ expires: 2027-11-23 08:00 UTC -> 2026-11-24 08:00 UTC"),
    "root_keys": ({"root_keys": [key_entry("x")]}, f"+ root key {key_entry('x')['keyid']}: ed25519"),
    "root_threshold": (
        {"root_threshold": 2, "root_keys": [key_entry(HOLDER), key_entry("x")]},
        "~ root threshold: 1 of 1 -> 2 of 2",
    ),
    "offices": (
        {"offices": [{"office": OFFICE, "keys": [key_entry("x")]}]},
        f"- office {OFFICE}, key {key_entry(OFFICE)['keyid']}: ed25519",
    ),
    "datasets": (
        {"datasets": []},
        f"- dataset {DATASET}, committee {COMMITTEE}: 2 approval(s) from 2 institution(s), ",
    ),
    "passkey_origins": (
        {"passkey_origins": [{"origin": "https://a.example", "rp_id": "a.example", "registry_page": True}]},
        "+ passkeys on https://a.example: a.example (the registry's page)",
    ),
    "log_key": ({"log_key": key_entry("log")}, f"+ log key: {key_entry('log')['keyid']}"),
    "custodians": (
        {"custodians": [{"person": "cleo", "keys": [key_entry("cleo")]}]},
        f"+ custodian cleo, key {key_entry('cleo')['keyid']}: ed25519",
    ),
    "roster_delay_hours": ({"roster_delay_hours": 1}, "~ roster delay: 0 hours -> 1 hours"),
    "version": ({"version": 2}, "~ version: 1 -> 2"),
}


def test_every_field_of_a_trust_root_is_shown_when_it_changes() -> None:
    assert CHANGES.keys() == set(WORLD.trust_root().model_dump())
    for changes, line in CHANGES.values():
        lines = describe_change(WORLD.trust_root(), WORLD.trust_root(**changes))
        assert [one for one in lines if one.startswith(line)], (line, lines)


@pytest.mark.parametrize("field", ["office", "minimum_approvals", "minimum_institutions", "seats", "exclude", "page"])
def test_every_part_of_a_committee_s_rule_is_shown_when_it_changes(field: str) -> None:
    committee = WORLD.trust_root().datasets[0].committees[0].model_dump()
    changed: dict[str, Any] = {
        "office": {"office": "office-es"},
        "minimum_approvals": {"minimum_approvals": 1},
        "minimum_institutions": {"minimum_institutions": 1},
        "seats": {"seats": []},
        "exclude": {"exclude_author_institution": False},
        "page": {"registry_page_suffices": True},
    }[field]
    after = WORLD.trust_root(datasets=[{"dataset": DATASET, "committees": [committee | changed]}])
    (line,) = describe_change(WORLD.trust_root(), after)
    assert line.startswith(f"~ dataset {DATASET}, committee {COMMITTEE}: ")


@pytest.mark.parametrize("loose", ["key", "passphrase"])
def test_node_whose_secrets_others_can_read_does_not_open(settings: Settings, tmp_path: Path, loose: str) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_bytes(b"correct horse\n")
    key = settings.keys / "node.pem"
    key.write_bytes(private_key("node-fi").to_pem(b"correct horse"))
    passphrase.chmod(0o600)
    {"key": key, "passphrase": passphrase}[loose].chmod(0o640)
    with pytest.raises(SafeconductError) as caught:
        open_node(settings.model_copy(update={"key_passphrase_file": passphrase}))
    assert code_of(caught) == "key-permissions"


def test_node_key_may_be_encrypted(settings: Settings, tmp_path: Path) -> None:
    (settings.keys / "node.pem").write_bytes(private_key("node-fi").to_pem(b"correct horse"))
    passphrase = tmp_path / "passphrase"
    passphrase.write_bytes(b"correct horse\n")
    passphrase.chmod(0o600)
    node = open_node(settings.model_copy(update={"key_passphrase_file": passphrase}))
    assert node.signer.public == private_key("node-fi").public
    node.store.close()
    with pytest.raises(Misconfigured) as caught:
        open_node(settings)
    assert code_of(caught) == "key-passphrase"
