"""Rows of past epochs, deleted so that nobody has to wait for it."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from oracle.store.db import reading, writing


def forget_before(engine: sa.Engine, table: sa.Table, epoch: int) -> int:
    """Deletes the rows of epochs before this one from a table whose key begins with the fund, and says how many.

    Fund by fund, each in a transaction of its own: no row that stays is read, and others may write in between.
    """
    rows, deleted = table.c, 0
    for fund in list(_funds(engine, table)):
        with writing(engine) as connection:
            gone = sa.delete(table).where(rows.fund == fund, rows.epoch < epoch)
            deleted += connection.execute(gone).rowcount
    return deleted


def _funds(engine: sa.Engine, table: sa.Table) -> Iterator[int]:
    """The funds that have rows: one look into the key for each."""
    fund = table.c.fund
    newest = -1
    with reading(engine) as connection:
        while (found := connection.execute(sa.select(sa.func.min(fund)).where(fund > newest)).scalar()) is not None:
            yield (newest := found)
