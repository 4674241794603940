"""What depositors who leave get, and what that leaves to epochs, is what the contract says."""

import pytest

from oracle.model import ONE, CommitteeId, Epoch, FundId
from oracle.store.ledger import Offer
from oracle.store.shares import Leaving, leavers
from oracle.store.treasury import (
    Deposit,
    Settlement,
    deposits_of,
    offers_of,
    owed_epochs,
    settlements_of,
    treasury,
)
from tests.fixtures.chain import WINDOW_S
from tests.fixtures.stage import REWARD, Stage


def offer(reward: int) -> Offer:
    return Offer(FundId(1), Epoch(1), reward, 3, 500, CommitteeId(1), "{}")


def agree(stage: Stage, fund: FundId) -> list[int]:
    """The epochs that are owed; these and the money free are the same by the rows and by the contract."""
    stage.index()
    now, contract = stage.world.epoch(), stage.world.fund
    with stage.engine.connect() as connection:
        told = offers_of(connection, fund), deposits_of(connection, fund), settlements_of(connection, fund)
    state, settled = contract.fund_of(fund), {one.epoch for one in told[2]}
    owed = [e for e in range(1, now + 1) if e not in settled and contract.committee_at(fund, e)]
    free = state.free_wei - REWARD * len([epoch for epoch in owed if epoch >= state.accrued])
    assert list(owed_epochs(*told, created_epoch=0, epoch=now)) == owed
    assert treasury(*told, created_epoch=0, epoch=now).free_wei == max(0, free)
    return owed


def test_what_is_owed_and_free_is_what_the_contract_says_whoever_leaves(stage: Stage) -> None:
    world, developer = stage.world, stage.world.account("developer")
    fund = stage.fund(3, deposit=4 * REWARD)
    stage.top_up(fund, 4 * REWARD)
    notice = world.fund.terms().deposit_notice
    reported, settled_on = {1, 2, 3, 4, 5, 12}, {2, 3, 4, 5, 9, 14, 15}
    left, seen = {5: 1, 12: 2}, dict[int, list[int]]()
    for day in range(1, 18):
        world.next_epoch()
        if day - 1 in reported:
            stage.report(day - 1, {fund: [ONE] * 3})
            world.dev.pass_time(WINDOW_S)
        if day in settled_on:
            stage.settle(fund)
        if day + notice in left:
            world.fund.give_notice(developer, left[day + notice])
        if day in left:
            world.fund.depart(developer, left[day])
        if day == 10:
            stage.top_up(fund, 27 * REWARD // 10)
        seen[day] = agree(stage, fund)
    owed = [[1], [2], [3], [4], [5], [5, 6], [5, 6], [5, 6], [], [10], [10, 11], [10, 11, 12], [10, 11, 12], []]
    assert list(seen.values()) == [*owed, [15], [15, 16], [15, 16]]


def deposit(amount: int, binds_from: int = 1, left: int | None = None, collected: int | None = None) -> Deposit:
    return Deposit(1, "0x", amount, binds_from, None, left, collected, "0x")


def paid(epoch: int, paid_wei: int, settled_epoch: int = 0) -> Settlement:
    return Settlement(epoch, "paid", paid_wei, 0, 0, "0x", settled_epoch or epoch + 1)


def test_who_leaves_takes_its_part_of_what_is_left_and_collects_when_it_likes() -> None:
    """Two deposits of 100, of which 100 are spent, and one departs: its half is set aside, not all that it gave."""
    given, settled = [deposit(100), deposit(100, left=12)], [paid(epoch, 10) for epoch in range(1, 11)]
    assert list(owed_epochs([offer(10)], given, settled, created_epoch=0, epoch=30)) == [11, 12, 13, 14, 15]
    money = treasury([offer(10)], given, settled, created_epoch=0, epoch=11)
    assert (money.balance_wei, money.owed_wei, money.aside_wei, money.free_wei) == (100, 10, 50, 40)
    given[1] = deposit(100, left=12, collected=45)
    settled.append(paid(11, 10))
    assert list(owed_epochs([offer(10)], given, settled, created_epoch=0, epoch=30)) == [12, 13, 14, 15]


@pytest.mark.parametrize(("late", "aside", "out", "freed"), [(12, 55, 50, 13), (11, 50, 50, 12)])
def test_what_is_settled_after_a_departure_is_paid_by_who_leaves_too(
    late: int, aside: int, out: int, freed: int
) -> None:
    settled = [*(paid(epoch, 10) for epoch in range(1, 10)), paid(10, 10, late)]
    found = leavers([deposit(100), deposit(100, left=12)], settled)
    assert found == [Leaving(12, aside, out, freed, collected_wei=0)]


def test_all_that_was_set_aside_is_kept_until_every_epoch_before_the_departure_is_settled() -> None:
    given, settled = [deposit(100), deposit(100, left=13)], [paid(epoch, 10) for epoch in range(1, 10)]
    settled.append(paid(10, 10, settled_epoch=13))
    assert list(owed_epochs([offer(10)], given, settled, created_epoch=0, epoch=15)) == [11, 12, 13, 14]
    money = treasury([offer(10)], given, settled, created_epoch=0, epoch=15)
    assert (money.aside_wei, money.free_wei) == (55, 5)
    settled += [paid(epoch, 10, settled_epoch=15) for epoch in (11, 12)]
    assert list(owed_epochs([offer(10)], given, settled, created_epoch=0, epoch=17)) == [13, 14, 16, 17]
    assert treasury([offer(10)], given, settled, created_epoch=0, epoch=17).aside_wei == 40


def test_what_rounding_keeps_from_each_of_those_who_leave_is_not_free() -> None:
    """Two are worth five each as they depart; of a hundred that are left at the end nine are theirs, four for each."""
    stays, settled = deposit(100), [paid(1, 10, settled_epoch=3)]
    for collected, told in ((None, 0), (4, 4)):
        given = [stays, deposit(5, left=3), deposit(5, left=3, collected=collected)]
        assert leavers(given, settled) == [Leaving(3, 10, 9, 4, collected_wei=told)]
    both = [deposit(5, left=3, collected=4)] * 2
    assert leavers([stays, *both], settled) == [Leaving(3, 10, 9, 4, collected_wei=None)]


def test_who_leaves_a_fund_that_was_spent_gets_nothing_of_what_came_later() -> None:
    given = [deposit(10, left=4), deposit(100, binds_from=2)]
    assert leavers(given, [paid(1, 10), paid(2, 10)])[0].aside_wei == 0
