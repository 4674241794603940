"""What the fund contract's state says of an epoch."""

from dataclasses import replace

import pytest

from oracle.chain.structs import Offer
from tests.fixtures.chain import World

REWARD = 50


def test_the_committee_of_an_epoch_is_the_one_whose_report_pays_it(world: World) -> None:
    owner, funder, contract = world.account("owner"), world.account("funder"), world.fund
    for _ in (1, 2):
        world.committee.create_committee(owner, [owner.address], 1, owner.address)
    offer = Offer(REWARD, target=2, fee_bps=0, committee=1)
    fund = world.create_fund(owner, offer, world.wrapped.address)
    contract.top_up(funder, fund, 20 * REWARD, value_wei=20 * REWARD)
    assert contract.committee_at(fund, 0) is None
    world.next_epoch()
    world.announce_change(owner, fund, replace(offer, committee=2))
    since = contract.fund_of(fund).changes_at
    assert [contract.committee_at(fund, epoch) for epoch in (1, since - 1, since)] == [1, 1, 2]
    world.next_epoch(since + 1 - world.epoch())
    contract.top_up(funder, fund, 1, value_wei=1)  # the change is the offer now
    assert contract.fund_of(fund).changes_at == 0
    assert [contract.committee_at(fund, epoch) for epoch in (1, since - 1, since, since + 1)] == [1, 1, 2, 2]


def test_a_dry_epoch_is_paid_by_nobodys_report(world: World) -> None:
    owner, funder, contract = world.account("owner"), world.account("funder"), world.fund
    world.committee.create_committee(owner, [owner.address], 1, owner.address)
    fund = world.create_fund(owner, Offer(REWARD, 2, 0, 1), world.wrapped.address)
    contract.top_up(funder, fund, REWARD, value_wei=REWARD)
    world.next_epoch(3)
    assert [contract.committee_at(fund, epoch) for epoch in (1, 2, 3)] == [1, None, None]
    contract.top_up(funder, fund, REWARD, value_wei=REWARD)
    assert [contract.committee_at(fund, epoch) for epoch in (1, 2, 3, 4)] == [1, None, None, 1]


@pytest.mark.parametrize("deposit", [0, REWARD * 3 - 1, REWARD * 4 + 15, REWARD * 40])
def test_what_will_be_owed_is_known_before_the_contract_comes_to_it(world: World, deposit: int) -> None:
    owner, funder, contract = world.account("owner"), world.account("funder"), world.fund
    for _ in (1, 2):
        world.committee.create_committee(owner, [owner.address], 1, owner.address)
    offer = Offer(REWARD, target=2, fee_bps=0, committee=1)
    fund = world.create_fund(owner, offer, world.wrapped.address)
    if deposit:
        contract.top_up(funder, fund, deposit, value_wei=deposit)
    world.next_epoch()
    world.announce_change(owner, fund, replace(offer, reward_wei=7, committee=2))
    epochs = range(contract.fund_of(fund).changes_at + 4)
    world.next_epoch(len(epochs))
    told = [contract.committee_at(fund, epoch) for epoch in epochs]
    contract.top_up(funder, fund, 1, value_wei=1)
    assert contract.fund_of(fund).accrued > epochs[-1]
    assert told == [contract.committee_at(fund, epoch) for epoch in epochs]
    assert (1 in told, 2 in told) == (deposit >= REWARD, deposit % REWARD >= 7 or deposit >= REWARD * 5)
