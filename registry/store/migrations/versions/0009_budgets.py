"""What nodes tell of the budgets of their datasets."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "told_budget",
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("budgets", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_told_budget")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("told_budget")
