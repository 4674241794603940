"""One row for what a node has seen of a mirror in an epoch, made of the votes that are there."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from oracle.model import REASONS, Epoch, FundId, MirrorId, Slot, Vote
from oracle.store.observed import observe

revision = "0005"
down_revision = "0004"


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "observed",
        _number("fund"),
        _number("epoch"),
        _number("mirror"),
        sa.Column("node", sa.String(length=80), nullable=False),
        sa.Column("slots", sa.Text(), nullable=False),
        _number("ups"),
        _number("downs"),
        _number("unknowns"),
        _number("latency_sum_ms"),
        _number("latency_most_ms"),
        sa.PrimaryKeyConstraint("fund", "epoch", "mirror", "node"),
    )
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT fund, epoch, mirror, slot, node, reason, latency_ms FROM votes ORDER BY fund, epoch, mirror")
    )
    for _, of_mirror in groupby(rows.all(), key=lambda row: tuple(row[:3])):
        by_node = sorted(of_mirror, key=lambda row: row.node)
        for node, cast in groupby(by_node, key=lambda row: row.node):
            observe(connection, node, [_vote(row) for row in cast])


def _vote(row: Any) -> Vote:
    fund, epoch, mirror, slot, _, reason, latency_ms = row
    return Vote(FundId(fund), MirrorId(mirror), Epoch(epoch), Slot(slot), REASONS[reason], latency_ms=latency_ms)
