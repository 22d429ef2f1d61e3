"""A ledger as one file, and how anybody checks it without the node's database.

The file is lines of canonical JSON, in this order: one header, every policy, every restore, every entry, the head.

1. The last line is the node's signed head; it names SHA-256 of all bytes before it. A file that ends earlier
   (`export-truncated`), or in which anything was altered, left out or moved (`export-altered`), is refused.
2. The chain is followed from its beginning (`ledger-chain`, `ledger-entry`) to the signed head (`export-head`).
3. No order and no nonce is charged twice (`export-twice`).
4. Every charge stays within the caps of the policy of its time, as all charges before it left them (`export-caps`).
   Policies follow each other by one version, each with its entry (`export-policy`).
5. A restore agrees with the document behind it (`export-restore`).
6. Every receipt is this node's, and its charge is on the chain as that receipt says, or was brought back by a restore
   (`export-receipt`).

A public reading holds no project's name, no order's id, no nonce (it names the researcher) and days for moments; names
are replaced by pseudonyms that are the same within one file only. Its entries' digests cannot be computed again: links,
sums, caps and the node's signature are checked, the rest is the node's word.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field

from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.crypto.keys import PublicKey
from protocol.documents.envelope import Claim, read_claim
from protocol.documents.fields import Count, Digest, Record, Slug
from protocol.documents.key import Key
from protocol.documents.ledger_head import LedgerHead
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.policy import Policy
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused
from sandbox.domain.ledger import Kind, LedgerEntry, Scopes

KINDS = ("policy", "restore", "entry")
Name = Annotated[str, Field(max_length=200)]


class Header(Record):
    """Whose ledger this is, by which key its head and its receipts are signed, and whether names are left out."""

    format: Literal["safeconduct-ledger-v1"]
    node: Slug
    public: bool
    key: Key


class EntryLine(Record):
    """One entry as it is written in the file."""

    sequence: Count
    kind: Annotated[Kind, Field(strict=False)]
    order: Name
    nonce: Name
    pool: Name
    dataset: Name
    project: Name
    algorithm: Name
    job: Name
    rho_nano: Count
    charged_at: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}\.\d{6}\+00:00)?$")]
    previous: Digest
    digest: Digest
    evidence: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a file says, after rule 1."""

    header: Header
    policies: tuple[Claim[Policy], ...]
    restores: tuple[Claim[LedgerRestore], ...]
    entries: tuple[LedgerEntry, ...]
    head: LedgerHead

    @property
    def key(self) -> PublicKey:
        """The key that signed the head."""
        return self.header.key.to_public()


def write_lines(
    header: Header, policies: Iterable[bytes], restores: Iterable[bytes], entries: Iterable[EntryLine]
) -> bytes:
    """Give all of an export but its head."""
    lines: list[object] = [header.model_dump(mode="json")]
    lines += [{"policy": encode_base64(raw)} for raw in policies]
    lines += [{"restore": encode_base64(raw)} for raw in restores]
    lines += [{"entry": entry.model_dump(mode="json")} for entry in entries]
    return b"".join(canonical(line) + b"\n" for line in lines)


def head_line(signed: bytes) -> bytes:
    """Give the last line of an export."""
    return canonical({"head": encode_base64(signed)}) + b"\n"


def read_export(untrusted: bytes) -> Export:
    """Read a file and check rule 1."""
    body, _, last = untrusted.rstrip(b"\n").rpartition(b"\n")
    found = parse_object(last)
    if found.keys() != {"head"}:
        raise Refused("export-truncated", "The file ends before the node's signed head; get all of it.")
    header, *lines = [parse_object(line) for line in body.splitlines()] or [{}]
    told = build(Header, header)
    head = _read_head(str(found["head"]), told, body + b"\n")
    kinds = [KINDS.index(name) for line in lines for name in line if name in KINDS]
    if kinds != sorted(kinds) or any(len(line) != 1 for line in lines) or len(kinds) != len(lines):
        raise Refused("export-malformed", "The file's lines are not in their order; get it from the node again.")
    return Export(
        header=told,
        policies=tuple(read_claim(_bytes(line["policy"]), Policy) for line in lines if "policy" in line),
        restores=tuple(read_claim(_bytes(line["restore"]), LedgerRestore) for line in lines if "restore" in line),
        entries=tuple(to_entry(build(EntryLine, line["entry"])) for line in lines if "entry" in line),
        head=head,
    )


def _read_head(encoded: str, header: Header, body: bytes) -> LedgerHead:
    claim = read_claim(decode_base64(encoded), LedgerHead)
    try:
        head = claim.checked([header.key.to_public()])
    except Refused as error:
        raise Refused("export-signature", "The head is not signed by the key in the file; trust none of it.") from error
    if head.node != header.node or head.export != sha256(body).hexdigest():
        raise Refused("export-altered", "The file is not the one whose digest the node signed; get it from the node.")
    return head


def to_line(entry: LedgerEntry) -> EntryLine:
    """Write an entry with all that it says."""
    scopes = entry.scopes
    return EntryLine(
        sequence=entry.sequence,
        kind=entry.kind,
        order=entry.order_id,
        nonce=entry.nonce,
        pool=scopes.pool,
        dataset=scopes.lineage,
        project=scopes.project,
        algorithm=scopes.algorithm,
        job=scopes.job,
        rho_nano=entry.rho_nano,
        charged_at=entry.charged_at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        previous=entry.previous,
        digest=entry.digest,
        evidence=entry.evidence,
    )


def to_public_line(entry: LedgerEntry, salt: bytes) -> EntryLine:
    """Write an entry for everybody: pseudonyms for names, days for moments."""
    whole = to_line(entry)
    names = {name: _pseudonym(getattr(whole, name), salt) for name in ("order", "nonce", "project", "job")}
    return whole.model_copy(update={**names, "charged_at": whole.charged_at[:10]})


def to_entry(line: EntryLine) -> LedgerEntry:
    """Read an entry back."""
    moment = dt.datetime.fromisoformat(line.charged_at)
    return LedgerEntry(
        sequence=line.sequence,
        order_id=line.order,
        nonce=line.nonce,
        scopes=Scopes(
            pool=line.pool, lineage=line.dataset, project=line.project, algorithm=line.algorithm, job=line.job
        ),
        rho_nano=line.rho_nano,
        charged_at=moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC),
        previous=line.previous,
        digest=line.digest,
        kind=line.kind,
        evidence=line.evidence,
    )


def _pseudonym(name: str, salt: bytes) -> str:
    return sha256(salt + name.encode()).hexdigest()[:32] if name else ""


def _bytes(value: object) -> bytes:
    return decode_base64(str(value))
