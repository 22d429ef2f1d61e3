"""Reports of rehearsals, by version, node and catalogue entry."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "rehearsal",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("algorithm", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("dataset", sa.String(length=100), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.Column("fit", sa.Boolean(), nullable=False),
        sa.Column("issued", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["algorithm"], ["algorithm.digest"], name=op.f("fk_rehearsal_algorithm")),
        sa.ForeignKeyConstraint(["digest"], ["document.digest"], name=op.f("fk_rehearsal_digest")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_rehearsal")),
        sa.UniqueConstraint("algorithm", "node", "entry", name=op.f("uq_rehearsal_algorithm_node_entry")),
        sa.UniqueConstraint("digest", name=op.f("uq_rehearsal_digest")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("rehearsal")
