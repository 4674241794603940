"""When a mirror's certificate expires is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """To this revision."""
    op.add_column("tallies", sa.Column("certificate_expires_s", sa.BigInteger(), nullable=True))
