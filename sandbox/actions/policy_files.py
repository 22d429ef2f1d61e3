"""The policy set of a node as files: chosen at `node init`, named by digest in the signed policy, read at start.

::

    policies/schema.cedarschema    what policies may speak about
    policies/eu.cedar              the baseline of the network
    policies/country.cedar         the country's set
    policies/node.cedar            the machine's
    policies/dataset.cedar         what holds for every dataset without a set of its own
    policies/datasets/<id>.cedar   a dataset's own set
"""

from collections.abc import Mapping
from pathlib import Path

from protocol.crypto.digest import sha256_hex
from protocol.documents.strict import canonical
from sandbox.domain.policy import SETS, PolicyBook
from sandbox.errors import Misconfigured

SCHEMA = "schema.cedarschema"


def choose_policies(folder: Path, country: str) -> dict[str, bytes]:
    """Read the policy set for a node of a country: the country's own set where there is one, else the common one."""
    own = folder / "countries" / f"{country.lower()}.cedar"
    sources = {
        SCHEMA: folder / SCHEMA,
        "eu.cedar": folder / "eu.cedar",
        "country.cedar": own if own.exists() else folder / "countries" / "default.cedar",
        "node.cedar": folder / "node.cedar",
        "dataset.cedar": folder / "dataset.cedar",
    }
    sources |= {f"datasets/{path.name}": path for path in sorted((folder / "datasets").glob("*.cedar"))}
    return {name: _read(path) for name, path in sources.items()}


def read_policies(folder: Path) -> dict[str, bytes]:
    """Read the policy set of a node that exists."""
    names = [SCHEMA, *(f"{name}.cedar" for name in SETS)]
    own = sorted(path.relative_to(folder).as_posix() for path in (folder / "datasets").glob("*.cedar"))
    return {name: _read(folder / name) for name in [*names, *own]}


def digest_policies(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and digests of all files: what the signed policy names."""
    return sha256_hex(canonical({name: sha256_hex(content) for name, content in files.items()}))


def open_policies(files: Mapping[str, bytes]) -> PolicyBook:
    """Validate every set against the schema, and give the book that decides."""
    texts = {name: _text(name, content) for name, content in files.items()}
    own = {Path(name).stem: text for name, text in texts.items() if name.startswith("datasets/")}
    return PolicyBook(texts[SCHEMA], {name: texts[f"{name}.cedar"] for name in SETS}, own)


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Misconfigured("policy-invalid", f"The policy file {name} is not UTF-8 text.") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured("policy-set-missing", f"The policy file {path} cannot be read; nothing may run.") from error
