"""The first tables: documents, their indexes, queues, tokens, the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "access_token",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("keyid", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_access_token")),
    )
    op.create_index(op.f("ix_access_token_expires"), "access_token", ["expires"], unique=False)
    op.create_table(
        "assertion_seen",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("forget", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_assertion_seen")),
    )
    op.create_index(op.f("ix_assertion_seen_forget"), "assertion_seen", ["forget"], unique=False)
    op.create_table(
        "catalogue",
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("datasets", sa.JSON(), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_catalogue")),
    )
    op.create_table(
        "document",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_document")),
    )
    op.create_index(op.f("ix_document_kind"), "document", ["kind"], unique=False)
    op.create_table(
        "event",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("verb", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_subject"), "event", ["subject"], unique=False)
    op.create_table(
        "image",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", "person", name=op.f("pk_image")),
    )
    op.create_table(
        "key_holder",
        sa.Column("keyid", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("keyid", name=op.f("pk_key_holder")),
    )
    op.create_index(op.f("ix_key_holder_subject"), "key_holder", ["subject"], unique=False)
    op.create_table(
        "node_seen",
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_node_seen")),
    )
    op.create_table(
        "accreditation",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("office", sa.String(length=100), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("institution", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["document.digest"], name=op.f("fk_accreditation_digest")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_accreditation")),
        sa.UniqueConstraint("digest", name=op.f("uq_accreditation_digest")),
    )
    op.create_index(op.f("ix_accreditation_subject"), "accreditation", ["subject"], unique=False)
    op.create_table(
        "algorithm",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("archive_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["document.digest"], name=op.f("fk_algorithm_digest")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_algorithm")),
        sa.UniqueConstraint("digest", name=op.f("uq_algorithm_digest")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_algorithm_name_version")),
    )
    op.create_index(op.f("ix_algorithm_archive_digest"), "algorithm", ["archive_digest"], unique=False)
    op.create_index(op.f("ix_algorithm_author"), "algorithm", ["author"], unique=False)
    op.create_table(
        "roster",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("office", sa.String(length=100), nullable=False),
        sa.Column("committee", sa.String(length=100), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["document.digest"], name=op.f("fk_roster_digest")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_roster")),
        sa.UniqueConstraint("digest", name=op.f("uq_roster_digest")),
        sa.UniqueConstraint("office", "committee", "version", name=op.f("uq_roster_office_committee_version")),
    )
    op.create_index(op.f("ix_roster_committee"), "roster", ["committee"], unique=False)
    op.create_table(
        "status",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("office", sa.String(length=100), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["document.digest"], name=op.f("fk_status_digest")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_status")),
        sa.UniqueConstraint("digest", name=op.f("uq_status_digest")),
        sa.UniqueConstraint("office", "version", name=op.f("uq_status_office_version")),
    )
    op.create_table(
        "approval",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("algorithm", sa.String(length=64), nullable=False),
        sa.Column("roster", sa.String(length=64), nullable=False),
        sa.Column("committee", sa.String(length=100), nullable=False),
        sa.Column("member", sa.String(length=100), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("conflicted", sa.Boolean(), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["algorithm"], ["algorithm.digest"], name=op.f("fk_approval_algorithm")),
        sa.ForeignKeyConstraint(["digest"], ["document.digest"], name=op.f("fk_approval_digest")),
        sa.ForeignKeyConstraint(["roster"], ["roster.digest"], name=op.f("fk_approval_roster")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_approval")),
        sa.UniqueConstraint("digest", name=op.f("uq_approval_digest")),
    )
    op.create_index(op.f("ix_approval_algorithm"), "approval", ["algorithm"], unique=False)
    op.create_table(
        "job_order",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("researcher", sa.String(length=100), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("dataset", sa.String(length=100), nullable=False),
        sa.Column("algorithm", sa.String(length=64), nullable=False),
        sa.Column("approvals", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt", sa.String(length=64), nullable=True),
        sa.Column("release_digest", sa.String(length=64), nullable=True),
        sa.Column("release_stored", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["algorithm"], ["algorithm.digest"], name=op.f("fk_job_order_algorithm")),
        sa.ForeignKeyConstraint(["digest"], ["document.digest"], name=op.f("fk_job_order_digest")),
        sa.ForeignKeyConstraint(["receipt"], ["document.digest"], name=op.f("fk_job_order_receipt")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_job_order")),
        sa.UniqueConstraint("digest", name=op.f("uq_job_order_digest")),
    )
    op.create_index(op.f("ix_job_order_node_state_sequence"), "job_order", ["node", "state", "sequence"], unique=False)
    op.create_index(op.f("ix_job_order_researcher"), "job_order", ["researcher"], unique=False)
    op.create_table(
        "roster_member",
        sa.Column("roster", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["roster"], ["roster.digest"], name=op.f("fk_roster_member_roster")),
        sa.PrimaryKeyConstraint("roster", "person", name=op.f("pk_roster_member")),
    )
    op.create_index(op.f("ix_roster_member_person"), "roster_member", ["person"], unique=False)


def downgrade() -> None:
    """Undo."""
    for table in (
        "roster_member",
        "job_order",
        "approval",
        "status",
        "roster",
        "algorithm",
        "accreditation",
        "node_seen",
        "key_holder",
        "image",
        "event",
        "document",
        "catalogue",
        "assertion_seen",
        "access_token",
    ):
        op.drop_table(table)
