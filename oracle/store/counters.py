"""What a node has counted since its store was made: kept up in the transactions that it tells of, never taken back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import sqlalchemy as sa

from oracle.store.db import add_up, writing
from oracle.store.tables import counters as rows_of


class Counted(StrEnum):
    """What is counted, some of it by a label."""

    VOTES = "votes"
    """By reason."""
    REQUESTS = "requests"
    BYTES = "bytes"
    SHARDS = "shards"
    """By what became of them: measured, missed (they came too late) or dropped (the chain was not known in time)."""
    LAG_MS = "lag_ms"
    """How late shards were: all together."""


Counts = Mapping[tuple[Counted, str], int]
"""By name and label, "" for none."""


def count_in(connection: sa.Connection, node: str, counts: Counts) -> None:
    """Adds to a node's counters, inside the caller's transaction."""
    rows = [
        {"node": node, "name": name.value, "label": label, "value": value} for (name, label), value in counts.items()
    ]
    add_up(connection, rows_of, rows, added=("value",))


def count(engine: sa.Engine, node: str, counts: Counts) -> None:
    """Adds to a node's counters."""
    with writing(engine) as connection:
        count_in(connection, node, counts)


def counters(connection: sa.Connection, node: str) -> dict[tuple[Counted, str], int]:
    """A node's counters."""
    rows = connection.execute(
        sa.select(rows_of).where(rows_of.c.node == node).order_by(rows_of.c.name, rows_of.c.label)
    )
    return {(Counted(row.name), row.label): row.value for row in rows}
