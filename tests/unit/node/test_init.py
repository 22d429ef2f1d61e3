"""`node init` makes a whole node or nothing, from a pinned trust root and the holder's own numbers."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from factory import HOLDER, OFFICE, World, digest_of, key_entry, private_key
from factory import NOW as START

from protocol.documents.key_proof import read_request
from protocol.errors import Refused
from protocol.trust.root import open_policy, open_trust_root
from sandbox.actions.init import NewNode, init_node
from sandbox.actions.policy_files import digest_policies, read_policies
from sandbox.errors import BadInput, Conflict, Misconfigured, SafeconductError
from sandbox.settings import load_settings
from sandbox.worker.wiring import POLICY_FOLDER, open_node, open_trust

WORLD = World()
ROOT = WORLD.sign(WORLD.trust_root(), HOLDER)


def numbers(**changes: Any) -> dict[str, Any]:
    return WORLD.policy(**changes).model_dump(mode="json", exclude={"policy_set_digest", "holder", "node", "version"})


def new(folder: Path, **changes: Any) -> NewNode:
    values: dict[str, Any] = {
        "directory": folder / "node",
        "name": "node-fi",
        "country": "FI",
        "trust_root": ROOT,
        "fingerprint": digest_of(ROOT),
        "policy": json.dumps(numbers()).encode(),
        "policies": POLICY_FOLDER,
        "holder_keys": [private_key(HOLDER)],
        "settings": {
            "node": "node-fi",
            "country": "FI",
            "registry": "http://r.test",
            "fingerprint": digest_of(ROOT),
        },
    }
    return NewNode(**(values | changes))


def test_node_opens_with_what_was_pinned_and_signed(tmp_path: Path) -> None:
    init_node(new(tmp_path), START)
    trust = open_trust(load_settings(tmp_path / "node", {}))
    assert (trust.root.holder, trust.policy.node, trust.policy.holder) == (HOLDER, "node-fi", HOLDER)
    assert trust.policy.policy_set_digest == digest_policies(read_policies(tmp_path / "node" / "policies"))


def test_request_names_the_key_that_the_node_keeps(tmp_path: Path) -> None:
    request = init_node(new(tmp_path), START)
    public = json.loads((tmp_path / "node" / "keys" / "node.public.json").read_text())
    assert (request["subject"], request["office"], request["keys"]) == ("node-fi", OFFICE, [public])
    assert read_request(json.dumps(request).encode()).proofs[0].keyid == public["keyid"]


@pytest.mark.parametrize("named", [None, "office-se"])
def test_node_says_which_of_several_offices_accredits_it(tmp_path: Path, named: str | None) -> None:
    offices = [{"office": name, "keys": [key_entry(name)]} for name in (OFFICE, "office-es")]
    root = WORLD.sign(WORLD.trust_root(offices=offices), HOLDER)
    several = {"trust_root": root, "fingerprint": digest_of(root)}
    with pytest.raises(BadInput) as caught:
        init_node(new(tmp_path, **several, office=named), START)
    assert caught.value.code == "office-unknown"
    assert init_node(new(tmp_path, **several, office="office-es"), START)["office"] == "office-es"


def test_secrets_are_the_owner_s_alone(tmp_path: Path) -> None:
    init_node(new(tmp_path), START)
    folder = tmp_path / "node"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "keys").iterdir()}
    assert modes["node.pem"] == 0o600
    assert stat.S_IMODE((folder / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_holder_key_is_not_kept(tmp_path: Path) -> None:
    init_node(new(tmp_path), START)
    secret = private_key(HOLDER).to_pem(None)
    assert not [path for path in (tmp_path / "node").rglob("*") if path.is_file() and path.read_bytes() == secret]


def test_policy_may_be_written_as_toml(tmp_path: Path) -> None:
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in numbers().items())
    init_node(new(tmp_path, policy=text.encode()), START)
    assert open_trust(load_settings(tmp_path / "node", {})).policy.delta == WORLD.policy().delta


def test_policy_may_be_signed_elsewhere(tmp_path: Path) -> None:
    digest = digest_policies(_chosen("FI"))
    signed = WORLD.sign(WORLD.policy(policy_set_digest=digest), HOLDER)
    init_node(new(tmp_path, policy=signed, holder_keys=[]), START)
    assert (tmp_path / "node" / "policy.json").read_bytes() == signed


def _chosen(country: str) -> dict[str, bytes]:
    from sandbox.actions.policy_files import choose_policies

    return choose_policies(POLICY_FOLDER, country)


@pytest.mark.parametrize("country", ["ES", "FI"])
def test_country_has_its_own_policies_or_the_common_ones(tmp_path: Path, country: str) -> None:
    init_node(new(tmp_path, country=country), START)
    own = POLICY_FOLDER / "countries" / f"{country.lower()}.cedar"
    source = own if own.exists() else POLICY_FOLDER / "countries" / "default.cedar"
    assert (tmp_path / "node" / "policies" / "country.cedar").read_bytes() == source.read_bytes()


FAULTS: dict[str, tuple[dict[str, Any], type[SafeconductError], str]] = {
    "another fingerprint": ({"fingerprint": "0" * 64}, Refused, "trust-root-fingerprint"),
    "trust root signed by nobody it names": (
        {"trust_root": WORLD.sign(WORLD.trust_root(), "fraud"), "fingerprint": digest_of(ROOT)},
        Refused,
        "key-unknown",
    ),
    "policy without a number": (
        {"policy": json.dumps({k: v for k, v in numbers().items() if k != "delta"}).encode()},
        BadInput,
        "policy-invalid",
    ),
    "policy with an unknown number": (
        {"policy": json.dumps(numbers() | {"noise": 1}).encode()},
        BadInput,
        "policy-invalid",
    ),
    "policy that is no document": ({"policy": b"= ="}, BadInput, "policy-invalid"),
    "policy signed by a stranger's key": ({"holder_keys": [private_key("fraud")]}, Refused, "key-unknown"),
    "policy that nobody signs": ({"holder_keys": []}, BadInput, "policy-unsigned"),
    "policy of other Cedar files": (
        {"policy": WORLD.sign(WORLD.policy(), HOLDER), "holder_keys": []},
        BadInput,
        "policy-set-other",
    ),
    "no Cedar files": ({"policies": Path("/nowhere")}, Misconfigured, "policy-set-missing"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_nothing_is_left_of_a_node_that_could_not_be_made(tmp_path: Path, fault: str) -> None:
    changes, kind, code = FAULTS[fault]
    with pytest.raises(kind) as caught:
        init_node(new(tmp_path, **changes), START)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_expired_trust_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        init_node(new(tmp_path), WORLD.trust_root().expires)
    assert caught.value.code == "trust-root-expired"


def test_node_is_not_made_over_another(tmp_path: Path) -> None:
    init_node(new(tmp_path), START)
    before = (tmp_path / "node" / "keys" / "node.pem").read_bytes()
    with pytest.raises(Conflict) as caught:
        init_node(new(tmp_path), START)
    assert caught.value.code == "node-exists"
    assert (tmp_path / "node" / "keys" / "node.pem").read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("policies/node.cedar", "policy-set-other"),
        ("policies/datasets/extra.cedar", "policy-set-other"),
        ("policy.json", "document-malformed"),
        ("trust-root.json", "document-malformed"),
    ],
)
def test_node_whose_files_were_changed_does_not_open(tmp_path: Path, spoil: str, code: str) -> None:
    init_node(new(tmp_path), START)
    path = tmp_path / "node" / spoil
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"// changed\n")
    with pytest.raises(SafeconductError) as caught:
        open_trust(load_settings(tmp_path / "node", {}))
    assert caught.value.code == code


def test_node_that_is_to_promise_more_isolation_than_it_has_does_not_open(tmp_path: Path) -> None:
    init_node(
        new(tmp_path, policy=json.dumps(numbers() | {"profile": "strict", "timing": "padded", "lanes": 1}).encode()),
        START,
    )
    with pytest.raises(Misconfigured) as caught:
        open_node(load_settings(tmp_path / "node", {}))
    assert caught.value.code == "profile-unavailable"


def test_node_whose_one_worker_would_tell_run_times_does_not_open(tmp_path: Path) -> None:
    init_node(new(tmp_path, policy=json.dumps(numbers() | {"timing": "padded"}).encode()), START)
    one = load_settings(tmp_path / "node", {}).model_copy(update={"worker_concurrency": 1})
    with pytest.raises(Misconfigured) as caught:
        open_node(one)
    assert caught.value.code == "workers-too-few"


def test_signed_policy_is_the_one_that_the_root_verifies(tmp_path: Path) -> None:
    init_node(new(tmp_path), START)
    root = open_trust_root(ROOT, digest_of(ROOT))
    policy, _ = open_policy((tmp_path / "node" / "policy.json").read_bytes(), root, "node-fi")
    assert policy.job_cap_nano == WORLD.policy().job_cap_nano
