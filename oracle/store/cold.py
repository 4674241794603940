"""Which cold files were asked of whom: written before the question, so that none is asked twice, whatever is killed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.model import MirrorId
from oracle.store.db import insert_new, reading, writing
from oracle.store.observations import now_ms
from oracle.store.tables import cold_asks


@dataclass(frozen=True, slots=True)
class Echo:
    """Whether the primary was asked for a cold file when a mirror was, and for another that nobody was asked for."""

    mirror: MirrorId
    file: int
    echoed: bool
    control_echoed: bool


@dataclass(frozen=True, slots=True)
class Echoes:
    """Of the cold files that a mirror was asked for in an epoch while the primary's log was heard: how many there were,
    how many echoed, and how many of their controls."""

    asked: int
    echoed: int
    controls_echoed: int


def asked_files(engine: sa.Engine, node: str, release: str, mirrors: Iterable[MirrorId]) -> dict[MirrorId, set[int]]:
    """For each mirror the files, by their place in the manifest, that one node has asked it for."""
    rows = cold_asks.c
    found: dict[MirrorId, set[int]] = {mirror: set() for mirror in mirrors}
    query = sa.select(rows.mirror, rows.file)
    query = query.where(rows.node == node, rows.release == release, rows.mirror.in_(list(found)))
    with reading(engine) as connection:
        for mirror, file in connection.execute(query):
            found[MirrorId(mirror)].add(file)
    return found


def recent_files(engine: sa.Engine, node: str, release: str, since_ms: int) -> frozenset[int]:
    """The files that one node has asked any mirror for since a moment."""
    rows = cold_asks.c
    query = sa.select(rows.file).where(rows.node == node, rows.release == release, rows.at_ms >= since_ms)
    with reading(engine) as connection:
        return frozenset(connection.execute(query).scalars())


def take_all(
    engine: sa.Engine, node: str, release: str, epoch: int, wanted: Mapping[MirrorId, int]
) -> dict[MirrorId, int]:
    """Those of the files, by mirror, that are this caller's to ask for: not asked for before."""
    same = {"release": release, "node": node, "epoch": epoch, "at_ms": now_ms()}
    with writing(engine) as connection:
        rows = {mirror: [same | {"mirror": mirror, "file": file}] for mirror, file in wanted.items()}
        return {mirror: wanted[mirror] for mirror, row in rows.items() if insert_new(connection, cold_asks, row) == 1}


def take(engine: sa.Engine, node: str, mirror: MirrorId, release: str, file: int, epoch: int) -> bool:
    """Whether the file is this caller's to ask for: false if it was asked for already."""
    row = {"mirror": mirror, "release": release, "node": node, "file": file, "epoch": epoch, "at_ms": now_ms()}
    with writing(engine) as connection:
        return insert_new(connection, cold_asks, [row]) == 1


def record_echoes(engine: sa.Engine, node: str, release: str, heard: Iterable[Echo]) -> None:
    """Stores what was heard of files that were asked for."""
    rows = cold_asks.c
    with writing(engine) as connection:
        for one in heard:
            which = (rows.mirror == one.mirror, rows.release == release, rows.node == node, rows.file == one.file)
            told = {"echoed": int(one.echoed), "control_echoed": int(one.control_echoed)}
            connection.execute(sa.update(cold_asks).where(*which).values(told))


def echoes(engine: sa.Engine, node: str, release: str, epoch: int) -> dict[MirrorId, Echoes]:
    """What one node heard in an epoch, by mirror."""
    rows = cold_asks.c
    query = (
        sa.select(rows.mirror, sa.func.count(), sa.func.sum(rows.echoed), sa.func.sum(rows.control_echoed))
        .where(rows.node == node, rows.release == release, rows.epoch == epoch, rows.echoed.is_not(None))
        .group_by(rows.mirror)
    )
    with reading(engine) as connection:
        return {
            MirrorId(mirror): Echoes(asked, int(echoed), int(controls))
            for mirror, asked, echoed, controls in connection.execute(query)
        }


def forget_cold_asks(engine: sa.Engine, gone: Iterable[str]) -> int:
    """Deletes what was asked of releases that are gone for good, and says how many rows."""
    with writing(engine) as connection:
        return connection.execute(sa.delete(cold_asks).where(cold_asks.c.release.in_(list(gone)))).rowcount
