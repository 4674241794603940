"""The migrations make exactly the schema that the code uses."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from oracle.store.migrate import is_current
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
