"""What tables are made of: the same columns for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData()


class Wei(TypeDecorator[int]):
    """An unbounded integer, stored as decimal text: no database has 256 bits."""

    impl = sa.String(80)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> str | None:
        """To text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Any) -> int | None:
        """From text."""
        return None if value is None else int(value)


def table(name: str, *columns: Any) -> sa.Table:
    """A table of the store."""
    return sa.Table(name, metadata, *columns)


def ident(name: str) -> sa.Column[int]:
    """A number that is part of the primary key, given by us."""
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def digest(name: str, **options: Any) -> sa.Column[str]:
    """32 bytes as 0x-hex."""
    return sa.Column(name, sa.String(66), **options)


def address(name: str, **options: Any) -> sa.Column[str]:
    """An account."""
    return sa.Column(name, sa.String(42), **options)


def integer(name: str, **options: Any) -> sa.Column[int]:
    """A number of up to 63 bits."""
    return sa.Column(name, sa.BigInteger, **({"nullable": False} | options))


def text(name: str, **options: Any) -> sa.Column[str]:
    """Text of any length."""
    return sa.Column(name, sa.Text, **({"nullable": False} | options))


def wei(name: str, **options: Any) -> sa.Column[int]:
    """An amount."""
    return sa.Column(name, Wei, **({"nullable": False} | options))


def flag(name: str) -> sa.Column[bool]:
    """True or false; false if left out."""
    return sa.Column(name, sa.Boolean, nullable=False, default=False)
