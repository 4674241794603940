"""How a node's measuring goes, for its operator: read in one transaction, from what is counted as it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from oracle.schedule import slot_at
from oracle.store import facts
from oracle.store.counters import Counted, counters
from oracle.store.moment import Moment
from oracle.store.moment import policy as policy_of
from oracle.store.tables import chain_reports, mirrors, observed, offers, reports

MOST_QUIET_S = 30
"""A worker that has told nothing for so long is not there."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the worker told of itself last: tasks that wait and that are being done, and its processes."""

    at_s: int
    waiting: int
    under_way: int
    processes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A node in the epoch that runs. `slots` gives by the number of slots an epoch has the one that runs; `ups`,
    `downs` and `unknowns` are this node's votes of the epoch, `expected` how many there would be without a gap;
    `counted` is since the store was made; `left_out` says what of the chain the store lacks. None is what is not
    known."""

    node: str
    epoch: int
    epoch_ends_in_s: int
    slots: Mapping[int, int]
    funds: int
    mirrors: int
    ups: int
    downs: int
    unknowns: int
    expected: int
    reported_epoch: int | None
    made_epoch: int | None
    indexed_block: int | None
    indexed_age_s: int | None
    store_bytes: int | None
    vitals: Vitals | None
    left_out: Sequence[str] = ()
    counted: Mapping[tuple[Counted, str], int] = field(default_factory=dict)

    @property
    def coverage_bps(self) -> int | None:
        """How much of the epoch so far is known, of all mirrors together; None at its very start."""
        return min(10_000, 10_000 * (self.ups + self.downs) // self.expected) if self.expected else None

    @property
    def works(self) -> bool:
        """Whether the worker has told of itself lately."""
        return self.vitals is not None

    def to_json(self) -> dict[str, Any]:
        """The fields by name; counters as {name: {label: number}}."""
        told = {name: getattr(self, name) for name in self.__slots__ if name not in ("vitals", "counted", "slots")}
        told |= {"slots": {str(slots): slot for slots, slot in self.slots.items()}, "coverage_bps": self.coverage_bps}
        told["vitals"] = {n: getattr(self.vitals, n) for n in Vitals.__slots__} if self.vitals else None
        by_name: dict[str, dict[str, int]] = {}
        for (name, label), value in self.counted.items():
            by_name.setdefault(name.value, {})[label or "all"] = value
        return told | {"counted": by_name}


def progress(now: Moment, committee: int, node: str) -> Progress:
    """How the measuring of a committee's node goes."""
    connection, epoch = now.connection, now.epoch
    by_fund = _mirrors_by_fund(connection, epoch)
    policies = _slots_by_fund(connection, committee, epoch)
    ups, downs, unknowns = _votes(connection, node, epoch)
    return Progress(
        node=node,
        epoch=epoch,
        epoch_ends_in_s=now.ends_in_s,
        slots={slots: slot_at(now.clock, slots, now.now_ms // 1000)[1] for slots in sorted(set(policies.values()))},
        funds=len(policies),
        mirrors=sum(by_fund.get(fund, 0) for fund in policies),
        ups=ups,
        downs=downs,
        unknowns=unknowns,
        expected=sum((by_fund.get(fund, 0) + 1) * now.measured(epoch, slots) for fund, slots in policies.items()),
        reported_epoch=_newest(connection, chain_reports, committee),
        made_epoch=_newest(connection, reports, committee),
        indexed_block=now.indexed_block,
        indexed_age_s=None if now.indexed_s is None else max(0, now.now_ms // 1000 - now.indexed_s),
        store_bytes=_store_bytes(connection),
        vitals=_vitals(connection, node, now.now_ms // 1000),
        left_out=tuple((facts.get_in(connection, facts.COMPARED) or {}).get("left_out", ())),
        counted=counters(connection, node),
    )


def _mirrors_by_fund(connection: sa.Connection, epoch: int) -> dict[int, int]:
    rows = mirrors.c
    counts = sa.and_(rows.start_epoch <= epoch, sa.or_(rows.end_epoch.is_(None), rows.end_epoch > epoch))
    query = sa.select(rows.fund, sa.func.count()).where(counts).group_by(rows.fund)
    return {row[0]: row[1] for row in connection.execute(query)}


def _slots_by_fund(connection: sa.Connection, committee: int, epoch: int) -> dict[int, int]:
    rows = offers.c
    query = sa.select(rows.fund, rows.committee, rows.policy).where(rows.binds_from <= epoch)
    in_force = {row.fund: row for row in connection.execute(query.order_by(rows.fund, rows.binds_from))}
    return {fund: policy_of(row.policy).slots for fund, row in in_force.items() if row.committee == committee}


def _votes(connection: sa.Connection, node: str, epoch: int) -> tuple[int, int, int]:
    rows = observed.c
    totals = (sa.func.coalesce(sa.func.sum(column), 0) for column in (rows.ups, rows.downs, rows.unknowns))
    ups, downs, unknowns = connection.execute(sa.select(*totals).where(rows.epoch == epoch, rows.node == node)).one()
    return int(ups), int(downs), int(unknowns)


def _newest(connection: sa.Connection, table: sa.Table, committee: int) -> int | None:
    return connection.execute(sa.select(sa.func.max(table.c.epoch)).where(table.c.committee == committee)).scalar()


def _store_bytes(connection: sa.Connection) -> int | None:
    """What the store takes on its disk; with SQLite what is not yet written back too."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
    file = str(connection.engine.url.database)
    paths = [path for path in (Path(file), Path(f"{file}-wal")) if path.exists()]
    return sum(path.stat().st_size for path in paths) if paths else None


def _vitals(connection: sa.Connection, node: str, now_s: int) -> Vitals | None:
    told = facts.get_in(connection, facts.VITALS + node)
    return Vitals(**told) if told and told["at_s"] >= now_s - MOST_QUIET_S else None
