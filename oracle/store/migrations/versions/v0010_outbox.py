"""What was sent is kept until a block decides it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "outbox",
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "purpose"),
    )
