"""What a round brought, stored all at once: the votes, what they come to, and how much was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType

import sqlalchemy as sa
import structlog

from oracle.model import FundId, Vote
from oracle.store import tallies
from oracle.store.counters import Counted, Counts, count_in
from oracle.store.db import writing
from oracle.store.observations import now_ms, record_in
from oracle.store.tallies import Asked

log = structlog.get_logger(__name__)


def record_round(
    engine: sa.Engine,
    node: str,
    epoch: int,
    votes: Sequence[Vote],
    asked: Sequence[tuple[FundId, Asked]],
    counted: Counts = MappingProxyType({}),
) -> int:
    """Stores one node's votes and adds to its tallies and counters, wholly or not at all; gives how many votes were
    new. What was measured cannot be measured again, so a store that did not take it is asked a second time."""
    try:
        return _record(engine, node, epoch, votes, asked, counted)
    except sa.exc.OperationalError as error:  # as when others kept SQLite's lock for too long
        log.warning("round_not_stored", problem=str(error.orig))
        return _record(engine, node, epoch, votes, asked, counted)


def _record(
    engine: sa.Engine,
    node: str,
    epoch: int,
    votes: Sequence[Vote],
    asked: Sequence[tuple[FundId, Asked]],
    counted: Counts,
) -> int:
    with writing(engine) as connection:
        tallies.add_in(connection, epoch, node, asked)
        new = record_in(connection, node, votes, now_ms())
        count_in(connection, node, {**counted, **_counts(new, [one for _, one in asked])})
        return len(new)


def _counts(new: Sequence[Vote], asked: Sequence[Asked]) -> Counts:
    reasons = Counter(vote.reason for vote in new)
    load = {Counted.REQUESTS: sum(one.requests for one in asked), Counted.BYTES: sum(one.bytes for one in asked)}
    return {(Counted.VOTES, reason.value): number for reason, number in reasons.items()} | {
        (name, ""): number for name, number in load.items()
    }
