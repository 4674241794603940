"""The logs as they came, and how far: appended in the chain's order, taken back when the chain reorganises."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from oracle.model import Clock
from oracle.store import facts, tables
from oracle.store.db import insert_new, reading, upsert, writing
from oracle.store.fold import fold
from oracle.store.log import Log

KEPT_BLOCKS = 10_000
"""So many of the newest blocks are kept to compare with; a deeper reorganisation indexes everything again."""
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block that the store has seen; every log up to the newest of them is in the store."""

    number: int
    hash: str
    parent: str
    timestamp_s: int


def tip(engine: sa.Engine) -> KnownBlock | None:
    """The newest block indexed; None before the first."""
    with reading(engine) as connection:
        return _tip(connection)


def known_blocks(engine: sa.Engine) -> list[KnownBlock]:
    """The blocks to compare with the chain, newest first."""
    query = sa.select(tables.blocks).order_by(tables.blocks.c.number.desc())
    with reading(engine) as connection:
        return [KnownBlock(**row._mapping) for row in connection.execute(query)]


def append(
    engine: sa.Engine, after: KnownBlock | None, blocks: Iterable[KnownBlock], logs: Sequence[Log], clock: Clock
) -> bool:
    """Adds what follows the block `after`, all or nothing, and folds it.

    False, and nothing is done, if the store does not end at `after`: another process was first.
    """
    with writing(engine) as connection:
        if not _ends_at(connection, after):
            return False
        rows = [asdict(block) for block in blocks]
        insert_new(connection, tables.blocks, rows)
        for entry in logs:
            if insert_new(connection, tables.logs, [asdict(entry)]):
                fold(connection, entry, clock)
        _forget(connection)
        _note(connection)
    return True


def rewind(engine: sa.Engine, before: KnownBlock, to: KnownBlock | None, clock: Clock) -> bool:
    """Takes back everything after the block `to` (None: everything) and folds the rest again.

    False, and nothing is done, if the store does not end at `before`.
    """
    number = -1 if to is None else to.number
    with writing(engine) as connection:
        if not _ends_at(connection, before):
            return False
        connection.execute(sa.delete(tables.blocks).where(tables.blocks.c.number > number))
        gone = connection.execute(sa.delete(tables.logs).where(tables.logs.c.block_number > number))
        if gone.rowcount:
            _fold_all(connection, clock)
        _note(connection)
    return True


def _fold_all(connection: sa.Connection, clock: Clock) -> None:
    for table in tables.CHAIN_TABLES:
        connection.execute(sa.delete(table))
    for entry in _logs(connection):
        fold(connection, entry, clock)


def _logs(connection: sa.Connection) -> Iterator[Log]:
    """All logs in the chain's order, a chunk at a time."""
    rows = tables.logs.c
    place = sa.tuple_(rows.block_number, rows.log_index)
    after = (-1, -1)
    while True:
        query = sa.select(tables.logs).where(place > sa.tuple_(*after))
        chunk = connection.execute(query.order_by(rows.block_number, rows.log_index).limit(_CHUNK)).all()
        yield from (Log(**row._mapping) for row in chunk)
        if len(chunk) < _CHUNK:
            return
        after = (chunk[-1].block_number, chunk[-1].log_index)


def _ends_at(connection: sa.Connection, block: KnownBlock | None) -> bool:
    """Whether the newest block is this one; on PostgreSQL other writers then wait until we are through."""
    insert_new(connection, tables.facts, [{"name": facts.INDEXED, "value": None}])
    lock = sa.select(tables.facts.c.value).where(tables.facts.c.name == facts.INDEXED).with_for_update()
    connection.execute(lock).all()
    return _tip(connection) == block


def _tip(connection: sa.Connection) -> KnownBlock | None:
    row = connection.execute(sa.select(tables.blocks).order_by(tables.blocks.c.number.desc()).limit(1)).first()
    return KnownBlock(**row._mapping) if row else None


def _note(connection: sa.Connection) -> None:
    """Says in the facts how far we are."""
    newest = _tip(connection)
    value = None
    if newest is not None:
        value = {"block": newest.number, "hash": newest.hash, "timestamp_s": newest.timestamp_s}
        value |= {"at_s": int(time.time())}
    upsert(connection, tables.facts, [{"name": facts.INDEXED, "value": value}])


def _forget(connection: sa.Connection) -> None:
    newest = _tip(connection)
    if newest is not None:
        connection.execute(sa.delete(tables.blocks).where(tables.blocks.c.number < newest.number - KEPT_BLOCKS))
