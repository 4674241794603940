"""What became of an epoch."""

import pytest

from oracle.store.epochs import _outcome
from oracle.store.treasury import Settlement


@pytest.mark.parametrize(
    ("epoch", "settlement", "outcome"),
    [
        (3, "missed", "missed"),
        (4, None, "dry"),
        (5, "paid", "paid"),
        (6, None, "awaiting"),
        (7, None, "running"),
    ],
)
def test_an_epoch_passed_over_was_dry_and_a_later_one_awaits(epoch: int, settlement: str | None, outcome: str) -> None:
    settled = Settlement(epoch, settlement, 0, 0, 0, "0x") if settlement else None
    assert _outcome(epoch, present=7, settled=settled, last_settled=5) == outcome
