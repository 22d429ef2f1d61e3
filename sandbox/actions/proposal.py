"""An algorithm before anybody approved it, and the order that somebody might send: what can be judged without data.

A proposal is read from its author's folder (`algorithm.toml`, beside what `algorithm build` made of it) or from the
signed document. Nothing here is believed: no signature is checked, nothing is charged, and no node runs from it.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from protocol.crypto.encoding import encode_base64
from protocol.crypto.hpke import RecipientKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import read_envelope
from protocol.documents.expansion import priced_names
from protocol.documents.job_order import JobOrder
from protocol.documents.parameters import check_parameters
from protocol.documents.policy import Policy
from protocol.documents.strict import Json, build
from sandbox.actions.init import parse_policy
from sandbox.errors import BadInput

SPEC: Final = "algorithm.toml"
SIGNED, IDENTITY, ARCHIVE = "algorithm.json", "identity.json", "image.tar"
NOBODY: Final = "nobody"  # stands for author, node and researcher of what nobody signed
_NO_DIGEST: Final = "0" * 64
_NO_IMAGE: Final = {
    "config_digest": f"sha256:{_NO_DIGEST}",
    "layers": [f"sha256:{_NO_DIGEST}"],
    "archive_digest": _NO_DIGEST,
    "uncompressed_bytes": 1,
    "manifest_digest": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A spec, and the image archive that belongs to it if there is one."""

    algorithm: Algorithm
    archive: Path | None


def read_proposal(path: Path, built: Path | None = None) -> Proposal:
    """Read an algorithm's folder, `algorithm.toml` or signed document; `built` is where its image was built.

    Refused: what is no spec (`spec-…`, `document-malformed`), a file that is not there (`file-missing`).
    """
    if path.is_dir() and not (path / SPEC).exists() and (path / SIGNED).exists():
        path = path / SIGNED
    if path.suffix == ".json":
        return _with_archive(read_envelope(_read(path)).untrusted(Algorithm), built or path.parent)
    fields = _read_toml(path / SPEC if path.is_dir() else path)
    folder = built or Path("build") / f"{fields.get('name', path.name)}-{fields.get('version', '0')}"
    added: dict[str, Any] = {"author": NOBODY, "source_commit": _NO_DIGEST}
    if fields.get("mode") != "statistic":  # which has no image
        added |= {"image": _identity(folder / IDENTITY)}
    return _with_archive(build(Algorithm, added | fields), folder)


def read_limits(path: Path) -> Policy:
    """Read a holder's limits as `node init` takes them, or signed; whoever signed them is not asked."""
    content = _read(path)
    fields = parse_policy(content)
    if "payload" in fields:
        return read_envelope(content).untrusted(Policy)
    added = {"holder": NOBODY, "node": NOBODY, "version": 1, "policy_set_digest": _NO_DIGEST}
    return build(Policy, added | fields)


def make_order(algorithm: Algorithm, parameters: Mapping[str, Json], blocks: int, rho_nano: int) -> JobOrder:
    """Make the order that would ask for this: ρ in equal shares, what does not divide left unspent; it is not signed.

    Refused: parameters outside the schema (`order-parameters`), outputs without names (`order-outputs`), a share below
    one nano (`rho-too-small`).
    """
    check_parameters(algorithm.parameters, dict(parameters))
    names = priced_names(algorithm, dict(parameters))
    share = rho_nano // len(names)
    if share < 1:
        raise BadInput("rho-too-small", f"{rho_nano} nano-rho cannot be split over {len(names)} outputs.")
    return _order(algorithm, parameters, blocks, [{"output": name, "nano": share} for name in names])


def _order(
    algorithm: Algorithm, parameters: Mapping[str, Json], blocks: int, rho: Sequence[Mapping[str, Any]]
) -> JobOrder:
    now = datetime.now(UTC)
    fields = {
        "algorithm": _NO_DIGEST,
        "approvals": [_NO_DIGEST],
        "researcher": NOBODY,
        "project": NOBODY,
        "purpose": algorithm.purpose[0],
        "node": NOBODY,
        "dataset": NOBODY,
        "parameters": dict(parameters),
        "blocks": blocks,
        "rho": list(rho),
        "recipient": _recipient(),
        "nonce": "0" * 32,
        "not_before": now,
        "not_after": now + timedelta(hours=1),
    }
    return build(JobOrder, fields)


@cache
def _recipient() -> str:
    return encode_base64(RecipientKey.generate().public_bytes)


def _with_archive(algorithm: Algorithm, folder: Path) -> Proposal:
    archive = folder / ARCHIVE
    return Proposal(algorithm=algorithm, archive=archive if archive.exists() else None)


def _identity(path: Path) -> Any:
    return json.loads(_read(path)) if path.exists() else _NO_IMAGE


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput("file-missing", f"{path} cannot be read; check the path.") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("toml-malformed", f"{path} is not valid TOML: {error}. Correct it.") from error
