"""What the contracts' views return, as frozen values with our names and units."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oracle.model import Address, Digest


class Outcome(StrEnum):
    """What became of one epoch of one committee; in the order of `IOracleCommittee.Outcome`."""

    OPEN = "open"
    MISSED = "missed"
    PENDING = "pending"
    FINAL = "final"


OUTCOMES = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all funds of a contract, in epochs."""

    deposit_notice: int
    change_notice: int
    unbonding: int
    settle_time: int
    min_cover: int


@dataclass(frozen=True, slots=True)
class Offer:
    """An epoch pays `reward_wei` for `target` effective mirrors; `fee_bps` of it goes to the committee."""

    reward_wei: int
    target: int
    fee_bps: int
    committee: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a fund is settled: `epoch` is the next, `segment` the run of funded epochs that it may lie in."""

    epoch: int
    segment: int
    reported: int
    positions: int


@dataclass(frozen=True, slots=True)
class FundState:
    """A fund as the contract keeps it: see `IRedundancyFund.Fund`."""

    token: Address
    owner: Address
    min_stake_wei: int
    offer: Offer
    next_offer: Offer
    changes_at: int
    deposited_wei: int
    value_wei: int
    free_wei: int
    accrued: int
    segments: int
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of epochs, `first` to `last` included, that were funded at their start on the same terms."""

    first: int
    last: int
    offer: Offer


@dataclass(frozen=True, slots=True)
class MirrorState:
    """A mirror as the contract keeps it; it counts in epochs from `start` to before `end` (None while it stays)."""

    operator: Address
    payout: Address
    fund: int
    position: int
    stake_wei: int
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class DepositState:
    """A deposit as the contract keeps it."""

    holder: Address
    fund: int
    amount_wei: int
    ready: int
    left: int
    collected: bool


@dataclass(frozen=True, slots=True)
class CommitteeConfig:
    """Who may sign for a committee from the start of epoch `since`."""

    since: int
    quorum: int
    fee_recipient: Address
    digest: Digest
    members: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Reveal:
    """The weight vector of one epoch with its proof; both empty for an epoch that was missed or is given up."""

    vector: bytes = b""
    proof: tuple[bytes, ...] = ()


def offer(raw: Any) -> Offer:
    """From the contract's tuple."""
    return Offer(raw.reward, raw.target, raw.feeBps, raw.committee)


def fund_state(raw: Any) -> FundState:
    """From the contract's tuple."""
    return FundState(
        token=Address(raw.token),
        owner=Address(raw.owner),
        min_stake_wei=raw.minStake,
        offer=offer(raw.offer),
        next_offer=offer(raw.nextOffer),
        changes_at=raw.changesAt,
        deposited_wei=raw.deposited,
        value_wei=raw.value,
        free_wei=raw.free,
        accrued=raw.accrued,
        segments=raw.segments,
        cursor=Cursor(raw.cursor.epoch, raw.cursor.segment, raw.cursor.reported, raw.cursor.positions),
    )


def segment(raw: Any) -> Segment:
    """From the contract's tuple."""
    return Segment(raw.first, raw.last, offer(raw))


def mirror_state(raw: Any) -> MirrorState:
    """From the contract's tuple."""
    return MirrorState(
        Address(raw.operator),
        Address(raw.payout),
        raw.fund,
        raw.position,
        raw.stake,
        raw.start,
        raw.end or None,
    )


def deposit_state(raw: Any) -> DepositState:
    """From the contract's tuple."""
    return DepositState(Address(raw.holder), raw.fund, raw.amount, raw.ready, raw.left, raw.collected)


def committee_config(raw: Any) -> CommitteeConfig:
    """From the contract's tuple."""
    members = tuple(Address(member) for member in raw.members)
    return CommitteeConfig(raw.since, raw.quorum, Address(raw.feeRecipient), Digest("0x" + raw.digest.hex()), members)
