"""The nouns of Mirrorbond: frozen values without behaviour that needs a clock, a socket or a chain.

Amounts are integers in the token's smallest unit (`*_wei`), weights integers in units of 1 / ONE, factors in basis
points of 10,000 (`*_bps`), durations in milliseconds (`*_ms`) or seconds (`*_s`). There are no floats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

FundId = NewType("FundId", int)
MirrorId = NewType("MirrorId", int)
CommitteeId = NewType("CommitteeId", int)
Epoch = NewType("Epoch", int)
Slot = NewType("Slot", int)
Address = NewType("Address", str)
"""An account: 0x and 40 hexadecimal digits with the EIP-55 checksum."""
Digest = NewType("Digest", str)
"""32 bytes as 0x and 64 lower-case hexadecimal digits."""

ONE = 1_000_000_000
"""The weight of one full effective mirror; `RedundancyFund.ONE`."""
FULL_BPS = 10_000
PRIMARY = MirrorId(0)
"""Stands in votes for the fund's primary; mirrors on a chain are numbered from 1."""
MOST_MIRRORS = 256


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no blanks and plain integers: the only form that is hashed or signed.

    Raises: ValueError if the value holds a float, which has no canonical form here.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError(f"canonical JSON holds no floats: {value!r}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"canonical JSON has text keys only: {key!r}")
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)


def printable(raw: bytes) -> str:
    """A stranger's bytes as text that any database takes: NUL and what is not UTF-8 as backslash escapes."""
    return raw.decode(errors="backslashreplace").replace("\0", "\\x00")


class VoteState(StrEnum):
    """What one node says of one mirror in one slot."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a slot counted as it did. Every deduction on any page is one of these."""

    # up
    UP = "up"
    # unknown: nobody can say; never held against one mirror when all are unknown
    NOT_MEASURED = "not_measured"
    """The node did not probe in this slot (it was down, late or overloaded)."""
    SELF_DOUBT = "self_doubt"
    """The node's control targets failed or its clock was off."""
    DISPUTED = "disputed"
    """A quorum of the members could say, but as many saw it up as down."""
    RELEASE_UNREAD = "release_unread"
    """The node could not read the release's manifest from its source."""
    # down: no answer
    DNS = "dns"
    ADDRESS_REFUSED = "address_refused"
    """The name leads to an address that may not be probed."""
    CONNECT = "connect"
    """Refused, reset or unreachable while connecting, twice."""
    TIMEOUT = "timeout"
    TLS = "tls"
    # down: an answer, but not the right one
    PROTOCOL = "protocol"
    """Not valid HTTP, or cut off."""
    HTTP_STATUS = "http_status"
    REDIRECT = "redirect"
    TOO_LARGE = "too_large"
    WRONG_BYTES = "wrong_bytes"
    CHECK_FAILED = "check_failed"
    """A check that the release declares does not hold."""
    STALE_RELEASE = "stale_release"
    """The right bytes of a release whose grace is over."""
    HIDDEN = "hidden"
    """It answers where probes usually come from, and not elsewhere."""
    NOT_OWNER = "not_owner"
    """The host does not name this operator in /.well-known/mirrorbond.json."""
    NOT_ADMITTED = "not_admitted"
    """Not yet read completely since it registered or since the release."""
    # up, but it adds no redundancy in this slot
    SAME_OPERATOR = "same_operator"
    SAME_ADDRESS = "same_address"
    SAME_PREFIX = "same_prefix"
    SAME_NETWORK = "same_network"
    """Others of higher rank in the same network and region: the count is a fraction."""
    STANDBY = "standby"
    """The target was already reached by mirrors of higher rank."""
    RELAYING = "relaying"
    """A quorum saw it pass on the primary's answers in this epoch."""
    # factors on the whole epoch
    SLOW = "slow"
    UNTESTED = "untested"
    FAILED_OUTAGES = "failed_outages"
    # the epoch as such
    DRY = "dry"
    MISSED = "missed"
    GIVEN_UP = "given_up"
    VOIDED = "voided"


REASONS = {reason.value: reason for reason in Reason}
"""By their text: many times as fast as to call the enumeration."""
UNKNOWN_REASONS = frozenset({Reason.NOT_MEASURED, Reason.SELF_DOUBT, Reason.DISPUTED, Reason.RELEASE_UNREAD})
NO_ANSWER_REASONS = frozenset({Reason.DNS, Reason.ADDRESS_REFUSED, Reason.CONNECT, Reason.TIMEOUT, Reason.TLS})
"""Down without a sign of life."""
ANSWERED_REASONS = frozenset(
    {
        Reason.PROTOCOL,
        Reason.HTTP_STATUS,
        Reason.REDIRECT,
        Reason.TOO_LARGE,
        Reason.WRONG_BYTES,
        Reason.CHECK_FAILED,
        Reason.STALE_RELEASE,
        Reason.HIDDEN,
        Reason.NOT_OWNER,
        Reason.NOT_ADMITTED,
    }
)
"""Down, but something answered."""


def state_of(reason: Reason) -> VoteState:
    """The vote that a measured reason stands for.

    Raises: ValueError for a reason that only weights or settlement give.
    """
    if reason is Reason.UP:
        return VoteState.UP
    if reason in UNKNOWN_REASONS:
        return VoteState.UNKNOWN
    if reason in NO_ANSWER_REASONS or reason in ANSWERED_REASONS:
        return VoteState.DOWN
    raise ValueError(f"{reason} is not a vote")


@dataclass(frozen=True, slots=True)
class Clock:
    """The committee contract's time: epoch n is [genesis + n * epoch_length, + epoch_length), all in seconds."""

    genesis_s: int
    epoch_length_s: int
    grace_s: int
    window_s: int
    arbitration_s: int = 0
    """How long after the window a challenge of a report may be decided."""

    @property
    def finality_s(self) -> int:
        """How long after its start an epoch is final at the latest; a notice for a member's bond takes as long."""
        return self.epoch_length_s + self.grace_s + self.window_s + self.arbitration_s

    def start_s(self, epoch: int) -> int:
        """Unix time at which `epoch` starts."""
        return self.genesis_s + epoch * self.epoch_length_s

    def end_s(self, epoch: int) -> int:
        """Unix time at which `epoch` ends; a report is accepted from here to `end_s + grace_s`."""
        return self.start_s(epoch + 1)

    def epoch_at(self, unix_s: int) -> Epoch:
        """The epoch that `unix_s` lies in; 0 before the genesis, as in the contract."""
        return Epoch(max(0, unix_s - self.genesis_s) // self.epoch_length_s)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a fund wants its mirrors measured and weighed; its canonical JSON is on the chain.

    `slots` an epoch; `outage_weight` times counts a slot in which the primary is down; the nth further mirror of one
    network and region counts 1 / network_factor**n; the latency factor is 1 up to `latency_target_ms` and falls in a
    straight line to `latency_floor_bps` at `latency_limit_ms`; `untested_bps` is the factor before the first outage
    served; `release_grace_epochs` is for how many epochs a predecessor still counts; `budget_requests` and
    `budget_bytes` are the most that each node asks of a mirror in a day.
    """

    slots: int = 288
    outage_weight: int = 10
    network_factor: int = 4
    latency_target_ms: int = 1_000
    latency_limit_ms: int = 5_000
    latency_floor_bps: int = 5_000
    untested_bps: int = 5_000
    release_grace_epochs: int = 1
    timeout_ms: int = 10_000
    max_file_bytes: int = 64 * 1024 * 1024
    budget_requests: int = 4_000
    budget_bytes: int = 512 * 1024 * 1024

    def to_json(self) -> dict[str, int]:
        """The fields by name, as they stand on the chain."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is: `prefix` its /24 or /48, `asn` 0 and `country` "" where unknown, `platform` a shared
    platform's name or ""."""

    address: str
    prefix: str
    asn: int
    country: str
    platform: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, order=True)
class Vantage:
    """Where a node stands, in thousandths of a degree, north and east of 0."""

    latitude_mdeg: int
    longitude_mdeg: int

    def to_json(self) -> dict[str, int]:
        """The fields by name."""
        return {"latitude_mdeg": self.latitude_mdeg, "longitude_mdeg": self.longitude_mdeg}


@dataclass(frozen=True, slots=True)
class Vote:
    """One node's word on one mirror in one slot. `latency_ms` (time to the last byte) and `address` only when up."""

    fund: FundId
    mirror: MirrorId
    epoch: Epoch
    slot: Slot
    reason: Reason
    latency_ms: int | None = None
    address: str | None = None
    path: str | None = None
    detail: str = ""
    """What exactly was seen, for people: never a body, never more than 200 characters."""
    rtt_us: int | None = None
    """A round trip to `address`, in microseconds; only when up."""
    platform: str = ""
    """The shared platform that the mirror's name leads to, if it does; only when up."""

    @property
    def state(self) -> VoteState:
        """Up, down or unknown."""
        return state_of(self.reason)


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one node saw of one mirror in one epoch. `slots` has one reason for each slot; `latency_ms` is the
    lower median over its up votes, None without one; `wrong_bytes` says that it served other bytes than released,
    `relaying` that it was caught passing on the primary's answers."""

    mirror: MirrorId
    slots: tuple[Reason, ...]
    latency_ms: int | None
    places: tuple[Place, ...]
    wrong_bytes: bool = False
    relaying: bool = False
    rtts: Mapping[str, int] = field(default_factory=dict)
    """By address, the least round-trip time to it in microseconds."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """All observations of one member for one epoch: by fund, then by mirror in ascending order, PRIMARY first.

    `revealed` is the secret from which came when its node probed in this epoch; `committed` the SHA-256 of that of
    the epoch after the next, which has not begun when this is published. None for a node that has none to tell."""

    committee: CommitteeId
    epoch: Epoch
    member: Address
    funds: Mapping[FundId, tuple[Observation, ...]]
    revealed: Digest | None = None
    committed: Digest | None = None
    vantage: Vantage | None = None
    """Where its node stands, if it says so."""
    segments: Mapping[FundId, Digest] = field(default_factory=dict)
    """By fund the digest of its node's raw votes: see `oracle.segments`."""


@dataclass(frozen=True, slots=True)
class RankedMirror:
    """A mirror that counts in an epoch, as the chain and the rank list give it. `rank` 0 is the highest.

    `lead` is by how much (bps) its service has lastingly been better than that of the mirror directly above it;
    `outages` the results (True passed) of the outages of earlier epochs it was there for, oldest first, last two kept,
    `passed_outage` whether it ever passed one; `networks` the prefixes and autonomous systems it was seen in."""

    mirror: MirrorId
    position: int
    operator: Address
    url: str
    rank: int
    lead: int = 0
    outages: tuple[bool, ...] = ()
    passed_outage: bool = False
    networks: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Merged:
    """What the committee makes of one mirror (or of PRIMARY) in one epoch, from a set of bundles."""

    mirror: MirrorId
    slots: tuple[Reason, ...]
    latency_ms: int | None
    places: tuple[Place, ...]
    wrong_bytes: bool
    relaying: bool = False
    rtts: Mapping[str, Mapping[Vantage, int]] = field(default_factory=dict)
    """By address, then by vantage, the least round-trip time in microseconds."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A mirror's pay for one epoch with all that explains it.

    `weight` and `count` (the average of its counts) in units of 1 / ONE; `reasons` says for how many slots each reason
    held, all slots of the epoch together; `up_slots` of `known_slots` is its availability, `coverage_bps` how much of
    the epoch is known; `alive` is the sign of life in the vector."""

    mirror: MirrorId
    position: int
    weight: int
    count: int
    alive: bool
    up_slots: int
    known_slots: int
    latency_ms: int | None
    latency_bps: int
    tested_bps: int
    reasons: Mapping[Reason, int]


@dataclass(frozen=True, slots=True)
class FundResult:
    """One fund's epoch: weights by mirror, the effective number (units of 1 / ONE), ranks for the next epoch."""

    fund: FundId
    epoch: Epoch
    slots: int
    counted_slots: int
    outage_slots: int
    n_eff: int
    weights: tuple[Weight, ...]
    ranks: tuple[RankedMirror, ...]
