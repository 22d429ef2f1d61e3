"""`ledger export`: the ledger as one file that the node signs, whole or as a public reading; and the check of one."""

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import Any

from protocol.crypto.digest import sha256_hex
from protocol.crypto.keys import PrivateKey
from protocol.documents.envelope import read_claim, sign_statement
from protocol.documents.key import Key
from protocol.documents.ledger_head import LedgerHead
from protocol.documents.receipt import Receipt
from protocol.documents.trust_root import TrustRoot
from protocol.trust.custodians import open_ledger_restore
from protocol.trust.root import open_policy
from sandbox.domain.check_export import check_export, spent
from sandbox.domain.ledger_export import Header, head_line, read_export, to_line, to_public_line, write_lines
from sandbox.errors import Refused
from sandbox.store import ledger
from sandbox.store.base import Store
from sandbox.store.policy import policies
from sandbox.store.restore import restores

SALT_BYTES = 32


def export_ledger(store: Store, node: str, key: PrivateKey, now: dt.datetime, *, public: bool) -> bytes:
    """Write the file; the ledger is checked first, so that nothing broken is ever signed."""
    salt = secrets.token_bytes(SALT_BYTES)  # forgotten: nobody, not even this node, links two public readings
    header = Header(format="safeconduct-ledger-v1", node=node, public=public, key=Key.of(key.public))
    with store.reading() as session:
        head = ledger.check_ledger(session)
        entries = list(ledger.entries(session))
        signed = [row.envelope for row in policies(session)]
        behind = [] if public else restores(session)
    lines = [to_public_line(entry, salt) if public else to_line(entry) for entry in entries]
    body = write_lines(header, signed, behind, lines)
    statement = LedgerHead(node=node, sequence=head.sequence, head=head.digest, export=sha256_hex(body), issued=now)
    return body + head_line(sign_statement(statement, [key]))


def check_file(
    untrusted: bytes, untrusted_receipts: Sequence[bytes], *, root: TrustRoot | None, key_id: str | None
) -> dict[str, Any]:
    """Check a file offline and say what it shows; with a trust root, the signatures on policies and restores too."""
    export = read_export(untrusted)
    if key_id is not None and export.key.keyid != key_id:
        raise Refused("export-signature", "The file is signed by another key than the one you named; trust none of it.")
    receipts = [read_claim(raw, Receipt) for raw in untrusted_receipts]
    head = check_export(export, receipts)
    if root is not None:
        for policy in export.policies:
            open_policy(policy.envelope.raw, root, export.header.node)
        for restore in export.restores:
            open_ledger_restore(restore.envelope.raw, root, export.header.node)
    return {
        "node": export.header.node,
        "public": export.header.public,
        "signed_by": export.key.keyid,
        "issued": export.head.issued,
        "entries": len(export.entries),
        "head": head.digest,
        "receipts": len(receipts),
        "policies": [claim.untrusted.version for claim in export.policies],
        "spent_nano": {f"{scope} {name}": nano for (scope, name), nano in sorted(spent(export.entries).items())},
        "verified": True,
    }
