"""Which mirrors may have to be read or asked for their operator: the few of them all, found by the database."""

from __future__ import annotations

import sqlalchemy as sa

from oracle.model import MirrorId, Reason
from oracle.store.db import reading
from oracle.store.tables import admissions, mirrors, ownerships


def unsure_mirrors(engine: sa.Engine, node: str, fund: int, epoch: int, release: str, now: int) -> tuple[MirrorId, ...]:
    """The mirrors of a fund's epoch that this node has not read completely for the release, or whose host has not named
    its operator in the epoch `now` or the one before, ascending."""
    rows, read, owner = mirrors.c, admissions.c, ownerships.c
    is_read = sa.and_(read.mirror == rows.mirror, read.release == release, read.node == node)
    is_heard = sa.and_(owner.mirror == rows.mirror, owner.node == node)
    query = (
        sa.select(rows.mirror)
        .outerjoin(admissions, is_read)
        .outerjoin(ownerships, is_heard)
        .where(
            rows.fund == fund,
            rows.start_epoch <= epoch,
            sa.or_(rows.end_epoch.is_(None), rows.end_epoch > epoch),
            sa.or_(
                sa.func.coalesce(read.reason, "") != Reason.UP.value,
                sa.func.coalesce(owner.proved_epoch, -1) < now - 1,
                owner.reason == Reason.NOT_OWNER.value,
            ),
        )
    )
    with reading(engine) as connection:
        return tuple(MirrorId(mirror) for mirror in connection.execute(query.order_by(rows.mirror)).scalars())
