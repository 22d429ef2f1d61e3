"""The persons whom a data holder trusts with the past of its node's ledger: never one alone."""

from protocol.documents.envelope import read_claim
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused

PERSONS = 2


def open_ledger_restore(untrusted: bytes, root: TrustRoot, node: str) -> tuple[LedgerRestore, str, tuple[str, ...]]:
    """The restore for ``node``, its digest, and the custodians who signed it: two distinct persons at least.

    Refuses ``restore-other-node``, ``restore-persons`` or ``signature-invalid``.
    """
    claim = read_claim(untrusted, LedgerRestore)
    restore = claim.untrusted
    if (restore.holder, restore.node) != (root.holder, node):
        raise Refused("restore-other-node", f"The document is not {root.holder}'s for {node}; prepare one there.")
    owners = {key.keyid: custodian.person for custodian in root.custodians for key in custodian.keys}
    known = (key.to_public() for custodian in root.custodians for key in custodian.keys)
    signers = {owners[key.keyid] for key in claim.envelope.signers(known)}
    if len(signers) < PERSONS:
        named = ", ".join(custodian.person for custodian in root.custodians) or "nobody yet"
        sentence = (
            f"{PERSONS} persons must sign; the trust root names {named}. Have them sign, or name more in the next."
        )
        raise Refused("restore-persons", sentence)
    return restore, claim.digest, tuple(sorted(signers))
