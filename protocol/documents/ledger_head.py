"""LedgerHead: a node says where its ledger ends, and which file tells all of it."""

from typing import ClassVar

from protocol.documents.fields import Count, Digest, Document, Moment, Slug, Subject


class LedgerHead(Document):
    """Signed by the node. ``export`` is SHA-256 over the bytes of the export before this statement."""

    KIND: ClassVar[str] = "ledger-head"

    node: Slug
    sequence: Count
    head: Digest
    export: Digest
    issued: Moment

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject(name="ledger", sha256=self.head), Subject(name="export", sha256=self.export))
