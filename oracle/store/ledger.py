"""What the chain says of an epoch: everything that binds in it was there at its start.

The answers hold once the index has passed the epoch's start: ask `knows(engine, epoch)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oracle.merkle import NO_MIRRORS
from oracle.model import Address, CommitteeId, Digest, Epoch, FundId, MirrorId
from oracle.store import dispute_tables, facts, tables
from oracle.store.db import reading


@dataclass(frozen=True, slots=True)
class Offer:
    """A fund's terms from the epoch `binds_from` on; `policy` is the JSON text as its owner put it on the chain."""

    fund: FundId
    binds_from: Epoch
    reward_wei: int
    target: int
    fee_bps: int
    committee: CommitteeId
    policy: str


@dataclass(frozen=True, slots=True)
class Fund:
    """A fund with the offer in force. Without an arbiter nothing can be slashed; else of a stake as registered at most
    `slash_epoch_bps` for one epoch and `slash_life_bps` in all."""

    fund: FundId
    owner: Address
    token: Address
    app: str
    min_stake_wei: int
    created_epoch: Epoch
    arbiter: Address | None
    slash_epoch_bps: int
    slash_life_bps: int
    offer: Offer


@dataclass(frozen=True, slots=True)
class Release:
    """A release, whose manifest is at `url`; it counts from the epoch `binds_from` on."""

    fund: FundId
    sequence: int
    binds_from: Epoch
    digest: Digest
    url: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror; it counts in epochs from `start_epoch` to before `end_epoch` (None while it stays). `payout` is the
    address announced last, `stake_wei` the stake as registered."""

    mirror: MirrorId
    fund: FundId
    operator: Address
    payout: Address
    position: int
    stake_wei: int
    url: str
    start_epoch: Epoch
    end_epoch: Epoch | None
    removed: bool
    stake_returned_wei: int
    slashed_wei: int


@dataclass(frozen=True, slots=True)
class Config:
    """Who may sign for a committee from the start of epoch `since` on; `members` in the contract's order."""

    committee: CommitteeId
    version: int
    since: Epoch
    members: tuple[Address, ...]
    quorum: int
    fee_recipient: Address
    digest: Digest


def knows(engine: sa.Engine, epoch: int) -> bool:
    """Whether all that binds in the epoch is in the store: a block of it, or a later one, has been indexed."""
    clock = facts.get_clock(engine)
    indexed = facts.get(engine, facts.INDEXED)
    return clock is not None and bool(indexed) and int(indexed["timestamp_s"]) >= clock.start_s(epoch)


def offer_at(engine: sa.Engine, fund: int, epoch: int) -> Offer | None:
    """The offer in force; None before the fund's first epoch."""
    offers = tables.offers.c
    query = sa.select(tables.offers).where(offers.fund == fund, offers.binds_from <= epoch)
    row = _first(engine, query.order_by(offers.binds_from.desc()))
    return Offer(**row) if row else None


def last_offer(engine: sa.Engine, fund: int) -> Offer | None:
    """The offer that was announced last, whether it binds yet or not; None for a fund that is not known."""
    offers = tables.offers.c
    row = _first(engine, sa.select(tables.offers).where(offers.fund == fund).order_by(offers.binds_from.desc()))
    return Offer(**row) if row else None


def fund_at(engine: sa.Engine, fund: int, epoch: int) -> Fund | None:
    """The fund with the offer in force; None before its first epoch."""
    row = _first(engine, sa.select(tables.funds).where(tables.funds.c.fund == fund))
    offer = offer_at(engine, fund, epoch)
    return Fund(**row, offer=offer) if row and offer else None


def arbiter_of(engine: sa.Engine, fund: int) -> Address | None:
    """Who arbitrates the fund, as fixed at its creation; None if nobody does."""
    row = _first(engine, sa.select(tables.funds.c.arbiter).where(tables.funds.c.fund == fund))
    return Address(row["arbiter"]) if row and row["arbiter"] else None


def offers_of_committee(engine: sa.Engine, committee: int, epoch: int) -> dict[FundId, Offer]:
    """The offers in force that name the committee, by fund in ascending order."""
    offers = tables.offers.c
    newest = (
        sa.select(offers.fund, sa.func.max(offers.binds_from).label("binds_from"))
        .where(offers.binds_from <= epoch)
        .group_by(offers.fund)
        .subquery()
    )
    in_force = sa.and_(newest.c.fund == offers.fund, newest.c.binds_from == offers.binds_from)
    query = sa.select(tables.offers).join(newest, in_force).where(offers.committee == committee)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(offers.fund))
        return {FundId(row.fund): Offer(**row._mapping) for row in rows}


def funds_of_committee(engine: sa.Engine, committee: int, epoch: int) -> tuple[FundId, ...]:
    """The funds whose offer in force names the committee, in ascending order: each has a leaf in its report."""
    return tuple(offers_of_committee(engine, committee, epoch))


def mirrors_at(engine: sa.Engine, fund: int, epoch: int) -> tuple[Mirror, ...]:
    """The fund's mirrors that count in the epoch, in the order of their registration."""
    mirrors = tables.mirrors.c
    query = sa.select(tables.mirrors).where(
        mirrors.fund == fund,
        mirrors.start_epoch <= epoch,
        sa.or_(mirrors.end_epoch.is_(None), mirrors.end_epoch > epoch),
    )
    with reading(engine) as connection:
        return tuple(Mirror(**row._mapping) for row in connection.execute(query.order_by(mirrors.mirror)))


def mirrors_digest_at(engine: sa.Engine, fund: int, epoch: int) -> Digest:
    """The digest of the mirror set at the epoch's start: part of the fund's leaf."""
    sets = tables.mirror_sets.c
    query = sa.select(sets.digest).where(sets.fund == fund, sets.since <= epoch)
    row = _first(engine, query.order_by(sets.since.desc()))
    return Digest(row["digest"]) if row else NO_MIRRORS


def mirror_set_at(engine: sa.Engine, fund: int, epoch: int) -> int:
    """The number of the mirror set in force, as the contract counts them from 1; 0 before the first."""
    sets = tables.mirror_sets.c
    query = sa.select(sa.func.count()).select_from(tables.mirror_sets).where(sets.fund == fund, sets.since <= epoch)
    with reading(engine) as connection:
        return connection.execute(query).scalar_one()


def payout_at(engine: sa.Engine, mirror: int, epoch: int) -> Address | None:
    """Where a mirror's credit was sent in an epoch (before it was there: the first); None if it is unknown."""
    payouts = dispute_tables.payouts.c
    mine = sa.select(payouts.payout).where(payouts.mirror == mirror)
    row = _first(engine, mine.where(payouts.binds_from <= epoch).order_by(payouts.binds_from.desc()))
    row = row or _first(engine, mine.order_by(payouts.binds_from))
    return Address(row["payout"]) if row else None


def release_at(engine: sa.Engine, fund: int, epoch: int) -> Release | None:
    """The release in force; of several published in one epoch the last."""
    return _release(engine, fund, tables.releases.c.binds_from <= epoch)


def _release(engine: sa.Engine, fund: int, condition: sa.ColumnElement[bool]) -> Release | None:
    releases = tables.releases.c
    query = sa.select(tables.releases).where(releases.fund == fund, condition)
    row = _first(engine, query.order_by(releases.sequence.desc()))
    return Release(**row) if row else None


def config_at(engine: sa.Engine, committee: int, epoch: int) -> Config | None:
    """The committee's configuration at the epoch's start, as the contract finds it; None for an unknown committee."""
    configs = tables.committee_configs.c
    mine = sa.select(tables.committee_configs).where(configs.committee == committee)
    row = _first(engine, mine.where(configs.since <= epoch).order_by(configs.version.desc()))
    # The contract lets a committee's first configuration count for the epochs before it.
    row = row or _first(engine, mine.order_by(configs.version))
    return Config(**{**row, "members": tuple(row["members"])}) if row else None


def all_funds(engine: sa.Engine) -> tuple[FundId, ...]:
    """Every fund, in ascending order."""
    with reading(engine) as connection:
        return tuple(connection.execute(sa.select(tables.funds.c.fund).order_by(tables.funds.c.fund)).scalars())


def funds_to_settle(engine: sa.Engine, committee: int) -> tuple[FundId, ...]:
    """The funds that name the committee in the next epoch to settle or a later one, in ascending order."""
    offers, later, settlements = tables.offers.c, tables.offers.alias().c, tables.settlements.c
    settled = sa.select(sa.func.coalesce(sa.func.max(settlements.epoch), -1)).where(settlements.fund == offers.fund)
    over = sa.exists().where(
        later.fund == offers.fund,
        later.binds_from > offers.binds_from,
        later.binds_from <= settled.scalar_subquery() + 1,
    )
    query = sa.select(offers.fund).where(offers.committee == committee, ~over).distinct()
    with reading(engine) as connection:
        return tuple(connection.execute(query.order_by(offers.fund)).scalars())


def tokens(engine: sa.Engine) -> tuple[Address, ...]:
    """The tokens of all funds."""
    with reading(engine) as connection:
        query = sa.select(tables.funds.c.token).distinct().order_by(tables.funds.c.token)
        return tuple(connection.execute(query).scalars())


def mirror_of(engine: sa.Engine, mirror: int) -> Mirror | None:
    """One mirror, whatever its fund; None if there is none of this number."""
    row = _first(engine, sa.select(tables.mirrors).where(tables.mirrors.c.mirror == mirror))
    return Mirror(**row) if row else None


def mirrors_of(engine: sa.Engine, fund: int) -> tuple[Mirror, ...]:
    """All mirrors that the fund ever had."""
    query = sa.select(tables.mirrors).where(tables.mirrors.c.fund == fund).order_by(tables.mirrors.c.mirror)
    with reading(engine) as connection:
        return tuple(Mirror(**row._mapping) for row in connection.execute(query))


def _first(engine: sa.Engine, query: sa.Select[Any]) -> Mapping[str, Any] | None:
    with reading(engine) as connection:
        row = connection.execute(query.limit(1)).mappings().first()
        return dict(row) if row else None
