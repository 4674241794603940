"""What mirrors are asked besides files, how much of it, and what it showed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=nullable)


def _node() -> sa.Column[str]:
    return sa.Column("node", sa.String(length=80), nullable=False)


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "ownerships",
        _number("mirror"),
        _node(),
        _number("epoch"),
        _number("asks"),
        _number("proved_epoch", nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        _number("at_ms"),
        sa.PrimaryKeyConstraint("mirror", "node"),
    )
    op.create_table(
        "cold_asks",
        _number("mirror"),
        sa.Column("release", sa.String(length=66), nullable=False),
        _node(),
        _number("file"),
        _number("epoch"),
        _number("echoed", nullable=True),
        _number("control_echoed", nullable=True),
        _number("at_ms"),
        sa.PrimaryKeyConstraint("mirror", "release", "node", "file"),
    )
    op.create_table(
        "tallies",
        _number("fund"),
        _number("mirror"),
        _number("epoch"),
        _node(),
        _number("requests"),
        _number("bytes"),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("cold_failed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "mirror", "epoch", "node"),
    )
    op.create_table(
        "sightings",
        _number("fund"),
        _number("mirror"),
        _number("epoch"),
        _node(),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        _number("at_ms"),
        sa.PrimaryKeyConstraint("fund", "mirror", "epoch", "node", "how"),
    )
    op.create_table(
        "control_checks",
        _node(),
        _number("at_ms"),
        _number("asked"),
        _number("failed"),
        _number("skew_ms", nullable=True),
        sa.PrimaryKeyConstraint("node", "at_ms"),
    )
