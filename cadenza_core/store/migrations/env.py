"""What Alembic runs: the migrations on a connection that it is given, in the transaction that is already open."""

from alembic import context

from cadenza_core.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters little: a table is copied
    transaction_per_migration=False,
)
context.run_migrations()
