"""What every page is read in: one connection at one time, with the chain's clock."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.codec import parse_policy
from oracle.errors import InvalidInput
from oracle.model import Clock, Epoch, Policy
from oracle.store import facts
from oracle.store.tables import committee_configs


@dataclass(frozen=True, slots=True)
class Moment:
    """A connection, the time, the clock and the epoch now; `indexed_*` say how fresh the view of the chain is."""

    connection: sa.Connection
    now_ms: int
    clock: Clock
    epoch: Epoch
    chain_id: int | None
    indexed_block: int | None
    indexed_s: int | None

    @property
    def epoch_length_s(self) -> int:
        """How long every epoch lasts."""
        return self.clock.epoch_length_s

    @property
    def ends_in_s(self) -> int:
        """How long the present epoch still lasts."""
        return max(0, self.clock.end_s(self.epoch) - self.now_ms // 1000)

    def measured(self, epoch: int, slots: int) -> int:
        """How many slots of an epoch are over."""
        gone_ms = self.now_ms - self.clock.start_s(epoch) * 1000
        return min(slots, max(0, gone_ms * slots // (self.clock.epoch_length_s * 1000)))


@dataclass(frozen=True, slots=True)
class Token:
    """A fund's token; symbol and decimals are None where this node does not know them."""

    address: str
    symbol: str | None
    decimals: int | None


@dataclass(frozen=True, slots=True)
class Committee:
    """Who measures and signs."""

    committee: int
    members: tuple[str, ...]
    quorum: int
    fee_recipient: str

    @property
    def liars(self) -> int:
        """How many members may lie or be gone: the rest is a quorum, and any two quorums share an honest member."""
        members = len(self.members)
        return max(0, min(members - self.quorum, 2 * self.quorum - members - 1))


def moment(connection: sa.Connection, now_ms: int) -> Moment | None:
    """The moment; None before the chain was first indexed."""
    known = facts.get_in(connection, facts.CLOCK)
    if not known:
        return None
    clock = Clock(**known)
    indexed = facts.get_in(connection, facts.INDEXED) or {}
    return Moment(
        connection=connection,
        now_ms=now_ms,
        clock=clock,
        epoch=clock.epoch_at(now_ms // 1000),
        chain_id=facts.get_in(connection, facts.CHAIN_ID),
        indexed_block=indexed.get("block"),
        indexed_s=indexed.get("at_s"),
    )


def token(connection: sa.Connection, address: str) -> Token:
    """What is known of a token, which tells of itself what it likes."""
    known = facts.get_in(connection, facts.TOKEN + address) or {}
    symbol, decimals = known.get("symbol"), known.get("decimals")
    named = shown(symbol, 20) if isinstance(symbol, str) and symbol.strip() else None
    return Token(address, named, decimals if isinstance(decimals, int) and 0 <= decimals <= 255 else None)


def committee(connection: sa.Connection, number: int, epoch: int) -> Committee | None:
    """A committee as configured for an epoch: its first configuration also counts before; None if there is none."""
    rows = committee_configs.c
    query = sa.select(committee_configs).where(rows.committee == number)
    found = list(connection.execute(query.order_by(rows.version)))
    row = next((row for row in reversed(found) if row.since <= epoch), found[0] if found else None)
    return Committee(number, tuple(row.members), row.quorum, row.fee_recipient) if row else None


def policy(text: str) -> Policy:
    """The policy on the chain; the default one where that text is none, as the oracle takes it."""
    try:
        return parse_policy(text)
    except InvalidInput:
        return Policy()


_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def shown(text: str, most: int = 300) -> str:
    """Text of strangers for people: no control characters, none that turn or hide what follows, not too long."""
    clean = _HIDDEN.sub("\ufffd", text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"
