"""What Alembic runs for each command: on the connection it is given, in batch mode, for SQLite cannot alter a column."""

from alembic import context

from tollway.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
