"""Alembic's entry: runs on the connection that `registry.store.schema` hands over."""

from alembic import context

from registry.store import account, draft, log, rehearsal, tables, tables_message, tables_review
from registry.store.base import Base

_ = account, draft, log, rehearsal, tables, tables_message, tables_review  # the imports fill the metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=False
)
with context.begin_transaction():
    context.run_migrations()
