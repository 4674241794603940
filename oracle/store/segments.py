"""Segments of raw votes as they were when their bundle was signed: kept longer than the votes, for they are small."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from oracle.model import Digest, Epoch, FundId
from oracle.store.db import reading, upsert, writing
from oracle.store.tables import segments as rows_of


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment: `body` packed, `digest` that of what was packed, `votes` how many it has."""

    node: str
    fund: FundId
    epoch: Epoch
    digest: Digest
    votes: int
    body: bytes


def save_segments(engine: sa.Engine, made: list[StoredSegment]) -> None:
    """Keeps segments, in place of earlier ones of the same node, fund and epoch."""
    with writing(engine) as connection:
        upsert(connection, rows_of, [asdict(one) for one in made])


def load_segment(engine: sa.Engine, fund: int, epoch: int, node: str) -> StoredSegment | None:
    """A node's segment of a fund's epoch; None if there is none, or none any more."""
    rows = rows_of.c
    query = sa.select(rows_of).where(rows.fund == fund, rows.epoch == epoch, rows.node == node)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return StoredSegment(**row._mapping) if row else None


def segment_digests(engine: sa.Engine, epoch: int, node: str) -> dict[FundId, Digest]:
    """The digests of a node's segments of an epoch, by fund."""
    rows = rows_of.c
    query = sa.select(rows.fund, rows.digest).where(rows.epoch == epoch, rows.node == node).order_by(rows.fund)
    with reading(engine) as connection:
        return {FundId(fund): Digest(digest) for fund, digest in connection.execute(query)}


def forget_segments(engine: sa.Engine, before_epoch: int) -> int:
    """Deletes the segments of epochs before `before_epoch`, and says how many."""
    with writing(engine) as connection:
        return connection.execute(sa.delete(rows_of).where(rows_of.c.epoch < before_epoch)).rowcount
