"""Opens the store and writes to it: the same calls for SQLite and PostgreSQL.

Readers open `reading(engine)`, writers `writing(engine)`: on SQLite a writer takes the write lock when it begins, for a
reader that turns into a writer half-way is refused at once, however long the busy timeout.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from oracle.errors import InvalidInput, StoreTooNew, StoreUnreachable
from oracle.store.migrate import is_current, migrate

BUSY_TIMEOUT_MS = 10_000
MOST_IN_A_QUERY = 5_000
MIGRATION_LOCK = 0x6D6972726F72
"""The advisory lock in PostgreSQL that a migration holds."""
_BEGIN = "mirrorbond_begin"
_engines: dict[tuple[str, bool], sa.Engine] = {}
_opening = threading.Lock()

Row = Mapping[str, Any]


def open_store(url: str, *, read_only: bool = False) -> sa.Engine:
    """The engine of this process for `url`, with the schema at its newest; opened once, safe to call again.

    Several processes may open one store at the same time. `read_only` makes the database itself refuse writes.

    Raises: InvalidInput for a URL that is neither SQLite with a file nor PostgreSQL; StoreUnreachable; StoreTooNew.
    """
    key = (url, read_only)
    with _opening:
        if key not in _engines:
            _engines[key] = _open(_checked(url), read_only)
        return _engines[key]


def close_store(url: str) -> None:
    """Closes this process's connections to `url`; for tests and for short-lived commands."""
    for read_only in (True, False):
        if engine := _engines.pop((url, read_only), None):
            engine.dispose()


def _after_fork() -> None:
    """A child leaves its parent's connections alone and opens its own."""
    global _opening  # another thread of the parent may have held it
    _opening = threading.Lock()
    for engine in _engines.values():
        engine.dispose(close=False)
    _engines.clear()


os.register_at_fork(after_in_child=_after_fork)


def _checked(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise InvalidInput("DATABASE_URL", "not a URL of the form sqlite:///file or postgresql://host/name") from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    if url.drivername == "postgresql+psycopg":
        return url
    raise InvalidInput("DATABASE_URL", "use sqlite:///file (with a file: processes share it) or postgresql://host/name")


def _open(url: sa.URL, read_only: bool) -> sa.Engine:
    engine = _engine(url, read_only=False)
    try:
        if engine.dialect.name == "sqlite":
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        _migrate_alone(engine)
    except (OSError, sa.exc.OperationalError) as error:
        engine.dispose()
        raise StoreUnreachable(url.render_as_string(hide_password=True), str(error).splitlines()[0]) from error
    except StoreTooNew:
        engine.dispose()
        raise
    if not read_only:
        return engine
    engine.dispose()
    return _engine(url, read_only=True)


def _migrate_alone(engine: sa.Engine) -> None:
    """Other processes that open the same store wait until it is migrated."""
    with engine.connect() as connection:
        if is_current(connection):
            return
    if engine.dialect.name == "postgresql":
        with writing(engine) as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            migrate(connection)
        return
    with Path(f"{engine.url.database}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _use_wal(engine)
        with writing(engine) as connection:
            migrate(connection)


def _use_wal(engine: sa.Engine) -> None:
    """A property of the file, not of the connection; it cannot be changed inside a transaction."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        raw.close()


def _engine(url: sa.URL, read_only: bool) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        options = {"options": "-c default_transaction_read_only=on"} if read_only else {}
        return sa.create_engine(url, pool_pre_ping=True, connect_args=options)
    engine = sa.create_engine(url)
    pragmas = [f"busy_timeout={BUSY_TIMEOUT_MS}", "synchronous=NORMAL"]
    _prepare_sqlite(engine, [*pragmas, "query_only=ON"] if read_only else pragmas)
    return engine


def _prepare_sqlite(engine: sa.Engine, pragmas: list[str]) -> None:
    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # else the driver decides when a transaction begins
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")


def reading(engine: sa.Engine) -> AbstractContextManager[sa.Connection]:
    """A connection for queries that all see the same state."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ").begin()
    return engine.begin()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that may write: committed at the end, undone by an exception."""
    with engine.execution_options(**{_BEGIN: "IMMEDIATE"}).begin() as connection:
        yield connection


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """Numbers in runs that fit into one query."""
    ordered = sorted(ids)
    for first in range(0, len(ordered), MOST_IN_A_QUERY):
        yield ordered[first : first + MOST_IN_A_QUERY]


def insert_new(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> int:
    """Inserts the rows whose primary key is not there yet, and says how many those were."""
    return _insert(connection, table, rows, update=False)


def upsert(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> int:
    """Inserts rows, or replaces the columns given in those that are there by primary key. All rows name the same."""
    return _insert(connection, table, rows, update=True)


def add_up(
    connection: sa.Connection, table: sa.Table, rows: Iterable[Row], added: Iterable[str], replaced: Iterable[str] = ()
) -> None:
    """Inserts rows, or adds these columns to those that are there by primary key, and replaces those."""
    given = [dict(row) for row in rows]
    if not given:
        return
    statement = _insert_into(connection, table)
    changed = {name: table.c[name] + statement.excluded[name] for name in added}
    changed |= {name: statement.excluded[name] for name in replaced}
    keys = [column.name for column in table.primary_key]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), given)


def _insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Row], update: bool) -> int:
    given = [dict(row) for row in rows]
    if not given:
        return 0
    statement = _insert_into(connection, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in given[0] if name not in keys}
    if update and changed:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    return connection.execute(statement, given, execution_options={"preserve_rowcount": True}).rowcount
