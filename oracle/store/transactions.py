"""What this node has sent, for people: the chain itself is checked before each send."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from oracle.store.db import reading, upsert, writing
from oracle.store.observations import now_ms
from oracle.store.tables import transactions


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """Something this node sent, for people; `state` is the sender's word, `error` why it failed."""

    purpose: str
    tx_hash: str | None
    state: str
    error: str | None
    at_ms: int


def save_transaction(
    engine: sa.Engine, purpose: str, state: str, tx_hash: str | None = None, error: str | None = None
) -> None:
    """Keeps how far the transaction of a purpose ("report:1:7") is, in place of what was there."""
    row = {"purpose": purpose, "tx_hash": tx_hash, "state": state, "error": error, "at_ms": now_ms()}
    with writing(engine) as connection:
        upsert(connection, transactions, [row])


def load_transaction(engine: sa.Engine, purpose: str) -> SentTransaction | None:
    """What was sent for a purpose; None if nothing was."""
    with reading(engine) as connection:
        row = connection.execute(sa.select(transactions).where(transactions.c.purpose == purpose)).first()
    return SentTransaction(**row._mapping) if row else None


def load_transactions(engine: sa.Engine, prefix: str = "") -> list[SentTransaction]:
    """What was sent for purposes that begin with `prefix`, newest first."""
    rows = transactions.c
    query = sa.select(transactions).where(rows.purpose.startswith(prefix, autoescape=True))
    with reading(engine) as connection:
        return [SentTransaction(**row._mapping) for row in connection.execute(query.order_by(rows.at_ms.desc()))]
