"""What was asked of mirrors in an epoch, against the published budget, and who failed a question of a special kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields

import sqlalchemy as sa

from oracle.model import FundId, MirrorId
from oracle.store.db import Row, add_up, reading, writing
from oracle.store.past import forget_before
from oracle.store.tables import tallies as rows_of

_ADDED = ("requests", "bytes", "read_requests", "read_bytes")
_LAST = ("hidden", "cold_failed", "hidden_path", "certificate_expires_s")


@dataclass(frozen=True, slots=True)
class Tally:
    """What one node has asked of a mirror: requests made and bytes received in slots, and in complete reads.

    `hidden` if it failed when it was last asked from elsewhere, for `hidden_path`; `cold_failed` if it failed when it
    was last asked for a cold file.
    """

    mirror: MirrorId
    requests: int = 0
    bytes: int = 0
    hidden: bool = False
    cold_failed: bool = False
    read_requests: int = 0
    read_bytes: int = 0
    hidden_path: str = ""


_TOLD = [rows_of.c[one.name] for one in fields(Tally)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be added to a tally; None leaves what was known."""

    mirror: MirrorId
    requests: int = 0
    bytes: int = 0
    hidden: bool | None = None
    cold_failed: bool | None = None
    read_requests: int = 0
    read_bytes: int = 0
    hidden_path: str | None = None
    certificate_expires_s: int | None = None


def tallies(engine: sa.Engine, fund: FundId, epoch: int, node: str) -> dict[MirrorId, Tally]:
    """One node's tallies of a fund's epoch, by mirror; PRIMARY is one."""
    rows = rows_of.c
    query = sa.select(*_TOLD).where(rows.fund == fund, rows.epoch == epoch, rows.node == node)
    with reading(engine) as connection:
        return {MirrorId(row.mirror): Tally(*row) for row in connection.execute(query)}


def tallies_of(
    engine: sa.Engine, node: str, epoch: int, members: Mapping[FundId, Collection[MirrorId]]
) -> dict[FundId, dict[MirrorId, Tally]]:
    """One node's tallies of these mirrors in an epoch, by fund and mirror; PRIMARY is one."""
    rows = rows_of.c
    query = sa.select(*_TOLD).where(rows.epoch == epoch, rows.node == node)
    found = {}
    with reading(engine) as connection:
        for fund, ids in members.items():
            told = connection.execute(query.where(rows.fund == fund, rows.mirror.in_(ids)))
            found[fund] = {MirrorId(row.mirror): Tally(*row) for row in told}
    return found


def add_to_tallies(engine: sa.Engine, fund: FundId, epoch: int, node: str, asked: Iterable[Asked]) -> None:
    """Adds to one node's tallies of a fund's epoch, all at once."""
    with writing(engine) as connection:
        add_in(connection, epoch, node, [(fund, one) for one in asked])


def add_in(connection: sa.Connection, epoch: int, node: str, asked: Iterable[tuple[FundId, Asked]]) -> None:
    """Adds to one node's tallies of an epoch, of several funds, inside the caller's transaction."""
    alike: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for fund, one in asked:
        told = {name: value for name in _LAST if (value := getattr(one, name)) is not None}
        row = {"fund": fund, "mirror": one.mirror, "epoch": epoch, "node": node}
        row |= {name: getattr(one, name) for name in _ADDED}
        row |= {"hidden": False, "cold_failed": False, "hidden_path": "", "certificate_expires_s": None}
        alike[tuple(told)].append(row | told)
    for names, rows in alike.items():
        add_up(connection, rows_of, rows, added=_ADDED, replaced=names)


@dataclass(frozen=True, slots=True)
class Load:
    """What one node has asked of a mirror in an epoch, in slots and in complete reads, for showing; and when the
    certificate expires that it showed last (Unix time)."""

    node: str
    requests: int
    bytes: int
    certificate_expires_s: int | None = None


def load_of(connection: sa.Connection, fund: int, mirror: int, epoch: int) -> list[Load]:
    """What each node has asked of a mirror in an epoch."""
    rows = rows_of.c
    asked = rows.requests + rows.read_requests, rows.bytes + rows.read_bytes
    query = sa.select(rows.node, *asked, rows.certificate_expires_s)
    query = query.where(rows.fund == fund, rows.mirror == mirror, rows.epoch == epoch).order_by(rows.node)
    return [Load(*row) for row in connection.execute(query)]


def forget_tallies(engine: sa.Engine, before_epoch: int) -> int:
    """Deletes what was counted in epochs before `before_epoch`, and says how many rows."""
    return forget_before(engine, rows_of, before_epoch)
