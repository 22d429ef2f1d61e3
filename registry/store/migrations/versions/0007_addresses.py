"""Mail addresses are confirmed: what was asked for, and letters to another address than the person's own."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("mail", sa.Column("address", sa.String(length=254)))
    op.create_table(
        "address_request",
        sa.Column("person", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("message", _BIG, nullable=False),
        sa.Column("hash", sa.String(length=64)),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["message"], ["message.sequence"], name=op.f("fk_address_request_message")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_address_request")),
    )
    op.create_index(op.f("ix_address_request_message"), "address_request", ["message"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("address_request")
    op.drop_column("mail", "address")
