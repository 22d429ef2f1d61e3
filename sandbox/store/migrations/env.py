"""How Alembic reaches the node's database: through the engine that it is given, never by an address of its own."""

from alembic import context

import sandbox.store.admin
import sandbox.store.checks
import sandbox.store.ledger
import sandbox.store.log
import sandbox.store.policy
import sandbox.store.restore
import sandbox.store.tables  # noqa: F401  registers the tables
from sandbox.store.base import Base

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
