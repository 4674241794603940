"""Brings a store's schema to its newest form: Alembic, driven from the package."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from oracle.errors import StoreTooNew


def configuration() -> Config:
    """Alembic's configuration: only where the migrations lie, found as package data."""
    config = Config()
    config.set_main_option("script_location", "oracle.store:migrations")
    config.set_main_option("path_separator", "os")
    return config


@cache
def _revisions() -> tuple[str, ...]:
    """All revisions, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def is_current(connection: sa.Connection) -> bool:
    """Whether the schema is at its newest."""
    return _revision(connection) == _revisions()[0]


def migrate(connection: sa.Connection) -> None:
    """Runs, in the connection's transaction, the migrations that the store has not seen.

    Raises: StoreTooNew if a later version of this software has migrated it further.
    """
    before = _revision(connection)
    if before is not None and before not in _revisions():
        raise StoreTooNew(before)
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
