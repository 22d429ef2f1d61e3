"""Remember what the node saw of its own parts: workers, loops, broker, engine, chambers, accreditation."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "observation",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("well_at", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=100), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_observation")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("observation")
