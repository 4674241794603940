"""Counters only grow, with what they count."""

import sqlalchemy as sa

from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store.counters import Counted, count, counters
from oracle.store.db import reading
from oracle.store.record import record_round
from oracle.store.tallies import Asked

F, M = FundId(1), MirrorId(3)


def counted(store: sa.Engine, node: str = "node") -> dict[tuple[Counted, str], int]:
    with reading(store) as connection:
        return counters(connection, node)


def test_counts_add_up_by_node_and_label(store: sa.Engine) -> None:
    count(store, "node", {(Counted.SHARDS, "missed"): 1, (Counted.LAG_MS, ""): 30})
    count(store, "node", {(Counted.SHARDS, "missed"): 2, (Counted.SHARDS, "measured"): 1})
    count(store, "other", {(Counted.SHARDS, "missed"): 9})
    count(store, "node", {})
    expected = {(Counted.SHARDS, "missed"): 3, (Counted.SHARDS, "measured"): 1, (Counted.LAG_MS, ""): 30}
    assert counted(store) == expected


def test_a_vote_that_was_there_already_is_not_counted_again(store: sa.Engine) -> None:
    up, down = (Vote(F, M, Epoch(2), Slot(slot), reason) for slot, reason in enumerate((Reason.UP, Reason.DNS)))
    record_round(store, "node", 2, [up], [(F, Asked(M, 2, 100))])
    record_round(store, "node", 2, [up, down], [(F, Asked(M, 3, 10))], {(Counted.SHARDS, "measured"): 1})
    assert counted(store) == {
        (Counted.VOTES, "up"): 1,
        (Counted.VOTES, "dns"): 1,
        (Counted.REQUESTS, ""): 5,
        (Counted.BYTES, ""): 110,
        (Counted.SHARDS, "measured"): 1,
    }
