"""Remember which trust roots were in effect, and what the admin decided about rosters."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "trust_root_seen",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_trust_root_seen")),
    )
    with op.batch_alter_table("roster_seen", schema=None) as batch_op:
        batch_op.add_column(sa.Column("envelope", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("decision", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("decided_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Undo the change."""
    with op.batch_alter_table("roster_seen", schema=None) as batch_op:
        batch_op.drop_column("decided_at")
        batch_op.drop_column("decision")
        batch_op.drop_column("envelope")
    op.drop_table("trust_root_seen")
