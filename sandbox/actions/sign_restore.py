"""Sign a restore of the ledger: the first custodian signs what was prepared, the second what the first one signed."""

from protocol.crypto.keys import PrivateKey
from protocol.documents.envelope import read_claim, sign_statement, write_envelope
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.signature import Signature
from protocol.documents.strict import build, parse_object
from sandbox.errors import BadInput


def sign_restore(untrusted: bytes, key: PrivateKey) -> tuple[bytes, str, int]:
    """Return the document with one signature more, its digest, and how many there are."""
    fields = parse_object(untrusted)
    if "payload" not in fields:
        raw = sign_statement(build(LedgerRestore, dict(fields)), [key])
        return raw, read_claim(raw, LedgerRestore).digest, 1
    claim = read_claim(untrusted, LedgerRestore)
    present = claim.envelope.signatures
    if any(one.keyid == key.public.keyid for one in present):
        raise BadInput("already-signed", "This key has signed the document already; a second person must.")
    added = Signature(keyid=key.public.keyid, sig=key.sign(claim.envelope.signed_bytes))
    return write_envelope(claim.envelope.payload, [*present, added]), claim.digest, len(present) + 1
