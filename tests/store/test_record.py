"""What a round brought is in the store wholly or not at all."""

from typing import Any

import pytest
import sqlalchemy as sa

from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store import record
from oracle.store.observations import record_in, votes_of
from oracle.store.record import record_round
from oracle.store.tallies import Asked, Tally, tallies

F, M = FundId(1), MirrorId(3)
VOTE = Vote(F, M, Epoch(2), Slot(0), Reason.UP)


def test_votes_and_tallies_are_stored_together(store: sa.Engine) -> None:
    assert record_round(store, "node", 2, [VOTE], [(F, Asked(M, 2, 100)), (FundId(2), Asked(M, 1, 1))]) == 1
    assert record_round(store, "node", 2, [VOTE], [(F, Asked(M, 1, 10, hidden=True))]) == 0
    assert votes_of(store, F, 2, "node") == [VOTE]
    assert tallies(store, F, 2, "node") == {M: Tally(M, 3, 110, hidden=True)}
    assert tallies(store, FundId(2), 2, "node") == {M: Tally(M, 1, 1)}


def test_what_fails_half_way_leaves_nothing(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> int:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(record, "record_in", fail)
    with pytest.raises(RuntimeError, match="disk"):
        record_round(store, "node", 2, [VOTE], [(F, Asked(M, 2, 100))])
    assert tallies(store, F, 2, "node") == {}


def test_a_store_that_was_busy_is_asked_once_more(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = iter([True, False, True, True])

    def sometimes(*args: Any) -> list[Vote]:
        if next(busy):
            raise sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))
        return record_in(*args)

    monkeypatch.setattr(record, "record_in", sometimes)
    assert record_round(store, "node", 2, [VOTE], [(F, Asked(M, 2, 100))]) == 1
    assert tallies(store, F, 2, "node") == {M: Tally(M, 2, 100)}
    with pytest.raises(sa.exc.OperationalError, match="locked"):
        record_round(store, "node", 2, [VOTE], [(F, Asked(M, 2, 100))])
