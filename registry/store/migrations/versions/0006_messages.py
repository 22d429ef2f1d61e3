"""Messages: inbox, outgoing mail, addresses, days that had their digest."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SLUG = sa.String(length=100)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "message",
        sa.Column("sequence", _BIG, nullable=False),
        sa.Column("person", _SLUG, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_message")),
        sa.UniqueConstraint("person", "key", name=op.f("uq_message_person_key")),
    )
    op.create_table(
        "mail",
        sa.Column("message", _BIG, nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["message"], ["message.sequence"], name=op.f("fk_mail_message")),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_mail")),
    )
    op.create_index(op.f("ix_mail_sent_due"), "mail", ["sent", "due"])
    op.create_table(
        "mail_address",
        sa.Column("person", _SLUG, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_mail_address")),
    )
    op.create_table(
        "digest_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_digest_day")),
    )


def downgrade() -> None:
    """Undo."""
    for table in ("digest_day", "mail_address", "mail", "message"):
        op.drop_table(table)
