"""What the contracts' views return, as frozen values with our names and units."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any

from oracle.model import Address, Digest


class Outcome(StrEnum):
    """What became of one epoch of one committee; in the order of `IOracleCommittee.Outcome`."""

    OPEN = "open"
    MISSED = "missed"
    PENDING = "pending"
    FINAL = "final"
    VOIDED = "voided"


OUTCOMES = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all funds of a contract, in epochs."""

    deposit_notice: int
    change_notice: int
    unbonding: int
    settle_time: int
    min_cover: int
    lock_time: int


@dataclass(frozen=True, slots=True)
class Offer:
    """An epoch pays `reward_wei` for `target` effective mirrors; `fee_bps` of it goes to the committee."""

    reward_wei: int
    target: int
    fee_bps: int
    committee: int


@dataclass(frozen=True, slots=True)
class Slashing:
    """Fixed with the fund: who may void its epochs and burn of a stake at most `epoch_bps` for one epoch and `life_bps`
    in all, of the stake as registered."""

    arbiter: str
    epoch_bps: int
    life_bps: int


NOBODY = Address("0x" + "00" * 20)
NO_SLASHING = Slashing(NOBODY, 0, 0)


@dataclass(frozen=True, slots=True)
class NewFund:
    """What makes a fund; `policy` is the canonical JSON of a `Policy`."""

    token: str
    offer: Offer
    min_stake_wei: int
    app: str
    policy: bytes
    release: Digest
    release_url: str
    slashing: Slashing = NO_SLASHING


@dataclass(frozen=True, slots=True)
class Permit:
    """An EIP-2612 signature that lets the fund contract take the amount, until the Unix time `deadline_s`."""

    deadline_s: int
    v: int
    r: bytes
    s: bytes


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a fund is settled: `epoch` is the next, `segment` the run of funded epochs that it may lie in; of the
    queues of turns and mirror sets, `turn` of `turns` and `set` of `sets` are dealt with."""

    epoch: int
    segment: int
    turns: int
    turn: int
    sets: int
    set: int
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
class Turn:
    """Deposits that join and leave at the start of `epoch`, all at one price."""

    epoch: int
    joining_wei: int
    aside_wei: int


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
    locked_wei: int = 0
    slashed_wei: int = 0


class LockState(StrEnum):
    """What became of a lock; in the order of `IRedundancyFund.LockState`."""

    NONE = "none"
    LOCKED = "locked"
    RELEASED = "released"
    BURNED = "burned"


LOCK_STATES = tuple(LockState)


@dataclass(frozen=True, slots=True)
class Lock:
    """A part of a stake that waits for the arbiter; `placed` is the epoch in which it was locked."""

    amount_wei: int
    placed: int
    answered: bool
    state: LockState


class Ruling(StrEnum):
    """What was said of a challenge; in the order of `IOracleCommittee.Ruling`."""

    NONE = "none"
    VOIDED = "voided"
    STANDS = "stands"


RULINGS = tuple(Ruling)


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge of one fund's part of a report; `challenger` is NOBODY where there is none."""

    challenger: Address
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Bond:
    """What a member pledges; from the Unix time `free_from_s` on (None: no notice is given) it may be taken back."""

    amount_wei: int
    free_from_s: int | None


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
        cursor=Cursor(**{name: getattr(raw.cursor, name) for name in Cursor.__slots__}),
    )


def segment(raw: Any) -> Segment:
    """From the contract's tuple."""
    return Segment(raw.first, raw.last, offer(raw))


def turn(raw: Any) -> Turn:
    """From the contract's tuple."""
    return Turn(raw.epoch, raw.joining, raw.aside)


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
        raw.locked,
        raw.slashed,
    )


def lock(raw: Any) -> Lock:
    """From the contract's tuple."""
    return Lock(raw.amount, raw.placed, raw.answered, LOCK_STATES[raw.state])


def challenge(raw: Any) -> Challenge:
    """From the contract's tuple."""
    return Challenge(Address(raw.challenger), RULINGS[raw.ruling])


def bond(raw: Any) -> Bond:
    """From the contract's tuple."""
    return Bond(raw.amount, raw.freeFrom or None)


def new_fund(made: NewFund) -> tuple[object, ...]:
    """As the contract's tuple."""
    slashing = (made.slashing.arbiter, made.slashing.epoch_bps, made.slashing.life_bps)
    first = (made.token, astuple(made.offer), made.min_stake_wei, slashing, made.app)
    return (*first, made.policy, made.release, made.release_url)


def deposit_state(raw: Any) -> DepositState:
    """From the contract's tuple."""
    return DepositState(Address(raw.holder), raw.fund, raw.amount, raw.ready, raw.left, raw.collected)


def committee_config(raw: Any) -> CommitteeConfig:
    """From the contract's tuple."""
    members = tuple(Address(member) for member in raw.members)
    return CommitteeConfig(raw.since, raw.quorum, Address(raw.feeRecipient), Digest("0x" + raw.digest.hex()), members)
