"""Remember on which machine a job was charged: there it is staged, and there its chambers run."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column("job", sa.Column("machine", sa.String(length=100), nullable=True))


def downgrade() -> None:
    """Undo the change."""
    with op.batch_alter_table("job") as table:
        table.drop_column("machine")
