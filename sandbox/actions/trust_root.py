"""The trust root of a node and its successors: pinned once by a fingerprint, then a chain that anybody can follow.

`trust-root.json` is the first one; every later one lies in `trust-roots/` under its version and was signed by a
threshold of the keys before it (TUF, section 5.3). The whole chain is verified whenever the node opens, so that
nothing has to be believed of the files. A new root is taken in two steps: its change is shown, and it takes effect
only when the admin repeats the fingerprint that came over another channel. The database remembers every version that
was in effect: a chain that is shorter, or another one, does not open.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from protocol.documents.envelope import read_envelope
from protocol.documents.policy import Policy
from protocol.documents.trust_root import TrustRoot
from protocol.trust.memory import Memory
from protocol.trust.root import check_live, open_next_trust_root, open_policy, open_trust_root
from sandbox.actions.files import write_whole
from sandbox.actions.init import POLICY, TRUST_ROOT
from sandbox.domain.policy_change import check_follows
from sandbox.domain.trust_change import describe_change
from sandbox.errors import BadInput, Misconfigured, Refused
from sandbox.store.audit import record
from sandbox.store.base import Session, Store
from sandbox.store.memory import forget_statuses
from sandbox.store.trust_root import last_root, remember_root, root_digest

LATER = "trust-roots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """A verified chain of trust roots: the one in effect, and every digest by its version."""

    current: TrustRoot
    digests: dict[int, str]

    @property
    def digest(self) -> str:
        """The fingerprint of the root in effect."""
        return self.digests[self.current.version]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRoot:
    """A successor that the present root's keys signed, and what it would change."""

    root: TrustRoot
    raw: bytes
    digest: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Where a node keeps what its trust roots and its policy say."""

    node: str
    directory: Path
    store: Store


def read_roots(directory: Path, fingerprint: str) -> Roots:
    """Follow the chain from the pinned root; raises Refused at the first one that does not follow."""
    first, *later = _read_all(directory)
    current = open_trust_root(first, fingerprint)
    digests = {current.version: read_envelope(first).digest}
    for raw in later:
        current = open_next_trust_root(raw, current)
        digests[current.version] = read_envelope(raw).digest
    return Roots(current=current, digests=digests)


def examine_next(current: TrustRoot, untrusted: bytes, now: dt.datetime) -> NextRoot:
    """The successor of `current` in these bytes; refuses roll-backs, gaps, forks, expired ones and other holders'."""
    root = open_next_trust_root(untrusted, current)
    check_live(root, now, Memory())
    changes = describe_change(current, root)
    return NextRoot(root=root, raw=untrusted, digest=read_envelope(untrusted).digest, changes=changes)


def accept_next(
    keeper: Keeper, following: NextRoot, fingerprint: str, now: dt.datetime, *, policy: bytes | None = None
) -> None:
    """Let a successor take effect from the node's next start on.

    The policy in force, or the one given with it, must be the holder's under the new root as well: otherwise the node
    would not open any more. Audit and memory come first: a node that stops in between says that its files are behind,
    and the same command ends what it began.
    """
    if fingerprint.replace(":", "").replace(" ", "").lower() != following.digest:
        sentence = "The trust root is not the one whose fingerprint you gave; ask its holder for both again."
        raise Refused("trust-root-fingerprint", sentence)
    _check_policy(keeper, following.root, policy)
    with keeper.store.transaction() as session:
        _check_same(session, following.root.version, following.digest)
        remember_root(session, following.root.version, following.digest, now)
        forget_statuses(session, following.root)
        record(session, now, "operator", "trust-root-accepted", following.digest)
    if policy is not None:
        write_whole(keeper.directory / POLICY, policy)
    folder = keeper.directory / LATER
    folder.mkdir(mode=0o700, exist_ok=True)
    write_whole(folder / f"{following.root.version:09d}.json", following.raw)


def check_roots(store: Store, roots: Roots, now: dt.datetime) -> None:
    """Raise Misconfigured if the chain lacks what was in effect before, or says something else; else remember it."""
    with store.reading() as session:
        for version, digest in roots.digests.items():
            _check_same(session, version, digest)
        last = last_root(session)
    if last > roots.current.version:
        sentence = "A later trust root was in effect than those in this node's files; put the later ones back."
        raise Misconfigured("trust-root-rollback", sentence)
    if last < roots.current.version:
        with store.transaction() as session:
            for version, digest in roots.digests.items():
                remember_root(session, version, digest, now)


def _check_same(session: Session, version: int, digest: str) -> None:
    if root_digest(session, version) not in (None, digest):
        sentence = f"Another trust root of version {version} was in effect at this node; its holder must say which."
        raise Misconfigured("trust-root-fork", sentence)


def _check_policy(keeper: Keeper, root: TrustRoot, policy: bytes | None) -> None:
    present = (keeper.directory / POLICY).read_bytes()
    before = read_envelope(present).untrusted(Policy)  # it opened under the root before
    try:
        after, _ = open_policy(policy or present, root, keeper.node)
    except Refused as refused:
        sentence = "The policy is not signed by the new root keys; have the holder sign it, and give it with --policy."
        raise Refused(refused.code, sentence) from refused
    if after.policy_set_digest != before.policy_set_digest or after.version < before.version:
        raise BadInput("policy-older", "The policy given is older than the one in force, or of other Cedar files.")
    if after != before:
        check_follows(before, after)


def _read_all(directory: Path) -> Sequence[bytes]:
    paths = (directory / TRUST_ROOT, *sorted((directory / LATER).glob("*.json")))
    try:
        return [path.read_bytes() for path in paths]
    except OSError as error:
        raise Misconfigured("file-missing", f"{error.filename} cannot be read; the node does not start.") from error
