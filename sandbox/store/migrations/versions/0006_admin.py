"""Remember the admins of the node's page, their sessions, and the policies that they confirm by twos."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    _make_people()
    _make_policies()


def _make_people() -> None:
    op.create_table(
        "admin",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("invited_at", sa.BigInteger(), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=True),
        sa.Column("code_until", sa.BigInteger(), nullable=True),
        sa.Column("credential", sa.LargeBinary(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_admin")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_admin_code_digest")),
        sa.UniqueConstraint("credential", name=op.f("uq_admin_credential")),
    )
    op.create_table(
        "admin_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_admin_session")),
        sa.ForeignKeyConstraint(["name"], ["admin.name"], name=op.f("fk_admin_session_name")),
    )
    op.create_index(op.f("ix_admin_session_name"), "admin_session", ["name"])
    op.create_table(
        "admin_challenge",
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("challenge", name=op.f("pk_admin_challenge")),
    )


def _make_policies() -> None:
    op.create_table(
        "policy_proposal",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_by", sa.String(length=100), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_proposal")),
    )
    op.create_table(
        "policy_consent",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "name", name=op.f("pk_policy_consent")),
        sa.ForeignKeyConstraint(["digest"], ["policy_proposal.digest"], name=op.f("fk_policy_consent_digest")),
        sa.ForeignKeyConstraint(["name"], ["admin.name"], name=op.f("fk_policy_consent_name")),
    )


def downgrade() -> None:
    """Undo the change."""
    for table in ("policy_consent", "policy_proposal", "admin_challenge", "admin_session", "admin"):
        op.drop_table(table)
