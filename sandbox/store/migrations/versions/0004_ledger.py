"""Let the ledger hold more than charges, and remember restores and policies."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NO_REFUND = "rho_nano > 0 OR (rho_nano = 0 AND kind IN ('policy', 'reserve', 'restore'))"


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=16), server_default="charge", nullable=False))
        batch_op.add_column(sa.Column("evidence", sa.String(length=64), nullable=True))
        batch_op.drop_constraint(op.f("ck_ledger_entry_no_refund"), type_="check")
        batch_op.create_check_constraint(op.f("ck_ledger_entry_no_refund"), NO_REFUND)
    op.create_table(
        "ledger_restore",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("witnessed_sequence", sa.BigInteger(), nullable=False),
        sa.Column("witnessed_head", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("restored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ledger_restore")),
    )
    op.create_table(
        "ledger_witness",
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("restore", sa.String(length=64), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("algorithm", sa.String(length=64), nullable=False),
        sa.Column("rho_nano", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["restore"], ["ledger_restore.digest"], name=op.f("fk_ledger_witness_restore")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_ledger_witness")),
    )
    op.create_table(
        "policy_seen",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy_seen")),
    )


def downgrade() -> None:
    """Undo the change; entries that are no charges have no place in the older table."""
    op.drop_table("policy_seen")
    op.drop_table("ledger_witness")
    op.drop_table("ledger_restore")
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_ledger_entry_no_refund"), type_="check")
        batch_op.create_check_constraint(op.f("ck_ledger_entry_no_refund"), "rho_nano > 0")
        batch_op.drop_column("evidence")
        batch_op.drop_column("kind")
