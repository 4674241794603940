"""What complete reads asked is counted apart from what slots did; which path was not served elsewhere is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """To this revision."""
    for name in ("read_requests", "read_bytes"):
        op.add_column("tallies", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("tallies", sa.Column("hidden_path", sa.Text(), nullable=False, server_default=""))
