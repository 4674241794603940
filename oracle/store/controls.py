"""How this node's own control targets answered: what it needs to know of itself before it speaks of others."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from oracle.store.db import reading, upsert, writing
from oracle.store.tables import control_checks

CLOCK_TOLERANCE_MS = 10_000
"""How far this node's clock may be from that of most of its control targets."""
_KEPT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ControlCheck:
    """One asking of all control targets: how many there were, how many gave no HTTP answer, and by how much this
    node's clock is ahead of the median of theirs (None if none told)."""

    at_ms: int
    asked: int
    failed: int
    skew_ms: int | None = None

    @property
    def doubt(self) -> str:
        """Why this node must doubt itself, "" if it need not."""
        if 2 * self.failed > self.asked:
            return f"{self.failed} of this node's {self.asked} control targets failed"
        if self.skew_ms is not None and abs(self.skew_ms) > CLOCK_TOLERANCE_MS:
            return f"this node's clock is {self.skew_ms} ms ahead of its control targets'"
        return ""


def record_control_check(engine: sa.Engine, node: str, check: ControlCheck) -> None:
    """Stores a check, and forgets those of more than a day ago."""
    rows = control_checks.c
    row = {name: getattr(check, name) for name in ControlCheck.__slots__}
    with writing(engine) as connection:
        upsert(connection, control_checks, [row | {"node": node}])
        old = sa.and_(rows.node == node, rows.at_ms < check.at_ms - _KEPT_MS)
        connection.execute(sa.delete(control_checks).where(old))


def control_checks_since(engine: sa.Engine, node: str, since_ms: int) -> list[ControlCheck]:
    """This node's checks from a moment on, oldest first."""
    rows = control_checks.c
    query = sa.select(rows.at_ms, rows.asked, rows.failed, rows.skew_ms)
    query = query.where(rows.node == node, rows.at_ms >= since_ms).order_by(rows.at_ms)
    with reading(engine) as connection:
        return [ControlCheck(*row) for row in connection.execute(query)]
