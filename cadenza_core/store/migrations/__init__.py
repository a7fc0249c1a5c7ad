"""The schema from version to version (Alembic). A migration that has been released is never changed."""
