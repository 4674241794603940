"""The migrations make exactly the schema that the code uses."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from oracle.store import facts, journal, tables
from oracle.store.db import open_store
from oracle.store.migrate import configuration, is_current
from oracle.store.tables import metadata


def drift(engine: sa.Engine, schema: sa.MetaData) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, schema))


def test_migrations_and_tables_do_not_drift(store: sa.Engine) -> None:
    assert drift(store, metadata) == []


def test_drift_would_be_seen(store: sa.Engine) -> None:
    other = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(other)
    other.tables["funds"].append_column(sa.Column("forgotten", sa.Text))
    assert drift(store, other) != []


def test_an_opened_store_is_current(store: sa.Engine) -> None:
    with store.connect() as connection:
        assert is_current(connection)


def test_an_older_store_reads_the_chain_again_and_keeps_what_the_node_saw(file_store_url: str) -> None:
    engine = sa.create_engine(file_store_url)
    config = configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(sa.text("INSERT INTO blocks VALUES (7, '0x', '0x', 1)"))
        connection.execute(sa.text("INSERT INTO funds VALUES (1, '0x', '0x', 'notes', '0', 0)"))
        connection.execute(sa.text("INSERT INTO facts VALUES ('indexed', '{}'), ('chain_id', '31337')"))
    engine.dispose()
    store = open_store(file_store_url)
    with store.connect() as connection:
        assert is_current(connection)
        assert connection.execute(sa.select(tables.funds)).all() == []
    assert journal.tip(store) is None
    assert (facts.get(store, facts.INDEXED), facts.get(store, facts.CHAIN_ID)) == (None, 31337)


def test_when_an_epoch_was_settled_is_taken_from_the_logs_that_are_kept(file_store_url: str) -> None:
    engine = sa.create_engine(file_store_url)
    config = configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        clock = '{"genesis_s": 1000, "epoch_length_s": 100, "grace_s": 1, "window_s": 1}'
        connection.execute(sa.text("INSERT INTO facts VALUES ('clock', :clock)"), {"clock": clock})
        for index, (tx, at_s) in enumerate((("0xaa", 1_399), ("0xbb", 1_400))):
            row = {"hash": f"0x{index}", "at": at_s, "tx": tx, "epoch": index}
            connection.execute(
                sa.text("INSERT INTO logs VALUES (:hash, 0, 1, :at, :tx, '0x', 'EpochSettled', '{}')"), row
            )
            connection.execute(
                sa.text("INSERT INTO settlements VALUES (1, :epoch, 'paid', '0', '0', '0', '0x', :tx)"), row
            )
    engine.dispose()
    store = open_store(file_store_url)
    with store.connect() as connection:
        rows = tables.settlements.c
        assert list(connection.execute(sa.select(rows.settled_epoch).order_by(rows.epoch)).scalars()) == [3, 4]
