"""What the store has of the chain, counted as the contracts count it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.merkle import NO_MIRRORS
from oracle.model import Digest, FundId
from oracle.store import facts, tables
from oracle.store.db import reading

_COUNTED = {"funds": "FundCreated", "deposits": "Deposited", "mirrors": "MirrorRegistered"}
"""By what the fund contract counts, the event that tells of one more."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All as of one block: how many funds, deposits and mirrors there are and how many versions a committee has had;
    for each fund that was asked for the digest of its mirrors, and of its latest release (None: the store has none)."""

    block: int
    counts: dict[str, int]
    versions: int
    mirrors: dict[FundId, Digest]
    releases: dict[FundId, Digest | None]


def inventory(engine: sa.Engine, committee: int, funds: Iterable[FundId]) -> Inventory | None:
    """What the store has; None before the first block."""
    with reading(engine) as connection:
        indexed = facts.get_in(connection, facts.INDEXED)
        if indexed is None:
            return None
        asked = tuple(funds)
        mirrors = {fund: _newest(connection, tables.mirror_sets, "since", fund) or NO_MIRRORS for fund in asked}
        releases = {fund: _newest(connection, tables.releases, "sequence", fund) for fund in asked}
        return Inventory(indexed["block"], _counts(connection), _versions(connection, committee), mirrors, releases)


def _counts(connection: sa.Connection) -> dict[str, int]:
    """Of the logs, as not everything that anyone can bring about makes a row."""
    event = tables.logs.c.event
    query = sa.select(event, sa.func.count()).where(event.in_(_COUNTED.values())).group_by(event)
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    return {name: found.get(of_one, 0) for name, of_one in _COUNTED.items()}


def _versions(connection: sa.Connection, committee: int) -> int:
    configs = tables.committee_configs.c
    return connection.execute(sa.select(sa.func.count()).where(configs.committee == committee)).scalar_one()


def _newest(connection: sa.Connection, table: sa.Table, order: str, fund: FundId) -> Digest | None:
    query = sa.select(table.c.digest).where(table.c.fund == fund).order_by(table.c[order].desc()).limit(1)
    found = connection.execute(query).scalar()
    return Digest(found) if found else None
