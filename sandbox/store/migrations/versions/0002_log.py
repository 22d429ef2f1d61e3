"""Remember the transparency log that the registry shows, and the proofs that jobs rest on."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "log_seen",
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("alarm", sa.String(length=100), nullable=True),
        sa.Column("alarm_sentence", sa.Text(), nullable=True),
        sa.Column("alarm_checkpoint", sa.Text(), nullable=True),
        sa.Column("alarm_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_log_seen")),
    )
    op.create_table(
        "job_proofs",
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("proofs", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_proofs_job_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_proofs")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("job_proofs")
    op.drop_table("log_seen")
