"""One event of the contracts as the store keeps it, and what folding one into a table comes down to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oracle.model import Clock


@dataclass(frozen=True, slots=True)
class Log:
    """One event of our contracts, as the row in `logs` keeps it."""

    block_hash: str
    log_index: int
    block_number: int
    block_timestamp_s: int
    tx_hash: str
    contract: str
    event: str
    args: Mapping[str, Any]


Fold = Callable[[sa.Connection, Log, Clock], None]
"""Applies one event; the events before it have been applied, each once."""


def add(connection: sa.Connection, table: sa.Table, **values: Any) -> None:
    """A new row."""
    connection.execute(sa.insert(table).values(values))


def change(connection: sa.Connection, table: sa.Table, *key: Any, **values: Any) -> None:
    """Other values in the row of this primary key."""
    columns = list(table.primary_key)
    condition = sa.and_(*(column == value for column, value in zip(columns, key, strict=True)))
    connection.execute(sa.update(table).where(condition).values(values))


def increase(connection: sa.Connection, column: sa.Column[Any], key: int, amount_wei: int) -> None:
    """Adds to an amount, which is text in the database, in the row of this primary key."""
    (id_column,) = column.table.primary_key
    before = connection.execute(sa.select(column).where(id_column == key)).scalar_one()
    change(connection, column.table, key, **{column.name: before + amount_wei})


def raw_text(args: Mapping[str, Any], name: str) -> bytes:
    """A text's bytes as they are on the chain (see `oracle.chain.events`)."""
    raw = args.get(f"{name}Raw")
    return args[name].encode() if raw is None else bytes.fromhex(raw[2:])
