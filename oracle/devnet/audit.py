"""The demo's accounting, checked on what the chain says: every failure is one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from oracle.chain.structs import Offer
from oracle.merkle import parse_vector
from oracle.model import ONE
from oracle.payout import Payout, shares, unpaid

PAID = 0
"""`IRedundancyFund.Settlement.Paid`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One `EpochSettled` of the fund."""

    epoch: int
    settlement: int
    paid_wei: int
    fee_wei: int
    returned_wei: int
    vector: bytes


@dataclass(frozen=True, slots=True)
class Books:
    """All that the chain holds of one fund's money; mirrors by id, `reports` has one entry for each report posted."""

    offer: Offer
    settled: tuple[Settled, ...]
    reports: tuple[int, ...]
    positions: Mapping[int, int]
    credit_wei: Mapping[int, int]
    withdrawn_wei: Mapping[int, int]
    received_wei: Mapping[int, int]
    fees_open_wei: int
    fees_withdrawn_wei: int
    deposited_wei: int
    unspent_wei: int
    held_wei: int
    stakes_wei: int
    stakes_held_wei: int


def payout(offer: Offer, settled: Settled) -> Payout[int]:
    """What an epoch must have paid, by position."""
    if settled.settlement != PAID:
        return unpaid(offer.reward_wei)
    weights = {position: entry.weight for position, entry in enumerate(parse_vector(settled.vector))}
    return shares(offer.reward_wei, offer.target, offer.fee_bps, weights)


def failures(books: Books, epochs: Iterable[int]) -> list[str]:
    """Everything that does not add up; `epochs` are those that had to be reported and settled."""
    found = [*_completeness(books, epochs), *_weights(books)]
    if any("(P2)" in failure for failure in found):
        return found  # nothing can be recomputed from such weights
    for settled in books.settled:
        found += _epoch(books.offer, settled)
    return [*found, *_mirrors(books), *_totals(books)]


def credits_of(books: Books, mirror: int) -> dict[int, int]:
    """What a mirror was credited, by epoch, recomputed from the weight vectors."""
    position = books.positions[mirror]
    return {settled.epoch: payout(books.offer, settled).credits.get(position, 0) for settled in books.settled}


def _completeness(books: Books, epochs: Iterable[int]) -> Iterator[str]:
    paid = [settled.epoch for settled in books.settled if settled.settlement == PAID]
    for epoch in epochs:
        if (posted := books.reports.count(epoch)) != 1:
            yield f"epoch {epoch} has {posted} reports"
        if (times := paid.count(epoch)) != 1:
            yield f"epoch {epoch} was settled with its weights {times} times"


def _weights(books: Books) -> Iterator[str]:
    for settled in books.settled:
        if sum(entry.weight for entry in parse_vector(settled.vector)) > books.offer.target * ONE:
            yield f"epoch {settled.epoch}: the weights exceed the target (P2)"
        if settled.paid_wei > books.offer.reward_wei:
            yield f"epoch {settled.epoch}: paid more than its reward (P2)"


def _epoch(offer: Offer, settled: Settled) -> Iterator[str]:
    name, due = f"epoch {settled.epoch}", payout(offer, settled)
    if settled.paid_wei + settled.returned_wei != offer.reward_wei:
        yield f"{name}: paid and returned are not the reward"
    if (settled.paid_wei, settled.fee_wei, settled.returned_wei) != (due.paid, due.fee, due.returned):
        yield f"{name}: paid {settled.paid_wei}, by its weights {due.paid}"
    if sum(due.credits.values()) + settled.fee_wei != settled.paid_wei:
        yield f"{name}: credits and fee are not what was paid"


def _mirrors(books: Books) -> Iterator[str]:
    for mirror in books.positions:
        credited = sum(credits_of(books, mirror).values())
        if credited != books.credit_wei[mirror] + books.withdrawn_wei[mirror]:
            yield f"mirror {mirror}: credited {credited}, but open and withdrawn credit differ from it"
        withdrawn, received = books.withdrawn_wei[mirror], books.received_wei[mirror]
        if received != withdrawn:
            yield f"mirror {mirror}: withdrew {withdrawn}, its account has {received}"


def _totals(books: Books) -> Iterator[str]:
    open_wei = sum(books.credit_wei.values()) + books.fees_open_wei
    gone_wei = sum(books.withdrawn_wei.values()) + books.fees_withdrawn_wei
    vested_wei = len(books.settled) * books.offer.reward_wei
    if not open_wei + gone_wei <= vested_wei <= books.deposited_wei:
        yield f"credits and paid {open_wei + gone_wei}, vested {vested_wei}, deposited {books.deposited_wei} (P1)"
    if open_wei + gone_wei != sum(settled.paid_wei for settled in books.settled):
        yield "credits, fees and withdrawals are not what the epochs paid (P1)"
    if books.unspent_wei != books.deposited_wei - open_wei - gone_wei:
        yield f"the fund's value {books.unspent_wei} is not what was deposited less what was paid (P1)"
    if books.held_wei < open_wei + books.unspent_wei:
        yield f"the contract holds {books.held_wei} tokens, less than credits, fees and unspent money (P1)"
    if books.stakes_held_wei < books.stakes_wei:
        yield f"the contract holds {books.stakes_held_wei} in wrapped coin, stakes are {books.stakes_wei} (P1)"
