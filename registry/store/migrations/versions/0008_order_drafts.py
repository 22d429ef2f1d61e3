"""Orders that were composed on a page and wait for their researcher's own machine to sign them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_DIGEST = sa.String(length=64)
_SLUG = sa.String(length=100)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "order_draft",
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("researcher", _SLUG, nullable=False),
        sa.Column("algorithm", _DIGEST, nullable=False),
        sa.Column("choices", sa.LargeBinary(), nullable=False),
        sa.Column("handover", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["algorithm"], ["algorithm.digest"], name=op.f("fk_order_draft_algorithm")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_order_draft")),
    )
    op.create_index(op.f("ix_order_draft_researcher"), "order_draft", ["researcher"])
    op.create_index(op.f("ix_order_draft_handover"), "order_draft", ["handover"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("order_draft")
