"""Funds and their depositors, as `IRedundancyFund` and docs/funding.md say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from oracle.digests import address_word, keccak256, uint_word
from tests.differential.model import committees, shares, tokens
from tests.differential.model.state import (
    MOST_MONEY,
    ZERO,
    Deposit,
    Fund,
    Offer,
    Refused,
    Slashing,
    Turn,
    World,
    require,
)

MOST_MIRRORS = 256
MOST_FEE_BPS = 2_000
MOST_SLASH_BPS = 5_000


def terms_digest(known: int, owner: str, token: str, offer: Offer, slashing: Slashing, policy: bytes) -> bytes:
    """What a committee accepts of a fund, 0 for a new one:
    keccak256(abi.encode(known, owner, token, offer, slashing, keccak256(policy)))."""
    arbiter, *caps = slashing
    judged = (address_word(arbiter), *map(uint_word, caps))
    who = (uint_word(known), address_word(owner), address_word(token))
    return keccak256(b"".join((*who, *map(uint_word, offer), *judged, keccak256(policy))))


def create_fund(
    world: World, caller: str, value: int, token: str, offer: Offer, min_stake: int, slashing: Slashing, policy: bytes,
    release: bytes,
) -> int:  # fmt: skip
    """Opens a fund; it binds from the next epoch's start."""
    del value
    require(token in world.tokens, "NotAContract")
    _check_slashing(slashing)
    _accept_offer(world, 0, caller, token, offer, slashing, policy)
    number = len(world.funds) + 1
    first = world.epoch + 1
    world.funds.append(Fund(number, caller, token, min_stake, slashing, offer, first, release, settled=first))
    return number


def publish_release(world: World, caller: str, value: int, number: int, release: bytes) -> None:
    """Names another release."""
    del value
    fund = fund_of(world, number)
    require(caller == fund.owner, "NotOwner")
    fund.release = release


def announce_change(world: World, caller: str, value: int, number: int, offer: Offer, policy: bytes) -> None:
    """Announces other terms; they bind after the change notice, and replace what was announced before and has not."""
    del value
    fund = fund_of(world, number)
    require(caller == fund.owner, "NotOwner")
    _accept_offer(world, number, caller, fund.token, offer, fund.slashing, policy)
    accrue(world, fund)
    fund.next_offer, fund.changes_at = offer, world.epoch + world.terms.change_notice


def top_up(world: World, caller: str, value: int, number: int, amount: int) -> int:
    """Adds to the free money; joins at the next epoch's start."""
    fund = fund_of(world, number)
    require(amount > 0, "ZeroAmount")
    accrue(world, fund)
    require(fund.deposited + amount <= MOST_MONEY, "DepositTooLarge")
    tokens.receive(world, fund.token, caller, value, amount)
    fund.deposited += amount
    fund.free += amount
    turn = _next_turn(world, fund)
    deposit = Deposit(len(world.deposits) + 1, number, caller, amount, turn)
    turn.joining.append(deposit)
    world.deposits.append(deposit)
    return deposit.number


def top_up_with_permit(world: World, caller: str, value: int, number: int, amount: int, shown: tokens.Permit) -> int:
    """The same after a permit of just this much; where that fails, what was allowed before is enough or not."""
    fund = fund_of(world, number)
    if world.tokens[fund.token].permits and shown.amount == amount:
        with suppress(Refused):
            tokens.permit(world, caller, 0, fund.token, shown)
    return top_up(world, caller, value, number, amount)


def give_notice(world: World, caller: str, value: int, number: int) -> None:
    """Announces that a deposit will leave."""
    del value
    deposit = _held(world, caller, number)
    deposit.ready = world.epoch + world.terms.deposit_notice


def depart(world: World, caller: str, value: int, number: int) -> None:
    """Takes a deposit out of the free money from the next epoch's start."""
    del value
    deposit = _held(world, caller, number)
    require(deposit.ready, "NoNotice")
    require(world.epoch >= deposit.ready, "NoticeNotOver")
    require(world.epoch < deposit.ready + world.terms.deposit_notice, "NoticeLapsed")
    require(deposit.joined.price, "NotSettledYet")
    fund = fund_of(world, deposit.fund)
    accrue(world, fund)
    shares.set_aside(fund, deposit, _next_turn(world, fund))


def collect(world: World, caller: str, value: int, number: int) -> None:
    """Sends a deposit that has left what it is worth, to its holder."""
    del caller, value
    deposit = _deposit(world, number)
    require(deposit.leaves, "NotDeparted")
    require(not deposit.collected, "AlreadyCollected")
    assert deposit.leaves
    require(deposit.leaves.price, "NotSettledYet")
    deposit.collected = True
    fund = fund_of(world, deposit.fund)
    fund.deposited -= deposit.payable
    tokens.transfer(world, fund.token, world.fund_contract, deposit.holder, deposit.payable)


def fund_of(world: World, number: int) -> Fund:
    """The fund of this number."""
    require(0 < number <= len(world.funds), "UnknownFund")
    return world.funds[number - 1]


def offer_at(fund: Fund, epoch: int) -> Offer:
    """The offer that binds an epoch."""
    return fund.next_offer if fund.changes_at and epoch >= fund.changes_at else fund.offer


def undecided(world: World, fund: Fund) -> Iterator[Offer | None]:
    """For each epoch that has started and is not yet decided, the terms it is funded on, or None for a dry one."""
    free = fund.free
    for epoch in range(fund.first + len(fund.decided), world.epoch + 1):
        offer = offer_at(fund, epoch)
        funded = free >= offer.reward
        free -= offer.reward if funded else 0
        yield offer if funded else None


def accrue(world: World, fund: Fund) -> None:
    """Decides which epochs are owed; a change that has bound by now is the offer from here on."""
    decided = list(undecided(world, fund))
    fund.free -= sum(offer.reward for offer in decided if offer)
    fund.decided += decided
    if fund.changes_at and world.epoch >= fund.changes_at:
        fund.offer, fund.changes_at = fund.next_offer, 0


def owed_from(fund: Fund, start: int) -> int:
    """The first funded epoch that is not settled; `start` if none that has begun is owed."""
    owed = (epoch for epoch, offer in enumerate(fund.decided, fund.first) if offer and epoch >= fund.settled)
    return next(owed, start)


def _accept_offer(
    world: World, known: int, owner: str, token: str, offer: Offer, slashing: Slashing, policy: bytes
) -> None:
    require(offer.reward > 0, "ZeroReward")
    require(0 < offer.target <= MOST_MIRRORS, "InvalidTarget")
    require(offer.fee_bps <= MOST_FEE_BPS, "FeeTooHigh")
    committees.use_acceptance(world, offer.committee, terms_digest(known, owner, token, offer, slashing, policy))


def _check_slashing(slashing: Slashing) -> None:
    require(slashing.epoch_bps <= slashing.life_bps <= MOST_SLASH_BPS, "InvalidSlashing")
    require(slashing.arbiter != ZERO or slashing.life_bps == 0, "InvalidSlashing")


def _next_turn(world: World, fund: Fund) -> Turn:
    epoch = world.epoch + 1
    if not fund.turns or fund.turns[-1].epoch != epoch or fund.turns[-1].price:
        fund.turns.append(Turn(epoch, rebases=fund.rebases))
    return fund.turns[-1]


def _deposit(world: World, number: int) -> Deposit:
    require(0 < number <= len(world.deposits), "NotHolder")
    return world.deposits[number - 1]


def _held(world: World, caller: str, number: int) -> Deposit:
    deposit = _deposit(world, number)
    require(deposit.holder == caller, "NotHolder")
    require(not deposit.leaves, "AlreadyDeparted")
    return deposit
