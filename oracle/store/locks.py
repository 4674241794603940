"""What only one of a node's machines may do at a time: advisory locks in PostgreSQL, which all of them share.

A store in SQLite has one machine, whose own locks are enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import sqlalchemy as sa

_LOST_AFTER_S = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 4")
"""A machine that is gone without a word keeps a lock for half a minute."""


@contextmanager
def held(engine: sa.Engine, name: str) -> Iterator[bool]:
    """Whether nobody else has the lock of this name, which is then held to the end of the block; the server frees it
    when the process that holds it dies."""
    if engine.dialect.name != "postgresql":
        yield True
        return
    key = {"key": int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)}
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for setting in _LOST_AFTER_S:
            connection.execute(sa.text(f"SET {setting}"))
        free = bool(connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), key).scalar())
        try:
            yield free
        finally:
            if free:
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), key)
