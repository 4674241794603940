"""Settlement: what each epoch pays, in order, and the price of shares as it goes (docs/adr/0002, 0003, 0005)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oracle import merkle
from tests.differential.model import committees, funding, shares, tokens
from tests.differential.model.leaves import weights_leaf
from tests.differential.model.mirrors import set_at
from tests.differential.model.state import Fund, Offer, Outcome, World, require

ONE = 10**9
BPS = 10_000


class Reveal(NamedTuple):
    """`IRedundancyFund.Reveal`."""

    vector: bytes
    proof: tuple[bytes, ...]


def settle(world: World, caller: str, value: int, number: int, reveals: Sequence[Reveal]) -> None:
    """Settles funded epochs in order, one for each reveal, and passes over dry ones."""
    del caller, value
    fund = funding.fund_of(world, number)
    funding.accrue(world, fund)
    left = list(reveals)
    while fund.settled <= world.epoch:
        _price_turn(fund)
        offer = fund.decided[fund.settled - fund.first]
        if offer and not left:
            break
        if offer:
            _settle_epoch(world, fund, offer, left.pop(0))
        fund.settled += 1
    _price_turn(fund)
    require(not left, "UnusedReveals")


def withdraw_fee(world: World, caller: str, value: int, committee: int, token: str) -> int:
    """Sends a committee its fees in one token."""
    del caller, value
    amount = world.fees.get((committee, token), 0)
    require(amount > 0, "NothingToWithdraw")
    world.fees[committee, token] = 0
    recipient = committees.config_at(world, committee, world.epoch).fee_recipient
    tokens.transfer(world, token, world.fund_contract, recipient, amount)
    return amount


def _price_turn(fund: Fund) -> None:
    for turn in fund.turns:
        if turn.epoch <= fund.settled and not turn.price:
            shares.price(fund, turn)


def _settle_epoch(world: World, fund: Fund, offer: Offer, reveal: Reveal) -> None:
    epoch = fund.settled
    fund.sets_used = sum(1 for since, _ in fund.sets if since <= epoch)
    outcome = committees.outcome_for(world, offer.committee, epoch, fund.number)
    require(outcome not in (Outcome.OPEN, Outcome.PENDING), "NotFinal")
    proven = outcome is Outcome.FINAL and _is_proven(world, fund, offer, reveal)
    require(proven or not reveal.vector, "WrongProof")
    if outcome is Outcome.FINAL and not proven:
        require(world.epoch > epoch + world.terms.settle_time, "VectorNeeded")
    paid = _pay(world, fund, offer, reveal) if proven else 0
    fund.outcomes.append(_settlement(outcome, proven))
    fund.value -= paid
    fund.free += offer.reward - paid


def _settlement(outcome: Outcome, proven: bool) -> str:
    if outcome is Outcome.FINAL:
        return "paid" if proven else "given up"
    return outcome.name.lower()


def _pay(world: World, fund: Fund, offer: Offer, reveal: Reveal) -> int:
    entries = [int.from_bytes(reveal.vector[i : i + 4], "big") for i in range(0, len(reveal.vector), 4)]
    require(len(reveal.vector) % 4 == 0 and len(entries) <= len(fund.holders), "InvalidVector")
    weights = [entry & 0x7FFFFFFF for entry in entries]
    require(sum(weights) <= offer.target * ONE, "WeightsExceedTarget")
    fund.reported += 1
    fee = offer.reward * offer.fee_bps // BPS if entries else 0
    key = (offer.committee, fund.token)
    world.fees[key] = world.fees.get(key, 0) + fee
    paid = fee
    for mirror, entry, weight in zip(fund.holders, entries, weights, strict=False):
        share = (offer.reward - fee) * weight // (offer.target * ONE)
        mirror.credit += share
        paid += share
        if entry >> 31:
            mirror.seen = max(mirror.seen, fund.reported)
    return paid


def leaf_of(world: World, fund: Fund, epoch: int, vector: bytes) -> bytes:
    """The leaf of kind weights for a vector."""
    return weights_leaf(world.fund_contract, fund.number, epoch, set_at(fund, epoch), vector)


def _is_proven(world: World, fund: Fund, offer: Offer, reveal: Reveal) -> bool:
    leaf = leaf_of(world, fund, fund.settled, reveal.vector)
    root = world.reports[offer.committee, fund.settled].root
    return merkle.verify(root, leaf, reveal.proof)
