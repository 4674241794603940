"""What must hold of the books after every call, whatever they say; and which corners a sequence has reached.

As the contracts and the model are equal by then, it holds for both.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tests.differential.model import shares
from tests.differential.model.state import Fund, Ruling, World


def broken(world: World) -> list[str]:
    """The rules that do not hold now."""
    return [*_unbalanced(world), *_uncovered(world), *_unbonded(world), *_overpaid(world), *_rising(world)]


def reached(world: World) -> Counter[str]:
    """How often the sequence came to what is hard to come to."""
    epochs = [one for fund in world.funds for one in fund.outcomes]
    locks = [lock.state.name.lower() for mirror in world.mirrors for lock in mirror.locks.values()]
    return Counter({
        **Counter(f"epochs {outcome}" for outcome in epochs),
        **Counter(f"locks {state}" for state in locks),
        "funds rebased": sum(1 for fund in world.funds if fund.rebases % shares.REBASES_TO_NOTHING),
        "funds spent to nothing": sum(1 for fund in world.funds if fund.rebases >= shares.REBASES_TO_NOTHING),
        "funds below zero": sum(1 for fund in world.funds if fund.free < 0),
        "deposits left": sum(1 for one in world.deposits if one.leaves),
        "positions taken over": sum(1 for one in world.mirrors if one.displaced),
        "terms changed": sum(1 for fund in world.funds if len(set(filter(None, fund.decided))) > 1),
    })  # fmt: skip


def _unbalanced(world: World) -> list[str]:
    """What is free, owed and set aside is all that there is."""
    return [f"the books of fund {fund.number} do not balance" for fund in world.funds if not _balances(fund)]


def _balances(fund: Fund) -> bool:
    owed = sum(offer.reward for offer in fund.decided[fund.settled - fund.first :] if offer)
    aside = sum(turn.aside for turn in fund.turns if not turn.price)
    return fund.free + owed + aside == fund.value + _joining(fund)


def _uncovered(world: World) -> list[str]:
    """Tokens held cover stakes, credits, fees, what funds have and what depositors who left have not collected."""
    held = {token: book.balances.get(world.fund_contract, 0) for token, book in world.tokens.items()}
    for fund in world.funds:
        held[fund.token] -= fund.value + _joining(fund)
    for deposit in world.deposits:
        held[world.funds[deposit.fund - 1].token] -= 0 if deposit.collected else deposit.payable
    for mirror in world.mirrors:
        held[world.wrapped] -= mirror.stake
        held[world.funds[mirror.fund - 1].token] -= mirror.credit
    for (_, token), fee in world.fees.items():
        held[token] -= fee
    return [f"{-left} of {token} are missing" for token, left in held.items() if left < 0]


def _unbonded(world: World) -> list[str]:
    """The committees' contract holds the bonds of members and of undecided challenges, and nothing else."""
    waiting = sum(1 for one in world.challenges.values() if one.ruling is Ruling.NONE)
    owed = sum(bond.amount for bond in world.bonds.values()) + waiting * world.challenge_bond
    held = world.tokens[world.wrapped].balances.get(world.committee_contract, 0)
    return [] if held == owed else [f"the committees' contract holds {held} for bonds of {owed}"]


def _overpaid(world: World) -> list[str]:
    """No deposit is ever worth more than was put in."""
    worths = [(one, shares.worth(world.funds[one.fund - 1], one)) for one in world.deposits]
    return [f"deposit {one.number} of {one.amount} is worth {worth}" for one, worth in worths if worth > one.amount]


def _rising(world: World) -> list[str]:
    """The price of a share never rises, from one turn to the next and up to now."""
    return [f"the price of shares in fund {fund.number} rises" for fund in world.funds if _has_risen(fund)]


def _has_risen(fund: Fund) -> bool:
    priced = [(*turn.price, turn.rebases) for turn in fund.turns if turn.price]
    prices = [*priced, (fund.value, fund.shares, fund.rebases)]
    return any(
        former[1] and latter[1] and latter[0] * _units(*former[1:]) > former[0] * _units(*latter[1:])
        for former, latter in pairwise(prices)
    )


def _units(count: int, rebases: int) -> int:
    return count << 32 * rebases


def _joining(fund: Fund) -> int:
    return sum(one.amount for turn in fund.turns if not turn.price for one in turn.joining)
