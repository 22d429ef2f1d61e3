"""LedgerRestore: two persons say which witnessed receipts make good for a ledger that was restored from a backup."""

from typing import ClassVar

from protocol.documents.fields import Count, Digest, DigestSet, Document, Line, Moment, Slug, Subject


class LedgerRestore(Document):
    """Signed by two persons of the trust root's custodians.

    It names the end of the restored ledger and the end that was witnessed outside, so that it fits one situation and no
    other. ``reserve_nano`` is for charges in between that nobody witnessed.
    """

    KIND: ClassVar[str] = "ledger-restore"

    holder: Slug
    node: Slug
    ledger_sequence: Count
    ledger_head: Digest
    witnessed_sequence: Count
    witnessed_head: Digest
    receipts: DigestSet
    reserve_nano: Count
    prepared: Moment
    reason: Line

    def subjects(self) -> tuple[Subject, ...]:
        receipts = (Subject(name="receipt", sha256=digest) for digest in self.receipts)
        return (Subject(name="ledger", sha256=self.ledger_head), *receipts)
