"""Keep how many decimals a figure was published with."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `results.digits`; figures that are there already were shown with four."""
    with op.batch_alter_table("results") as table:
        table.add_column(sa.Column("digits", sa.Integer(), nullable=False, server_default="4"))
