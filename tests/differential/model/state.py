"""What the model knows: plain records, one for each thing that the interfaces name, and lists by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

ZERO = "0x" + "00" * 20
BURNED = "0x000000000000000000000000000000000000dead"
MOST_MONEY = (1 << 96) - 1


class Refused(Exception):
    """A call that breaks a rule; `names` are the contract's errors of the same meaning, mostly one."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.names = names


def require(holds: object, *names: str) -> None:
    """Refuses the call unless the rule `holds`."""
    if not holds:
        raise Refused(*names)


class Clock(NamedTuple):
    """`IOracleCommittee.Clock`, in seconds."""

    genesis: int
    length: int
    grace: int
    window: int
    arbitration: int

    def epoch(self, now: int) -> int:
        """The epoch of a moment; 0 before the first."""
        return max(0, now - self.genesis) // self.length

    def end(self, epoch: int) -> int:
        """The moment at which an epoch is over."""
        return self.genesis + (epoch + 1) * self.length


class Terms(NamedTuple):
    """`IRedundancyFund.Terms`, in epochs."""

    deposit_notice: int
    change_notice: int
    unbonding: int
    settle_time: int
    min_cover: int
    lock_time: int


class Offer(NamedTuple):
    """`IRedundancyFund.Offer`."""

    reward: int
    target: int
    fee_bps: int
    committee: int


NO_OFFER = Offer(0, 0, 0, 0)


class Slashing(NamedTuple):
    """`IRedundancyFund.Slashing`."""

    arbiter: str
    epoch_bps: int
    life_bps: int


@dataclass
class Token:
    """An ERC-20 token without peculiarities; `permits` if it has ERC-2612's permit."""

    balances: dict[str, int] = field(default_factory=dict)
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    permits: bool = False
    nonces: dict[str, int] = field(default_factory=dict)


class Config(NamedTuple):
    """A committee's members from the start of epoch `since`."""

    since: int
    members: tuple[str, ...]
    quorum: int
    fee_recipient: str


class Ruling(IntEnum):
    """What an arbiter has said of a challenge."""

    NONE = 0
    VOIDED = 1
    STANDS = 2


class Outcome(IntEnum):
    """What became of an epoch."""

    OPEN = 0
    MISSED = 1
    PENDING = 2
    FINAL = 3
    VOIDED = 4


@dataclass
class Report:
    """The one report of a committee and epoch."""

    root: bytes
    accepted_at: int


@dataclass
class Challenge:
    """The one challenge of one fund's part of a report."""

    challenger: str
    ruling: Ruling = Ruling.NONE


class Bond(NamedTuple):
    """What a member has posted, and from when it may be taken; 0 without a notice."""

    amount: int
    free_from: int = 0


class Price(NamedTuple):
    """What all shares are worth together at a turn."""

    value: int
    shares: int


@dataclass
class Turn:
    """Who joins and who leaves at the start of one epoch.

    `aside` is kept for those who leave until the price is known, then it is what they get together; `shares` are theirs
    together, in the unit after `rebases`.
    """

    epoch: int
    joining: list[Deposit] = field(default_factory=list)
    leaving: list[Deposit] = field(default_factory=list)
    aside: int = 0
    shares: int = 0
    rebases: int = 0
    price: Price | None = None


@dataclass
class Deposit:
    """One deposit; `shares` are exact and its own from the turn at which it joins until the one at which it leaves."""

    number: int
    fund: int
    holder: str
    amount: int
    joined: Turn
    shares: int = 0
    ready: int = 0
    leaves: Turn | None = None
    payable: int = 0
    collected: bool = False


@dataclass
class Mirror:
    """One mirror; its credit and the counts of its signs of life are its own, whatever its position."""

    number: int
    fund: int
    operator: str
    url: str
    position: int
    start: int
    payouts: list[tuple[int, str]]
    stake: int
    registered_stake: int
    reported_at_start: int
    end: int = 0
    displaced: bool = False
    credit: int = 0
    seen: int = 0
    slashed: int = 0
    locks: dict[int, Lock] = field(default_factory=dict)


class LockState(IntEnum):
    """`IRedundancyFund.LockState`."""

    NONE = 0
    LOCKED = 1
    RELEASED = 2
    BURNED = 3


@dataclass
class Lock:
    """A part of a stake that waits for the arbiter."""

    amount: int
    placed: int
    answered: bool = False
    state: LockState = LockState.LOCKED


@dataclass
class Fund:
    """One fund. `decided` holds, for each epoch from `first` on that has started, the terms it was funded on, or None.

    `settled` is the first epoch that is not settled; `holders` have the positions, `sets` the digests by epoch.
    """

    number: int
    owner: str
    token: str
    min_stake: int
    slashing: Slashing
    offer: Offer
    first: int
    release: bytes = bytes(32)
    next_offer: Offer = NO_OFFER
    changes_at: int = 0
    decided: list[Offer | None] = field(default_factory=list)
    deposited: int = 0
    value: int = 0
    shares: int = 0
    rebases: int = 0
    free: int = 0
    settled: int = 0
    turns: list[Turn] = field(default_factory=list)
    sets: list[tuple[int, str]] = field(default_factory=list)
    mirrors: list[Mirror] = field(default_factory=list)
    holders: list[Mirror] = field(default_factory=list)
    reported: int = 0
    sets_used: int = 0
    outcomes: list[str] = field(default_factory=list)


@dataclass
class World:
    """Everything, at the moment `now`. Numbers of funds, deposits, mirrors and committees count from 1."""

    clock: Clock
    terms: Terms
    challenge_bond: int
    fund_contract: str
    committee_contract: str
    wrapped: str
    now: int
    tokens: dict[str, Token] = field(default_factory=dict)
    committees: list[list[Config]] = field(default_factory=list)
    reports: dict[tuple[int, int], Report] = field(default_factory=dict)
    challenges: dict[tuple[int, int, int], Challenge] = field(default_factory=dict)
    acceptances: dict[tuple[int, bytes], int] = field(default_factory=dict)
    bonds: dict[tuple[int, str], Bond] = field(default_factory=dict)
    accepted: set[tuple[int, int, bytes, int]] = field(default_factory=set)
    funds: list[Fund] = field(default_factory=list)
    deposits: list[Deposit] = field(default_factory=list)
    mirrors: list[Mirror] = field(default_factory=list)
    fees: dict[tuple[int, str], int] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """The current epoch."""
        return self.clock.epoch(self.now)
