"""The properties that are checked beside the comparison do not hold of books that are wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.differential import stage
from tests.differential.model import bonds, funding, settlement, tokens
from tests.differential.model.state import NO_OFFER, ZERO, Fund, Offer, Price, Slashing, World
from tests.differential.properties import broken, reached

Spoil = Callable[[World, Fund], object]


@pytest.fixture
def world() -> World:
    """A fund with one deposit that has joined and one that has not."""
    world = stage.build(stage.SETTINGS[0]).world
    world.funds.append(
        Fund(1, stage.OWNERS[0], world.wrapped, 0, Slashing(ZERO, 0, 0), Offer(10, 1, 0, 1), 1, settled=1)
    )
    funding.top_up(world, stage.DEPOSITORS[0], 0, 1, 105)
    settlement.settle(world, stage.ANYONE, 0, 1, [])
    world.now += world.clock.length
    funding.top_up(world, stage.DEPOSITORS[1], 0, 1, 7)
    bonds.post(world, stage.ANYONE, 5, 1)
    return world


def test_sound_books_break_no_rule(world: World) -> None:
    assert world.funds[0].decided == [Offer(10, 1, 0, 1)]
    assert broken(world) == []


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda world, fund: setattr(fund, "free", fund.free + 1), "the books of fund 1 do not balance"),
        (lambda world, fund: setattr(world.deposits[0], "amount", 104), "deposit 1 of 104 is worth 105"),
        (lambda world, fund: tokens.transfer(world, fund.token, world.fund_contract, stage.ANYONE, 1), "are missing"),
        (lambda world, _: tokens.wrap(world, world.committee_contract, 1), "contract holds 6 for bonds of 5"),
        (lambda world, fund: setattr(fund.turns[0], "price", Price(1, 2)), "the price of shares in fund 1 rises"),
    ],
)
def test_a_broken_rule_is_named(spoil: Spoil, rule: str, world: World) -> None:
    spoil(world, world.funds[0])
    assert [told for told in broken(world) if rule in told]


def test_corners_are_counted(world: World) -> None:
    world.funds[0].decided.append(NO_OFFER._replace(reward=3))
    world.funds[0].outcomes += ["paid", "paid"]
    counted = reached(world)
    assert (counted["terms changed"], counted["epochs paid"], counted["funds rebased"]) == (1, 2, 0)
