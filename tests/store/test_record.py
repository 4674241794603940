"""What a round brought is in the store wholly or not at all."""

import pytest
import sqlalchemy as sa

from oracle.model import Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store import record
from oracle.store.observations import votes_of
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
