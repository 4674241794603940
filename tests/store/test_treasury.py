"""A fund's money: what is owed, what is free, how long it lasts."""

import time

import pytest

from oracle.model import CommitteeId, Epoch, FundId
from oracle.store.ledger import Offer
from oracle.store.treasury import Deposit, Settlement, offer_at, owed_epochs, treasury


def offer(binds_from: int, reward: int) -> Offer:
    return Offer(FundId(1), Epoch(binds_from), reward, 4, 200, CommitteeId(1), "{}")


def deposit(amount: int, binds_from: int = 1, left: int | None = None, collected: int | None = None) -> Deposit:
    return Deposit(1, "0x", amount, binds_from, None, left, collected, "0x")


def paid(epoch: int, paid_wei: int, returned_wei: int = 0, settled_epoch: int = 0) -> Settlement:
    """Settled in the epoch after it unless told otherwise."""
    after = settled_epoch or epoch + 1
    return Settlement(epoch, "paid", paid_wei, paid_wei // 50, returned_wei, "0x", after)


OFFERS = [offer(1, 10), offer(5, 20)]


@pytest.mark.parametrize(("epoch", "reward"), [(0, 10), (1, 10), (4, 10), (5, 20), (99, 20)])
def test_the_offer_in_force_is_the_latest_that_binds(epoch: int, reward: int) -> None:
    assert offer_at(OFFERS, epoch).reward_wei == reward


def test_started_epochs_that_are_not_settled_are_owed() -> None:
    money = treasury(OFFERS[:1], [deposit(100)], [paid(1, 8, 2)], created_epoch=0, epoch=3)
    assert (money.balance_wei, money.owed_wei, money.free_wei, money.runway_epochs) == (92, 20, 72, 7)


def test_the_runway_counts_at_the_next_epochs_price() -> None:
    money = treasury(OFFERS, [deposit(100)], [paid(epoch, 10) for epoch in range(1, 5)], created_epoch=0, epoch=4)
    assert (money.free_wei, money.runway_epochs) == (60, 3)


def test_a_deposit_never_pays_for_epochs_before_it() -> None:
    late = treasury(OFFERS[:1], [deposit(25, binds_from=4)], [], created_epoch=0, epoch=3)
    assert (late.owed_wei, late.free_wei, late.runway_epochs) == (0, 25, 2)


def test_an_epoch_that_the_money_does_not_cover_is_not_owed() -> None:
    dry = treasury(OFFERS[:1], [deposit(25)], [], created_epoch=0, epoch=9)
    assert (dry.owed_wei, dry.free_wei, dry.runway_epochs) == (20, 5, 0)


def test_what_came_back_never_pays_for_epochs_that_had_started() -> None:
    """Nothing of epoch 1's reward was free when 2 and 3 started; it came back in 3, and pays for 4."""
    given, settled = [deposit(10)], [paid(1, 0, 10, settled_epoch=3)]
    assert owed_epochs(OFFERS[:1], given, settled, created_epoch=0, epoch=3) == {}
    assert owed_epochs(OFFERS[:1], given, settled, created_epoch=0, epoch=9) == {4: 10}
    money = treasury(OFFERS[:1], given, settled, created_epoch=0, epoch=3)
    assert (money.balance_wei, money.owed_wei, money.free_wei) == (10, 0, 10)


def test_the_epochs_that_are_owed_are_told_one_by_one() -> None:
    given = [deposit(25), deposit(10, binds_from=6), deposit(5, binds_from=2, left=3)]
    assert owed_epochs(OFFERS, given, [paid(1, 10)], created_epoch=0, epoch=9) == {2: 10}
    assert owed_epochs(OFFERS[:1], given, [paid(1, 10)], created_epoch=0, epoch=9) == {2: 10, 6: 10}


def test_many_small_deposits_and_many_epochs_cost_no_more_than_their_sum() -> None:
    given = [deposit(1, binds_from=1 + number % 10_000) for number in range(50_000)]
    began = time.process_time()
    assert len(owed_epochs([offer(1, 50)], given, [], created_epoch=0, epoch=20_000)) == 1_000
    assert time.process_time() - began < 2  # one by one it is a thousand million steps


def test_what_leaves_is_set_aside_and_what_was_collected_is_gone() -> None:
    given = [deposit(100), deposit(30, left=4), deposit(50, left=2, collected=47)]
    money = treasury(OFFERS[:1], given, [paid(epoch, 10) for epoch in range(1, 4)], created_epoch=0, epoch=3)
    assert money.balance_wei == 180 - 47 - 30
    assert (money.aside_wei, money.free_wei) == (23, 80)  # its part of what the three epochs left


def test_a_fund_without_money_has_none() -> None:
    money = treasury(OFFERS, [], [], created_epoch=0, epoch=7)
    assert (money.balance_wei, money.free_wei, money.runway_epochs) == (0, 0, 0)


def test_epochs_that_cost_nothing_have_no_runway() -> None:
    assert treasury([offer(1, 0)], [deposit(5)], [], created_epoch=0, epoch=2).runway_epochs is None
