"""What was sent and no block has decided yet, so that whoever comes next goes on with it: `oracle.chain.outbox`."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from oracle.store.db import insert_new, reading, writing
from oracle.store.tables import outbox as rows


@dataclass(frozen=True, slots=True)
class StoredOutbox:
    """One row for each account and purpose; `body` says at which nonce, under which hashes, and for what fees."""

    engine: sa.Engine

    def find(self, account: str, purpose: str) -> str | None:
        """What the account has sent for the purpose."""
        query = sa.select(rows.c.body).where(rows.c.account == account, rows.c.purpose == purpose)
        with reading(self.engine) as connection:
            return connection.execute(query).scalar()

    def at(self, account: str, nonce: int) -> list[str]:
        """What the account has sent at the nonce."""
        query = sa.select(rows.c.body).where(rows.c.account == account, rows.c.nonce == nonce)
        with reading(self.engine) as connection:
            return list(connection.execute(query.order_by(rows.c.purpose)).scalars())

    def keep(self, account: str, purpose: str, nonce: int, body: str, before: str | None) -> bool:
        """Puts the body in the place of the one before (None: there was none); False if that is not there any more."""
        row = {"account": account, "purpose": purpose, "nonce": nonce, "body": body}
        changed = (
            sa.update(rows)
            .values(row)
            .where(rows.c.account == account, rows.c.purpose == purpose, rows.c.body == before)
        )
        with writing(self.engine) as connection:
            done = insert_new(connection, rows, [row]) if before is None else connection.execute(changed).rowcount
        return done == 1

    def drop(self, account: str, purpose: str, nonce: int) -> None:
        """Forgets what was sent for the purpose at the nonce: it is decided."""
        mine = (rows.c.account == account, rows.c.purpose == purpose, rows.c.nonce == nonce)
        with writing(self.engine) as connection:
            connection.execute(sa.delete(rows).where(*mine))
