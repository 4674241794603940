"""When an epoch was settled is known: from then on what came back pays. It is taken from the logs that are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """To this revision."""
    op.add_column("settlements", sa.Column("settled_epoch", sa.BigInteger(), nullable=False, server_default="0"))
    facts = sa.table("facts", sa.column("name", sa.Text), sa.column("value", sa.JSON))
    clock = op.get_bind().execute(sa.select(facts.c.value).where(facts.c.name == "clock")).scalar()
    if clock is not None:
        _fill(clock["genesis_s"], clock["epoch_length_s"])


def _fill(genesis_s: int, epoch_length_s: int) -> None:
    whole, text = sa.BigInteger, sa.Text
    logs = sa.table("logs", sa.column("tx_hash", text), sa.column("block_timestamp_s", whole))
    settlements = sa.table("settlements", sa.column("tx_hash", text), sa.column("settled_epoch", whole))
    at_s = sa.select(sa.func.max(logs.c.block_timestamp_s)).where(logs.c.tx_hash == settlements.c.tx_hash)
    epoch = (at_s.scalar_subquery() - genesis_s) // epoch_length_s
    op.execute(sa.update(settlements).values(settled_epoch=sa.func.coalesce(epoch, 0)))
