"""Segments of raw votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "segments",
        sa.Column("node", sa.String(length=80), nullable=False),
        _number("fund"),
        _number("epoch"),
        sa.Column("digest", sa.String(length=66), nullable=False),
        _number("votes"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("node", "fund", "epoch"),
    )
