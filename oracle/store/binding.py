"""What binds in an epoch for all funds of a committee at once: as `oracle.store.ledger`, in few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa

from oracle.model import Digest, Epoch, FundId, MirrorId
from oracle.store import facts, tables
from oracle.store.db import chunks, reading
from oracle.store.history import KEPT
from oracle.store.ledger import Mirror, Release

_MIRRORS = sa.select(*(tables.mirrors.c[name] for name in Mirror.__slots__))


def chain_view(engine: sa.Engine) -> tuple[int, str]:
    """The newest indexed block: while it is the same, so is all that is read here."""
    indexed = facts.get(engine, facts.INDEXED) or {}
    return int(indexed.get("block", -1)), str(indexed.get("hash", ""))


def mirror_ids(engine: sa.Engine, epoch: int) -> dict[FundId, tuple[MirrorId, ...]]:
    """The mirrors that count in the epoch, ascending, by fund."""
    rows = tables.mirrors.c
    counts = sa.and_(rows.start_epoch <= epoch, sa.or_(rows.end_epoch.is_(None), rows.end_epoch > epoch))
    found: defaultdict[FundId, list[MirrorId]] = defaultdict(list)
    with reading(engine) as connection:
        for fund, mirror in connection.execute(sa.select(rows.fund, rows.mirror).where(counts).order_by(rows.mirror)):
            found[fund].append(mirror)
    return {fund: tuple(ids) for fund, ids in found.items()}


def mirrors_among(engine: sa.Engine, ids: Collection[MirrorId]) -> dict[MirrorId, Mirror]:
    """Mirrors by their numbers."""
    found: dict[MirrorId, Mirror] = {}
    with reading(engine) as connection:
        for some in chunks(ids):
            for row in connection.execute(_MIRRORS.where(tables.mirrors.c.mirror.in_(some))):
                found[MirrorId(row.mirror)] = Mirror(*row)
    return found


def releases_of_funds(engine: sa.Engine) -> dict[FundId, tuple[Release, ...]]:
    """The last releases of all funds, newest first, those too that do not bind yet."""
    rows = tables.releases.c
    place = sa.func.row_number().over(partition_by=rows.fund, order_by=rows.sequence.desc()).label("place")
    newest = sa.select(tables.releases, place).subquery()
    query = sa.select(newest).where(newest.c.place <= KEPT).order_by(newest.c.fund, newest.c.place)
    found: defaultdict[FundId, list[Release]] = defaultdict(list)
    with reading(engine) as connection:
        for row in connection.execute(query):
            release = Release(FundId(row.fund), row.sequence, Epoch(row.binds_from), Digest(row.digest), row.url)
            found[release.fund].append(release)
    return {fund: tuple(releases) for fund, releases in found.items()}
