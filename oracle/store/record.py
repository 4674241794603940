"""What a round brought, stored all at once: the votes, what they come to, and how much was asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from oracle.model import FundId, Vote
from oracle.store import tallies
from oracle.store.db import writing
from oracle.store.observations import now_ms, record_in
from oracle.store.tallies import Asked


def record_round(
    engine: sa.Engine, node: str, epoch: int, votes: Sequence[Vote], asked: Iterable[tuple[FundId, Asked]]
) -> int:
    """Stores one node's votes and adds to its tallies, wholly or not at all; gives how many votes were new."""
    with writing(engine) as connection:
        tallies.add_in(connection, epoch, node, asked)
        return record_in(connection, node, votes, now_ms())
