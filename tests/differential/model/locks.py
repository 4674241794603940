"""Locks on stakes: what an arbiter may burn, how much of it and when (P11)."""

from __future__ import annotations

from collections.abc import Sequence

from oracle import merkle
from tests.differential.model import committees, funding, tokens
from tests.differential.model.leaves import slash_leaf
from tests.differential.model.mirrors import locked, mirror_of, set_at
from tests.differential.model.state import BURNED, ZERO, Fund, Lock, LockState, Mirror, Offer, Outcome, World, require

BPS = 10_000


def lock_stake(
    world: World, caller: str, value: int, number: int, epoch: int, segment: int, set_: int, proof: Sequence[bytes]
) -> None:
    """Locks a part of a stake, for which a final report of a funded epoch has a leaf of kind slash."""
    del caller, value
    mirror = mirror_of(world, number)
    fund = world.funds[mirror.fund - 1]
    require(fund.slashing.arbiter != ZERO, "NoArbiter")
    require(mirror.start <= epoch and (not mirror.end or epoch < mirror.end), "NotCounting")
    require(world.epoch <= epoch + world.terms.unbonding, "TooLateToLock")
    require(epoch not in mirror.locks, "AlreadyLocked")
    funding.accrue(world, fund)
    require(_is_set(fund, epoch, set_), "WrongSet")
    offer = _funded(fund, epoch, segment)
    _check_leaf(world, fund, offer, mirror, epoch, proof)
    amount = _amount(fund, mirror)
    require(amount > 0, "NothingToLock")
    mirror.locks[epoch] = Lock(amount, world.epoch)


def answer_lock(world: World, caller: str, value: int, number: int, epoch: int) -> None:
    """The operator's answer."""
    del value
    mirror = mirror_of(world, number)
    require(mirror.operator == caller, "NotOperator")
    _open(mirror, epoch).answered = True


def resolve_lock(world: World, caller: str, value: int, number: int, epoch: int, burned: bool) -> None:
    """The arbiter burns or releases; when its time is over anyone may release."""
    del value
    mirror = mirror_of(world, number)
    lock = _open(mirror, epoch)
    expired = world.epoch >= lock.placed + world.terms.lock_time
    require(not expired or not burned, "LockExpired")
    require(expired or caller == world.funds[mirror.fund - 1].slashing.arbiter, "NotArbiter")
    if not burned:
        lock.state = LockState.RELEASED
        return
    require(lock.answered or world.epoch >= lock.placed + world.terms.lock_time // 2, "AnswerFirst")
    lock.state = LockState.BURNED
    mirror.stake -= lock.amount
    mirror.slashed += lock.amount
    tokens.transfer(world, world.wrapped, world.fund_contract, BURNED, lock.amount)


def leaf_of(world: World, fund: Fund, mirror: Mirror, epoch: int) -> bytes:
    """The leaf of kind slash for a mirror."""
    return slash_leaf(world.fund_contract, fund.number, epoch, set_at(fund, epoch), mirror.number)


def _open(mirror: Mirror, epoch: int) -> Lock:
    lock = mirror.locks.get(epoch)
    require(lock and lock.state is LockState.LOCKED, "NotLocked")
    assert lock
    return lock


def _funded(fund: Fund, epoch: int, segment: int) -> Offer:
    runs = segments(fund)
    require(0 < segment <= len(runs) and runs[segment - 1][0] <= epoch <= runs[segment - 1][1], "NotFunded")
    offer = fund.decided[epoch - fund.first]
    assert offer
    return offer


def segments(fund: Fund) -> list[tuple[int, int, Offer]]:
    """Runs of epochs that were funded on the same terms: first, last, terms."""
    runs: list[tuple[int, int, Offer]] = []
    for epoch, offer in enumerate(fund.decided, fund.first):
        if offer and runs and runs[-1][1:] == (epoch - 1, offer):
            runs[-1] = (runs[-1][0], epoch, offer)
        elif offer:
            runs.append((epoch, epoch, offer))
    return runs


def _is_set(fund: Fund, epoch: int, number: int) -> bool:
    return number == sum(1 for since, _ in fund.sets if since <= epoch)


def _check_leaf(world: World, fund: Fund, offer: Offer, mirror: Mirror, epoch: int, proof: Sequence[bytes]) -> None:
    outcome = committees.outcome_for(world, offer.committee, epoch, fund.number)
    require(outcome is Outcome.FINAL, "NotFinal")
    leaf = leaf_of(world, fund, mirror, epoch)
    require(merkle.verify(world.reports[offer.committee, epoch].root, leaf, proof), "WrongProof")


def _amount(fund: Fund, mirror: Mirror) -> int:
    for_epoch = mirror.registered_stake * fund.slashing.epoch_bps // BPS
    for_life = mirror.registered_stake * fund.slashing.life_bps // BPS - mirror.slashed - locked(mirror)
    return min(for_epoch, for_life, mirror.stake - locked(mirror))
