"""Small facts by name: what is known of the chain and of this node, outside the chain's own rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from oracle.model import Clock
from oracle.store.db import insert_new, reading, upsert, writing
from oracle.store.tables import facts

CHAIN_ID = "chain_id"
CONTRACTS = "contracts"
"""{"fund": address, "committee": address}."""
CLOCK = "clock"
"""The fields of `Clock`."""
TERMS = "terms"
"""What holds for all funds of the contract, in epochs: the fields of `oracle.chain.structs.Terms`."""
INDEXED = "indexed"
"""{"block": number, "timestamp_s": that block's time, "at_s": when this node indexed it}."""
FORGOTTEN = "forgotten"
"""The epoch in which this node last deleted what is not needed any more."""
COMPARED = "compared"
"""{"epoch": in which the store was last compared with the contracts, "left_out": sentences of what differed}."""
SETTLING = "settling"
"""The fund that this node last began to settle."""
VITALS = "vitals:"
"""Followed by a node's name: the fields of `oracle.store.progress.Vitals`."""
TOKEN = "token:"
"""Followed by the token's address: {"symbol": text, "decimals": number}."""
SECRET = "secret:"
"""Followed by a node's name: the digest of its secret."""


def put(engine: sa.Engine, name: str, value: Any) -> None:
    """Stores a JSON value under a name, in place of what was there."""
    with writing(engine) as connection:
        upsert(connection, facts, [{"name": name, "value": value}])


def put_first(engine: sa.Engine, name: str, value: Any) -> Any:
    """Stores a JSON value under a name unless there is one, and gives the one that stands."""
    with writing(engine) as connection:
        insert_new(connection, facts, [{"name": name, "value": value}])
        return get_in(connection, name)


def get(engine: sa.Engine, name: str) -> Any:
    """The value under a name; None if there is none."""
    with reading(engine) as connection:
        return get_in(connection, name)


def get_in(connection: sa.Connection, name: str) -> Any:
    """The same, inside the caller's transaction."""
    return connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar()


def put_clock(engine: sa.Engine, clock: Clock) -> None:
    """Stores the committee contract's time."""
    put(engine, CLOCK, {name: getattr(clock, name) for name in Clock.__slots__})


def get_clock(engine: sa.Engine) -> Clock | None:
    """The committee contract's time; None before the chain was first indexed."""
    value = get(engine, CLOCK)
    return Clock(**value) if value else None
