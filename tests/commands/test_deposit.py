"""`mirrorbond fund top-up` approves what it adds, also of a token that changes no allowance but from or to 0."""

from pathlib import Path

import pytest

from oracle.chain.structs import Offer
from oracle.model import FundId
from tests.fixtures.chain import World
from tests.fixtures.command import Person


@pytest.fixture
def fund(world: World) -> FundId:
    """One in the demo token, of which the funder has 100."""
    owner, funder = world.account("owner"), world.account("funder")
    world.committee.create_committee(owner, [owner.address], 1, owner.address)
    world.token.mint(funder, funder.address, 100)
    return world.create_fund(owner, Offer(1_000, 2, 500, 1))


def top_up(world: World, home: Path, fund: FundId, amount: int) -> None:
    Person(world, home, "funder").says("fund", "top-up", "--fund", fund, "--amount", amount)


def approved(world: World) -> list[int]:
    """The amounts of all approvals by the funder, in order."""
    logs = world.dev.chain.rpc("eth_getLogs", {"address": world.token.address, "fromBlock": "0x0"})
    approval = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
    return [int(log["data"], 16) for log in logs if log["topics"][0] == approval]


def test_what_is_left_of_another_allowance_is_taken_back_first(world: World, tmp_path: Path, fund: FundId) -> None:
    world.token.approve(world.account("funder"), world.fund.address, 5)
    top_up(world, tmp_path, fund, 20)
    assert approved(world) == [5, 0, 20]
    assert world.fund.deposit_of(1).amount_wei == 20


def test_an_allowance_that_suffices_is_not_given_again(world: World, tmp_path: Path, fund: FundId) -> None:
    world.token.approve(world.account("funder"), world.fund.address, 20)
    top_up(world, tmp_path, fund, 20)
    assert approved(world) == [20]
    top_up(world, tmp_path, fund, 7)
    assert approved(world) == [20, 7]
