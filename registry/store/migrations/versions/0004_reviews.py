"""Reviews: their course, requests, declarations, prepared decisions, comments, views; blind votes are logged later.

What had voted or was decided is opened at the time of its last change: former votes were never blind.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SLUG = sa.String(length=100)
_DIGEST = sa.String(length=64)


def _of_algorithm(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["algorithm"], ["algorithm.digest"], name=op.f(f"fk_{table}_algorithm"))


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    """Apply."""
    _widen_state()
    op.add_column("approval", sa.Column("on_registry_page", sa.Boolean(), nullable=False, server_default=sa.false()))
    _courses()
    _words()
    _prepared()
    op.execute("INSERT INTO review_course (algorithm, opened) SELECT digest, changed FROM algorithm")


def _widen_state() -> None:
    """Make room for the longest state, in a way that SQLite knows without copying a table that others refer to."""
    op.execute("ALTER TABLE algorithm RENAME COLUMN state TO state_before")
    op.add_column("algorithm", sa.Column("state", sa.String(length=40), nullable=False, server_default=""))
    op.execute("UPDATE algorithm SET state = CASE state_before WHEN 'submitted' THEN 'in_review' ELSE state_before END")
    op.execute("ALTER TABLE algorithm DROP COLUMN state_before")


def _courses() -> None:
    op.create_table(
        "review_course",
        sa.Column("algorithm", _DIGEST, nullable=False),
        sa.Column("opened", sa.DateTime(timezone=True)),
        sa.Column("returned", sa.DateTime(timezone=True)),
        sa.Column("suspended", sa.DateTime(timezone=True)),
        sa.Column("superseded_by", _DIGEST),
        _of_algorithm("review_course"),
        _key("review_course", "algorithm"),
    )
    op.create_table(
        "review_request",
        sa.Column("algorithm", _DIGEST, nullable=False),
        sa.Column("project", _SLUG, nullable=False),
        sa.Column("persons", sa.JSON(), nullable=False),
        sa.Column("committees", sa.JSON(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("scope", _DIGEST, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _of_algorithm("review_request"),
        _key("review_request", "algorithm", "project"),
    )
    op.create_table(
        "log_later",
        sa.Column("document", _DIGEST, nullable=False),
        sa.ForeignKeyConstraint(["document"], ["document.digest"], name=op.f("fk_log_later_document")),
        _key("log_later", "document"),
    )


def _words() -> None:
    op.create_table(
        "declaration",
        sa.Column("algorithm", _DIGEST, nullable=False),
        sa.Column("committee", _SLUG, nullable=False),
        sa.Column("member", _SLUG, nullable=False),
        sa.Column("conflicted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _of_algorithm("declaration"),
        _key("declaration", "algorithm", "committee", "member"),
    )
    op.create_table(
        "review_comment",
        sa.Column("sequence", _BIG, nullable=False),
        sa.Column("algorithm", _DIGEST, nullable=False),
        sa.Column("committee", _SLUG, nullable=False),
        sa.Column("project", _SLUG, nullable=False),
        sa.Column("author", _SLUG, nullable=False),
        sa.Column("visibility", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _of_algorithm("review_comment"),
        _key("review_comment", "sequence"),
    )
    op.create_index(op.f("ix_review_comment_algorithm"), "review_comment", ["algorithm"])
    op.create_table(
        "review_view",
        sa.Column("algorithm", _DIGEST, nullable=False),
        sa.Column("person", _SLUG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _of_algorithm("review_view"),
        _key("review_view", "algorithm", "person"),
    )
    op.create_index(op.f("ix_review_view_person_at"), "review_view", ["person", "at"])


def _prepared() -> None:
    op.create_table(
        "prepared_decision",
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("algorithm", _DIGEST, nullable=False),
        sa.Column("committee", _SLUG, nullable=False),
        sa.Column("project", _SLUG, nullable=False),
        sa.Column("member", _SLUG, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("checklist", sa.JSON(), nullable=False),
        sa.Column("handover", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _of_algorithm("prepared_decision"),
        _key("prepared_decision", "digest"),
        sa.UniqueConstraint("handover", name=op.f("uq_prepared_decision_handover")),
        sa.UniqueConstraint(
            "algorithm", "committee", "project", "member",
            name=op.f("uq_prepared_decision_algorithm_committee_project_member"),
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_prepared_decision_member"), "prepared_decision", ["member"])


def downgrade() -> None:
    """Undo."""
    for table in (
        "prepared_decision", "review_view", "review_comment", "declaration", "log_later", "review_request",
        "review_course",
    ):  # fmt: skip
        op.drop_table(table)
    op.drop_column("approval", "on_registry_page")
