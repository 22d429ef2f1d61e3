"""`node init`: make a node's directory, keys, pinned trust and signed policy, whole or not at all.

The trust root is taken only with the fingerprint that the holder was told over another channel: never on first use.
The policy's numbers come from the holder's file; what this command adds is who and where, and the digest of the
Cedar files that it copies beside it. The holder's key signs; without one, the node makes a key of its own for its
holder and pins it, which is right where holder and operator are the same.
"""

import datetime as dt
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.crypto.keys import PrivateKey
from protocol.documents.envelope import sign_statement
from protocol.documents.key import Key
from protocol.documents.policy import Policy
from protocol.documents.strict import build, canonical, parse_object
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust import open_trust_root
from sandbox.actions.files import PUBLIC, SECRET
from sandbox.actions.policy_files import choose_policies, digest_policies, open_policies
from sandbox.errors import BadInput

NODE_KEY = "node.pem"
HOLDER_KEY = "holder.pem"
NODE_PUBLIC = "node.public.json"
HOLDER_PUBLIC = "holder.public.json"
TRUST_ROOT = "trust-root.json"
POLICY = "policy.json"
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
    holder_key: PrivateKey | None
    settings: Mapping[str, str | int | float]


def init_node(new: NewNode, now: dt.datetime) -> dict[str, Any]:
    """Make the node, and return its request for accreditation: what an office needs in order to say who it is."""
    _check_free(new.directory)
    root = open_trust_root(new.trust_root, new.fingerprint)
    _check_not_expired(root, now)
    key = PrivateKey.generate_ed25519()
    files = _make_files(new, root, key)
    _write_all(new.directory, files)
    return accreditation_request(new.name, new.country, key)


def accreditation_request(name: str, country: str, key: PrivateKey) -> dict[str, Any]:
    """Say which key speaks for this node, for the office that accredits it."""
    return {"subject": name, "kind": "node", "country": country, "keys": [Key.of(key.public).model_dump(mode="json")]}


def _make_files(new: NewNode, root: TrustRoot, key: PrivateKey) -> dict[str, tuple[bytes, int]]:
    policies = choose_policies(new.policies, new.country)
    open_policies(policies)
    holder = new.holder_key or PrivateKey.generate_ed25519()
    policy = _read_policy(new, root.holder, digest_policies(policies))
    files = {
        "node.toml": (_write_settings(new.settings), PUBLIC),
        TRUST_ROOT: (new.trust_root, PUBLIC),
        POLICY: (sign_statement(policy, [holder]), PUBLIC),
        f"keys/{NODE_KEY}": (key.to_pem(None), SECRET),
        f"keys/{NODE_PUBLIC}": (_public(key), PUBLIC),
        f"keys/{HOLDER_PUBLIC}": (_public(holder), PUBLIC),
        **{f"policies/{name}": (content, PUBLIC) for name, content in policies.items()},
    }
    if new.holder_key is None:
        files[f"keys/{HOLDER_KEY}"] = (holder.to_pem(None), SECRET)
    return files


def _public(key: PrivateKey) -> bytes:
    return canonical(Key.of(key.public).model_dump(mode="json"))


def _read_policy(new: NewNode, holder: str, digest: str) -> Policy:
    """Complete the holder's numbers to a policy document; a number that is missing has no default."""
    added = {"holder": holder, "node": new.name, "version": FIRST_VERSION, "policy_set_digest": digest}
    try:
        return build(Policy, added | _parse_policy(new.policy) | {"policy_set_digest": digest})
    except Refused as error:
        raise BadInput("policy-invalid", f"The policy file cannot be used: {error.sentence}") from error


def _parse_policy(content: bytes) -> dict[str, Any]:
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
        raise BadInput("node-exists", f"{directory} is not empty; a node is made in a directory of its own.")


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
