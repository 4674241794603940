"""A fund's money as its rows tell it: what came, what is owed, what is free, how long it lasts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.store.ledger import Offer
from oracle.store.shares import Leaving, leavers
from oracle.store.tables import deposits, offers, settlements

MOST_UNSETTLED = 100_000


@dataclass(frozen=True, slots=True)
class Deposit:
    """A depositor's money; `left_epoch` is the first epoch that it no longer pays for."""

    deposit: int
    holder: str
    amount_wei: int
    binds_from: int
    ready_epoch: int | None
    left_epoch: int | None
    collected_wei: int | None
    tx_hash: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one settled epoch paid: "paid", "missed", "given_up" or "voided". It was settled in `settled_epoch`; what
    came back then pays for later ones."""

    epoch: int
    settlement: str
    paid_wei: int
    fee_wei: int
    returned_wei: int
    tx_hash: str
    settled_epoch: int


@dataclass(frozen=True, slots=True)
class Treasury:
    """`balance_wei` is all that the fund holds, `owed_wei` what of it belongs to epochs that started but are not
    settled, `aside_wei` what is set aside for depositors who leave, `free_wei` the rest: enough for `runway_epochs`
    after the present one (None when an epoch costs nothing)."""

    deposited_wei: int
    paid_wei: int
    fee_wei: int
    returned_wei: int
    balance_wei: int
    owed_wei: int
    aside_wei: int
    free_wei: int
    runway_epochs: int | None


def offers_of(connection: sa.Connection, fund: int) -> list[Offer]:
    """All offers of a fund, oldest first."""
    rows = connection.execute(sa.select(offers).where(offers.c.fund == fund).order_by(offers.c.binds_from))
    return [Offer(**row._mapping) for row in rows]


def offer_at(known: Sequence[Offer], epoch: int) -> Offer:
    """The offer in force in an epoch; before the first one, the first."""
    return known[max(0, bisect_right(known, epoch, key=lambda offer: offer.binds_from) - 1)]


def deposits_of(connection: sa.Connection, fund: int) -> list[Deposit]:
    """All deposits of a fund, newest first."""
    rows = deposits.c
    found = connection.execute(sa.select(deposits).where(rows.fund == fund).order_by(rows.deposit.desc()))
    return [Deposit(**{name: getattr(row, name) for name in Deposit.__slots__}) for row in found]


def settlements_of(connection: sa.Connection, fund: int) -> list[Settlement]:
    """All settled epochs of a fund, newest first."""
    rows = settlements.c
    query = sa.select(*(rows[name] for name in Settlement.__slots__))
    found = connection.execute(query.where(rows.fund == fund).order_by(rows.epoch.desc()))
    return [Settlement(**row._mapping) for row in found]


def treasury(
    known: Sequence[Offer], given: Sequence[Deposit], settled: Sequence[Settlement], created_epoch: int, epoch: int
) -> Treasury:
    """The money of a fund in `epoch`, from all its offers (oldest first), deposits and settlements.

    An epoch is owed if the money free at its start covers its reward; what is returned pays for later epochs only.
    """
    paid = sum(one.paid_wei for one in settled)
    owing = owed_epochs(known, given, settled, created_epoch, epoch)
    owed = sum(owing.values())
    balance = sum(one.amount_wei - (one.collected_wei or 0) for one in given) - paid
    aside = min(max(0, balance - owed), _leaving(given, settled, owing, epoch + 1))
    free = max(0, balance - owed - aside)
    reward = offer_at(known, epoch + 1).reward_wei
    return Treasury(
        deposited_wei=sum(one.amount_wei for one in given),
        paid_wei=paid,
        fee_wei=sum(one.fee_wei for one in settled),
        returned_wei=sum(one.returned_wei for one in settled),
        balance_wei=balance,
        owed_wei=owed,
        aside_wei=aside,
        free_wei=free,
        runway_epochs=free // reward if reward else None,
    )


def owed_epochs(
    known: Sequence[Offer], given: Sequence[Deposit], settled: Sequence[Settlement], created_epoch: int, epoch: int
) -> dict[int, int]:
    """The rewards of the epochs up to `epoch` that are not settled but were funded at their start, by epoch: from what
    was free then, of which what came back later is no part."""
    next_unsettled = max((one.epoch + 1 for one in settled), default=created_epoch + 1)
    free, changes = 0, _changes(given, settled, leavers(given, settled))
    owed: dict[int, int] = {}
    unsettled = range(next_unsettled, epoch + 1)[-MOST_UNSETTLED:]
    for started in unsettled:
        while changes and changes[-1][0] <= started:
            _, amount, settled_before = changes.pop()
            free += amount if settled_before <= next(iter(owed), started) else 0
        reward = offer_at(known, started).reward_wei
        if free >= reward:
            owed[started] = reward
            free -= reward
    return owed


def _changes(
    given: Sequence[Deposit], settled: Sequence[Settlement], leaving: Sequence[Leaving]
) -> list[tuple[int, int, int]]:
    """What joins and leaves, by epoch, the latest first; only if no epoch before the third number is owed. A reward
    leaves at its epoch's start, and what is left of it joins after its settlement."""
    joined = [(one.binds_from, one.amount_wei, 0) for one in given]
    gone = [(one.left_epoch, -one.aside_wei, 0) for one in leaving]
    freed = [(one.freed_epoch, one.aside_wei - one.out_wei, one.left_epoch) for one in leaving]
    rewards = [(one.epoch, -one.paid_wei - one.returned_wei, 0) for one in settled]
    returned = [(one.settled_epoch + 1, one.returned_wei, 0) for one in settled]
    return sorted(joined + gone + freed + rewards + returned, reverse=True)


def _leaving(given: Sequence[Deposit], settled: Sequence[Settlement], owing: Collection[int], epoch: int) -> int:
    """What is kept for depositors who have left by `epoch` and not collected."""
    earliest, kept = min(owing, default=epoch), 0
    for one in leavers(given, settled):
        if one.left_epoch <= epoch and one.collected_wei is not None:
            kept += (one.out_wei if one.left_epoch <= earliest else one.aside_wei) - one.collected_wei
    return kept
