"""Once an epoch a node deletes what is too old, and nothing that is not."""

from pathlib import Path

from oracle.forget import KEPT_EPOCHS, KEPT_VOTES, forget
from oracle.model import Epoch, FundId, MirrorId
from oracle.store import facts
from oracle.store.observations import votes_of
from oracle.store.tallies import Asked, add_to_tallies, tallies
from tests.fixtures.ledger import Ledger

FUND = FundId(1)


def test_tallies_and_votes_are_kept_for_so_many_epochs(tmp_path: Path) -> None:
    ledger, now = Ledger(tmp_path), Epoch(100)
    for epoch in (now - KEPT_EPOCHS - 1, now - KEPT_EPOCHS):
        add_to_tallies(ledger.engine, FUND, epoch, "node", [Asked(MirrorId(1), 1, 1)])
    for epoch in (now - KEPT_VOTES - 1, now - KEPT_VOTES):
        ledger.vote(1, "UD", epoch)
    forget(ledger.engine, ledger.context.settings, now)
    asked = [bool(tallies(ledger.engine, FUND, epoch, "node")) for epoch in (now - KEPT_EPOCHS - 1, now - KEPT_EPOCHS)]
    assert asked == [False, True]
    voted = [len(votes_of(ledger.engine, FUND, epoch, "node")) for epoch in (now - KEPT_VOTES - 1, now - KEPT_VOTES)]
    assert voted == [0, 2]
    assert facts.get(ledger.engine, facts.FORGOTTEN) == now
