"""The transparency log: leaves, hashes of subtrees, preimages. Documents that are here are logged at the next start."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "log_size",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("size", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_size")),
    )
    op.create_table(
        "log_hash",
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_hash")),
    )
    op.create_table(
        "log_leaf",
        sa.Column("position", _BIG, autoincrement=False, nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("leaf", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["document.digest"], name=op.f("fk_log_leaf_document")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log_leaf")),
        sa.UniqueConstraint("document", name=op.f("uq_log_leaf_document")),
    )
    op.create_table(
        "log_preimage",
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["document.digest"], name=op.f("fk_log_preimage_document")),
        sa.PrimaryKeyConstraint("document", name=op.f("pk_log_preimage")),
    )
    op.execute("INSERT INTO log_size (id, size) VALUES (1, 0)")


def downgrade() -> None:
    """Undo."""
    for table in ("log_preimage", "log_leaf", "log_hash", "log_size"):
        op.drop_table(table)
