"""Votes say how long a round trip took, and which shared platform the name led to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """To this revision."""
    op.add_column("votes", sa.Column("rtt_us", sa.BigInteger(), nullable=True))
    op.add_column("votes", sa.Column("platform", sa.String(length=64), nullable=False, server_default=""))
