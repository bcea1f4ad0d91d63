"""Alembic's entry: runs migrations on the connection that ``ingot.db.schema`` hands in."""

from alembic import context

from ingot.db import models

context.configure(connection=context.config.attributes['connection'], target_metadata=models.metadata,
                  render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
