"""Mirrors, their stakes and their credits, as `IRedundancyFund` says."""

from __future__ import annotations

from oracle import merkle
from oracle.model import Digest
from tests.differential.model import funding, tokens
from tests.differential.model.state import ZERO, Fund, Mirror, World, require

MOST_URL_BYTES = 512
MISSED_SIGNS_OF_LIFE = 4


def register(world: World, caller: str, value: int, number: int, url: str, payout: str, stake: int, former: int) -> int:
    """Registers a mirror with a stake; it counts from the next epoch's start."""
    fund = funding.fund_of(world, number)
    require(stake >= fund.min_stake, "StakeTooLow")
    require(payout != ZERO, "ZeroPayout")
    require(0 < len(url) <= MOST_URL_BYTES, "InvalidUrl")
    same = [one for one in fund.mirrors if (one.operator, one.url) == (caller, url)]
    require(all(one.end for one in same), "AlreadyRegistered")
    funding.accrue(world, fund)
    dearer = max(fund.offer.reward, fund.next_offer.reward if fund.changes_at else 0)
    require(max(0, fund.free) // dearer >= world.terms.min_cover, "NotCovered")
    position = _position(world, fund, former)
    tokens.receive(world, world.wrapped, caller, value, stake)
    start = world.epoch + 1
    mirror = Mirror(
        len(world.mirrors) + 1, number, caller, url, position, start, [(0, payout)], stake, stake,
        fund.reported + start - funding.owed_from(fund, start),
    )  # fmt: skip
    mirror.seen = mirror.reported_at_start
    world.mirrors.append(mirror)
    fund.mirrors.append(mirror)
    fund.holders[position:] = [mirror, *fund.holders[position + 1 :]]
    _bind_set(world, fund, merkle.registered(latest_set(fund), mirror.number, position, caller, url, start))
    return mirror.number


def leave(world: World, caller: str, value: int, number: int) -> None:
    """Ends a mirror with the current epoch."""
    del value
    mirror = _operated(world, caller, number)
    require(not mirror.end, "AlreadyExited")
    _end(world, mirror)


def remove_dead(world: World, caller: str, value: int, number: int) -> None:
    """Ends a mirror that has shown no sign of life in the last four reported epochs."""
    del caller, value
    mirror = mirror_of(world, number)
    require(not mirror.end, "AlreadyExited", "StillAlive")
    fund = world.funds[mirror.fund - 1]
    require(fund.reported - mirror.seen >= MISSED_SIGNS_OF_LIFE, "StillAlive")
    _end(world, mirror)


def change_payout(world: World, caller: str, value: int, number: int, payout: str) -> None:
    """Changes where the credit is sent, from the next epoch's start."""
    del value
    require(payout != ZERO, "ZeroPayout")
    mirror = _operated(world, caller, number)
    mirror.payouts.append((world.epoch + 1, payout))


def release_stake(world: World, caller: str, value: int, number: int) -> None:
    """Sends the stake of an ended mirror, but for what is locked, back to its operator."""
    del caller, value
    mirror = mirror_of(world, number)
    require(mirror.end and world.epoch >= mirror.end + world.terms.unbonding, "StillBonded")
    amount = mirror.stake - locked(mirror)
    require(amount > 0, "NoStake")
    mirror.stake -= amount
    tokens.transfer(world, world.wrapped, world.fund_contract, mirror.operator, amount)


def withdraw(world: World, caller: str, value: int, number: int) -> int:
    """Sends a mirror's credit to its payout address."""
    del caller, value
    mirror = mirror_of(world, number)
    require(mirror.credit > 0, "NothingToWithdraw")
    amount, mirror.credit = mirror.credit, 0
    tokens.transfer(world, world.funds[mirror.fund - 1].token, world.fund_contract, payout_of(world, mirror), amount)
    return amount


def mirror_of(world: World, number: int) -> Mirror:
    """The mirror of this number."""
    require(0 < number <= len(world.mirrors), "UnknownMirror")
    return world.mirrors[number - 1]


def payout_of(world: World, mirror: Mirror) -> str:
    """Where its credit is sent now."""
    return [payout for since, payout in mirror.payouts if since <= world.epoch][-1]


def locked(mirror: Mirror) -> int:
    """What of its stake waits for the arbiter."""
    return sum(lock.amount for lock in mirror.locks.values() if lock.state == lock.state.LOCKED)


def set_at(fund: Fund, epoch: int) -> Digest:
    """The digest of the mirror set in force in an epoch."""
    return Digest([merkle.NO_MIRRORS, *(digest for since, digest in fund.sets if since <= epoch)][-1])


def _operated(world: World, caller: str, number: int) -> Mirror:
    mirror = mirror_of(world, number)
    require(mirror.operator == caller, "NotOperator")
    return mirror


def _position(world: World, fund: Fund, former: int) -> int:
    if not former:
        require(len(fund.holders) < funding.MOST_MIRRORS, "NoPositionLeft")
        return len(fund.holders)
    require(0 < former <= len(world.mirrors), "PositionNotFree")
    taken = world.mirrors[former - 1]
    free = taken.fund == fund.number and taken.end and not taken.displaced
    require(free and fund.settled >= taken.end, "PositionNotFree")
    taken.displaced = True
    return taken.position


def latest_set(fund: Fund) -> Digest:
    """The digest that the next registration or exit builds on."""
    return Digest(fund.sets[-1][1]) if fund.sets else merkle.NO_MIRRORS


def _bind_set(world: World, fund: Fund, digest: Digest) -> None:
    since = world.epoch + 1
    if fund.sets and fund.sets[-1][0] == since:
        fund.sets.pop()
    fund.sets.append((since, digest))


def _end(world: World, mirror: Mirror) -> None:
    fund = world.funds[mirror.fund - 1]
    mirror.end = world.epoch + 1
    _bind_set(world, fund, merkle.ended(latest_set(fund), mirror.number, mirror.end))
