"""Mirrors that a node caught relaying the primary, with how."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from oracle.model import FundId, MirrorId
from oracle.store.db import insert_new, reading, writing
from oracle.store.observations import now_ms
from oracle.store.past import forget_before
from oracle.store.tables import sightings as rows_of


class How(StrEnum):
    """What gave it away."""

    CANARY = "canary"
    """It answered what only the primary can answer."""
    ECHO = "echo"
    """The primary was asked for what only this mirror had been asked for."""


def record_sighting(
    engine: sa.Engine, node: str, fund: FundId, mirror: MirrorId, epoch: int, how: How, detail: str
) -> None:
    """Stores that a mirror relays; of one epoch and kind the first stays."""
    key = {"fund": fund, "mirror": mirror, "epoch": epoch, "node": node, "how": how.value}
    with writing(engine) as connection:
        insert_new(connection, rows_of, [key | {"detail": detail[:200], "at_ms": now_ms()}])


def relaying(engine: sa.Engine, node: str, fund: FundId, epoch: int) -> frozenset[MirrorId]:
    """The mirrors that one node caught in an epoch."""
    rows = rows_of.c
    query = sa.select(rows.mirror).where(rows.fund == fund, rows.epoch == epoch, rows.node == node)
    with reading(engine) as connection:
        return frozenset(MirrorId(mirror) for mirror in connection.execute(query).scalars())


def forget_sightings(engine: sa.Engine, before_epoch: int) -> int:
    """Deletes what was seen in epochs before `before_epoch`, whose bundles say it too, and says how many rows."""
    return forget_before(engine, rows_of, before_epoch)
