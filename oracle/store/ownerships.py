"""Which hosts name their mirror's operator, as one node has heard it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oracle.model import REASONS, MirrorId, Reason
from oracle.store.db import chunks, reading, upsert, writing
from oracle.store.observations import now_ms
from oracle.store.tables import ownerships as rows_of

UNHEARD = frozenset({Reason.DNS, Reason.CONNECT, Reason.ADDRESS_REFUSED, Reason.NOT_MEASURED})
"""What never reached the host, so that it was not asked."""

_HEARD = sa.select(
    *(rows_of.c[name] for name in ("mirror", "epoch", "asks", "proved_epoch", "reason", "detail", "at_ms"))
)


@dataclass(frozen=True, slots=True)
class Ownership:
    """What a host said when it was last asked: in `epoch`, for the `asks`th time in it. `proved_epoch` is when it last
    named the operator."""

    mirror: MirrorId
    epoch: int
    asks: int
    proved_epoch: int | None
    reason: Reason
    detail: str
    at_ms: int

    def holds(self, epoch: int) -> bool:
        """Whether the host is known to be the operator's: it said so in this epoch or the one before, and has not
        said otherwise since."""
        proved = self.proved_epoch is not None and self.proved_epoch >= epoch - 1
        return proved and self.reason is not Reason.NOT_OWNER

    def may_ask(self, epoch: int, before_ms: int, *, suspect: bool = False) -> bool:
        """Whether it may be asked (again): once an epoch; again, if that was before `before_ms`, only where the
        question never reached it, or where it proved itself in this epoch or the one before. A `suspect`, who answers
        its questions wrongly, is asked though it has proved itself: its name may lead elsewhere by now."""
        if self.epoch != epoch:
            return True
        known = self.proved_epoch is not None and self.proved_epoch >= epoch - 1
        again = suspect if self.reason is Reason.UP else known or self.reason in UNHEARD
        return again and self.at_ms <= before_ms


def ownerships(engine: sa.Engine, node: str) -> dict[MirrorId, Ownership]:
    """What this node has heard, by mirror."""
    query = _HEARD.where(rows_of.c.node == node)
    with reading(engine) as connection:
        return {MirrorId(row.mirror): _from_row(row) for row in connection.execute(query)}


def ownerships_among(engine: sa.Engine, node: str, mirrors: Collection[MirrorId]) -> dict[MirrorId, Ownership]:
    """What this node has heard of these hosts, by mirror."""
    found: dict[MirrorId, Ownership] = {}
    query = _HEARD.where(rows_of.c.node == node)
    with reading(engine) as connection:
        for some in chunks(mirrors):
            for row in connection.execute(query.where(rows_of.c.mirror.in_(some))):
                found[MirrorId(row.mirror)] = _from_row(row)
    return found


def record_ownership(
    engine: sa.Engine, node: str, mirror: MirrorId, epoch: int, reason: Reason, detail: str, at_ms: int | None = None
) -> Ownership:
    """Stores what a host said, in place of what it said before."""
    with writing(engine) as connection:
        query = _HEARD.where(rows_of.c.node == node, rows_of.c.mirror == mirror)
        row = connection.execute(query).first()
        before = _from_row(row) if row else None
        heard = Ownership(
            mirror=mirror,
            epoch=epoch,
            asks=before.asks + 1 if before and before.epoch == epoch else 1,
            proved_epoch=epoch if reason is Reason.UP else before.proved_epoch if before else None,
            reason=reason,
            detail=detail,
            at_ms=now_ms() if at_ms is None else at_ms,
        )
        facts = {name: getattr(heard, name) for name in Ownership.__slots__}
        upsert(connection, rows_of, [facts | {"reason": reason.value, "node": node}])
    return heard


def _from_row(row: Any) -> Ownership:
    mirror, epoch, asks, proved_epoch, reason, detail, at_ms = row
    return Ownership(mirror, epoch, asks, proved_epoch, REASONS[reason], detail, at_ms)
