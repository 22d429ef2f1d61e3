"""`node init`: make a node's directory, keys, pinned trust and signed policy, whole or not at all.

The trust root is taken only with the fingerprint that the holder was told over another channel: never on first use.
The policy's numbers come from the holder's file; what this command adds is who and where, and the digest of the
Cedar files that it copies beside it. The holder's root keys sign it here; a holder who keeps them elsewhere hands over
a policy that is signed already.
"""

import datetime as dt
import shutil
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.crypto.keys import PrivateKey
from protocol.documents.envelope import sign_statement
from protocol.documents.key import Key
from protocol.documents.key_proof import make_request
from protocol.documents.policy import Policy
from protocol.documents.strict import build, canonical, parse_object
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.root import open_policy, open_trust_root
from sandbox.actions.files import PUBLIC, SECRET
from sandbox.actions.policy_files import choose_policies, digest_policies, open_policies
from sandbox.domain.ledger import GENESIS, write_head_text
from sandbox.errors import BadInput, Conflict

NODE_KEY = "node.pem"
NODE_PUBLIC = "node.public.json"
TRUST_ROOT = "trust-root.json"
POLICY = "policy.json"
LEDGER_HEAD = "ledger.head"
FIRST_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNode:
    """What a holder decides when a node is made; `settings` become its `node.toml`."""

    directory: Path
    name: str
    country: str
    trust_root: bytes
    fingerprint: str
    policy: bytes
    policies: Path
    holder_keys: Sequence[PrivateKey]
    settings: Mapping[str, str | int | float]
    key_passphrase: bytes | None = None
    office: str | None = None


def init_node(new: NewNode, now: dt.datetime) -> dict[str, Any]:
    """Make the node, and return its request for accreditation: what an office needs in order to say who it is."""
    _check_free(new.directory)
    root = open_trust_root(new.trust_root, new.fingerprint)
    _check_not_expired(root, now)
    office = _choose_office(root, new.office)
    key = PrivateKey.generate_ed25519()
    files = _make_files(new, root, key)
    _write_all(new.directory, files)
    return accreditation_request(new.name, office, key)


def accreditation_request(name: str, office: str, key: PrivateKey) -> dict[str, Any]:
    """Say which key speaks for this node, and prove it, to the office that accredits it."""
    return make_request([key], name, office).model_dump(mode="json")


def _choose_office(root: TrustRoot, named: str | None) -> str:
    """The office that is to accredit this node: the one named, or the only one."""
    known = [office.office for office in root.offices]
    if named is None and len(known) == 1:
        return known[0]
    if named not in known:
        raise BadInput("office-unknown", f"Say with --office who accredits this node: {', '.join(known)}.")
    return named


def _make_files(new: NewNode, root: TrustRoot, key: PrivateKey) -> dict[str, tuple[bytes, int]]:
    policies = choose_policies(new.policies, new.country)
    open_policies(policies)
    return {
        "node.toml": (_write_settings(new.settings), PUBLIC),
        LEDGER_HEAD: (write_head_text(GENESIS).encode(), SECRET),
        TRUST_ROOT: (new.trust_root, PUBLIC),
        POLICY: (_make_policy(new, root, digest_policies(policies)), PUBLIC),
        f"keys/{NODE_KEY}": (key.to_pem(new.key_passphrase), SECRET),
        f"keys/{NODE_PUBLIC}": (canonical(Key.of(key.public).model_dump(mode="json")), PUBLIC),
        **{f"policies/{name}": (content, PUBLIC) for name, content in policies.items()},
    }


def _make_policy(new: NewNode, root: TrustRoot, digest: str) -> bytes:
    """Sign the holder's policy with the keys given, or take the one that is signed; both must satisfy the root."""
    fields = parse_policy(new.policy)
    signed = new.policy if "payload" in fields else _sign_policy(new, root, fields, digest)
    policy, _ = open_policy(signed, root, new.name)
    if policy.policy_set_digest != digest:
        raise BadInput("policy-set-other", "The signed policy names another set of Cedar files than the one given.")
    return signed


def _sign_policy(new: NewNode, root: TrustRoot, fields: dict[str, Any], digest: str) -> bytes:
    if not new.holder_keys:
        raise BadInput("policy-unsigned", "The policy is not signed: give the holder's root keys with --holder-key.")
    added = {"holder": root.holder, "node": new.name, "version": FIRST_VERSION}
    try:
        policy = build(Policy, added | fields | {"policy_set_digest": digest})
    except Refused as error:
        raise BadInput("policy-invalid", f"The policy file cannot be used: {error.sentence}") from error
    return sign_statement(policy, new.holder_keys)


def parse_policy(content: bytes) -> dict[str, Any]:
    """Read a policy's fields from TOML or JSON; whether they make a policy is checked by its model."""
    if content.lstrip().startswith(b"{"):
        return dict(parse_object(content))
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput("policy-invalid", f"The policy file is neither TOML nor JSON: {error}.") from error


def _write_settings(settings: Mapping[str, str | int | float]) -> bytes:
    lines = (f"{name} = {canonical(value).decode()}" for name, value in settings.items())
    return "".join(f"{line}\n" for line in lines).encode()


def _check_not_expired(root: TrustRoot, now: dt.datetime) -> None:
    if now >= root.expires:
        raise Refused("trust-root-expired", "The trust root has expired; get the holder's new version.")


def _check_free(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Conflict("node-exists", f"{directory} is not empty; a node is made in a directory of its own.")


def _write_all(directory: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Write into a draft beside the place, then move it there: nothing is left half-written."""
    directory = directory.absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name, (content, mode) in files.items():
            path = draft / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=mode)
            path.write_bytes(content)
        for name in ("datasets", "images"):
            (draft / name).mkdir(mode=0o700)
        draft.replace(directory)
    except BaseException:
        shutil.rmtree(draft)
        raise
