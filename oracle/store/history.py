"""A fund's releases through time, and what this node saw just before."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from oracle.model import REASONS, Digest, Epoch, FundId, MirrorId, Reason
from oracle.store.db import reading
from oracle.store.ledger import Release
from oracle.store.tables import releases, votes

KEPT = 8
"""So many releases back a mirror's bytes are still known as old ones."""


def releases_of(engine: sa.Engine, fund: int) -> tuple[Release, ...]:
    """A fund's last releases, newest first, those too that do not bind yet."""
    rows = releases.c
    query = sa.select(releases).where(rows.fund == fund).order_by(rows.sequence.desc()).limit(KEPT)
    with reading(engine) as connection:
        return tuple(
            Release(FundId(row.fund), row.sequence, Epoch(row.binds_from), Digest(row.digest), row.url)
            for row in connection.execute(query)
        )


def gone_releases(engine: sa.Engine, fund: int) -> list[str]:
    """A fund's releases that are too old to be spoken of."""
    rows = releases.c
    query = sa.select(rows.digest).where(rows.fund == fund).order_by(rows.sequence.desc()).offset(KEPT)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def reasons_at(
    engine: sa.Engine, node: str, epoch: int, slot: int, members: Mapping[FundId, Collection[MirrorId]]
) -> dict[FundId, dict[MirrorId, Reason]]:
    """One node's votes in a slot on these mirrors, by fund and mirror."""
    rows = votes.c
    query = sa.select(rows.mirror, rows.reason)
    query = query.where(rows.epoch == epoch, rows.slot == slot, rows.node == node)
    found = {}
    with reading(engine) as connection:
        for fund, ids in members.items():
            told = connection.execute(query.where(rows.fund == fund, rows.mirror.in_(ids)))
            found[fund] = {MirrorId(mirror): REASONS[reason] for mirror, reason in told}
    return found


def slot_before(epoch: int, slot: int, slots: int) -> tuple[int, int]:
    """The epoch and the slot before; at an epoch's first slot the last of the epoch before."""
    return (epoch, slot - 1) if slot else (epoch - 1, slots - 1)
