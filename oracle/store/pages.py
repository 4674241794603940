"""What the pages and their JSON twins show: one query each, read in one transaction.

Everything is as this node's store has it; what it does not know is None or an "unknown" state, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from oracle.model import PRIMARY, FundResult, Policy, VoteState
from oracle.store import moment as moments
from oracle.store.epochs import EpochView, epochs_of, newest_result
from oracle.store.ledger import Offer
from oracle.store.live import NOT_SEEN, Now, Strip, states_now, strips
from oracle.store.mirrors import MirrorView, Stage, mirror_of, mirrors_of
from oracle.store.moment import Committee, Moment, Token, shown
from oracle.store.observations import CastVote, latest_votes
from oracle.store.releases import ReleaseView, release_at, releases_of
from oracle.store.tables import credits as credit_rows
from oracle.store.tables import funds, mirrors, withdrawals
from oracle.store.tallies import Load, load_of
from oracle.store.treasury import (
    Deposit,
    Treasury,
    deposits_of,
    offer_at,
    offers_of,
    settlements_of,
    treasury,
)

EPOCHS_SHOWN = 30
VOTES_SHOWN = 60
EPOCHS_OF_A_MIRROR = 60
DEPOSITS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Primary:
    """The developer's own server, now and slot by slot."""

    now: Now
    strip: Strip | None
    running: Strip


@dataclass(frozen=True, slots=True)
class FundView:
    """One fund with everything that its page shows."""

    moment: Moment
    fund: int
    app: str
    owner: str
    token: Token
    min_stake_wei: int
    created_epoch: int
    offer: Offer
    next_offer: Offer | None
    policy: Policy
    committee: Committee | None
    treasury: Treasury
    release: ReleaseView | None
    n_eff: int | None
    result_epoch: int | None
    primary: Primary
    mirrors: tuple[MirrorView, ...]
    epochs: tuple[EpochView, ...]
    releases: tuple[ReleaseView, ...]
    deposits: tuple[Deposit, ...]
    """The newest of `deposit_count`: anyone may make as many as they like."""
    deposit_count: int

    @property
    def counting(self) -> int:
        """How many mirrors count in the present epoch."""
        return sum(view.stage in (Stage.COUNTING, Stage.LEAVING) for view in self.mirrors)

    @property
    def live(self) -> int | None:
        """How many of them are up now; None while that is unknown of all of them."""
        states = [view.now.state for view in self.mirrors if view.stage in (Stage.COUNTING, Stage.LEAVING)]
        if states and all(state is VoteState.UNKNOWN for state in states):
            return None
        return states.count(VoteState.UP)


@dataclass(frozen=True, slots=True)
class MirrorEpoch:
    """What one epoch credited to a mirror."""

    epoch: int
    weight: int
    amount_wei: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was sent to a mirror's payout address."""

    tx_hash: str
    amount_wei: int


@dataclass(frozen=True, slots=True)
class MirrorPage:
    """One mirror with its epochs and its latest votes."""

    moment: Moment
    app: str
    token: Token
    mirror: MirrorView
    epochs: tuple[MirrorEpoch, ...]
    withdrawals: tuple[Withdrawal, ...]
    votes: tuple[CastVote, ...]
    load: tuple[Load, ...]
    """What each node has asked of it in the present epoch; of its budget a day see the policy."""
    budget_requests: int
    budget_bytes: int

    @property
    def certificate_expires_s(self) -> int | None:
        """When the first of the certificates that nodes were shown in the present epoch expires."""
        shown = (load.certificate_expires_s for load in self.load)
        return min((expires_s for expires_s in shown if expires_s is not None), default=None)


def fund_ids(connection: sa.Connection, after: int = 0, limit: int = 50) -> list[int]:
    """The funds with ids above `after`, ascending."""
    query = sa.select(funds.c.fund).where(funds.c.fund > after).order_by(funds.c.fund).limit(limit)
    return list(connection.execute(query).scalars())


def fund_view(moment: Moment, fund: int, epochs: int = EPOCHS_SHOWN) -> FundView | None:
    """A fund's page; None if there is no such fund."""
    row = moment.connection.execute(sa.select(funds).where(funds.c.fund == fund)).first()
    offers = offers_of(moment.connection, fund) if row else []
    if row is None or not offers:
        return None
    offer = offer_at(offers, moment.epoch)
    policy = moments.policy(offer.policy)
    result = newest_result(moment.connection, fund)
    releases = releases_of(moment.connection, fund)
    release = release_at(releases, moment.epoch)
    deposits = deposits_of(moment.connection, fund)
    settled = settlements_of(moment.connection, fund)
    return FundView(
        moment=moment,
        fund=fund,
        app=shown(row.app, 100),
        owner=row.owner,
        token=moments.token(moment.connection, row.token),
        min_stake_wei=row.min_stake_wei,
        created_epoch=row.created_epoch,
        offer=offer,
        next_offer=next((later for later in offers if later.binds_from > moment.epoch), None),
        policy=policy,
        committee=moments.committee(moment.connection, offer.committee, moment.epoch),
        treasury=treasury(offers, deposits, settled, row.created_epoch, moment.epoch),
        release=release,
        n_eff=result.n_eff if result else None,
        result_epoch=result.epoch if result else None,
        primary=_primary(moment, fund, policy.slots, result),
        mirrors=tuple(mirrors_of(moment, fund, policy.slots, result, release.digest if release else "")),
        epochs=tuple(epochs_of(moment, fund, row.created_epoch, offers, deposits, settled, epochs)),
        releases=tuple(releases),
        deposits=tuple(deposits[:DEPOSITS_SHOWN]),
        deposit_count=len(deposits),
    )


def _primary(moment: Moment, fund: int, slots: int, result: FundResult | None) -> Primary:
    connection, done = moment.connection, moment.measured(moment.epoch, slots)
    now = states_now(connection, fund, moment.clock, slots, moment.now_ms, [PRIMARY]).get(PRIMARY, NOT_SEEN)
    running = strips(connection, fund, moment.epoch, slots, done, [PRIMARY])[PRIMARY]
    if not result:
        return Primary(now, None, running)
    past = strips(connection, fund, result.epoch, result.slots, result.slots, [PRIMARY])[PRIMARY]
    return Primary(now, past, running)


def fund_epochs(moment: Moment, fund: int, limit: int, before: int | None = None) -> list[EpochView] | None:
    """The epochs of a fund below `before` (or up to the present one), newest first; None if there is no such fund."""
    connection = moment.connection
    created = connection.execute(sa.select(funds.c.created_epoch).where(funds.c.fund == fund)).scalar()
    offers = offers_of(connection, fund)
    if created is None or not offers:
        return None
    given, settled = deposits_of(connection, fund), settlements_of(connection, fund)
    return epochs_of(moment, fund, created, offers, given, settled, limit, before)


def fund_token(moment: Moment, fund: int) -> Token | None:
    """A fund's token; None if there is no such fund."""
    address = moment.connection.execute(sa.select(funds.c.token).where(funds.c.fund == fund)).scalar()
    return moments.token(moment.connection, address) if address else None


def mirror_page(moment: Moment, mirror: int) -> MirrorPage | None:
    """A mirror's page; None if there is no such mirror."""
    connection = moment.connection
    fund = connection.execute(sa.select(mirrors.c.fund).where(mirrors.c.mirror == mirror)).scalar()
    row = connection.execute(sa.select(funds).where(funds.c.fund == fund)).first()
    offers = offers_of(connection, row.fund) if row else []
    if row is None or fund is None or not offers:
        return None
    policy = moments.policy(offer_at(offers, moment.epoch).policy)
    release = release_at(releases_of(connection, fund), moment.epoch)
    view = mirror_of(moment, mirror, policy.slots, newest_result(connection, fund), release.digest if release else "")
    if view is None:
        return None
    return MirrorPage(
        moment=moment,
        app=shown(row.app, 100),
        token=moments.token(connection, row.token),
        mirror=view,
        epochs=tuple(_mirror_epochs(connection, mirror)),
        withdrawals=tuple(_withdrawals(connection, mirror)),
        votes=tuple(latest_votes(connection, fund, mirror, VOTES_SHOWN)),
        load=tuple(load_of(connection, fund, mirror, moment.epoch)),
        budget_requests=policy.budget_requests,
        budget_bytes=policy.budget_bytes,
    )


def _mirror_epochs(connection: sa.Connection, mirror: int) -> list[MirrorEpoch]:
    query = sa.select(credit_rows).where(credit_rows.c.mirror == mirror).order_by(credit_rows.c.epoch.desc())
    rows = connection.execute(query.limit(EPOCHS_OF_A_MIRROR))
    return [MirrorEpoch(row.epoch, row.weight, row.amount_wei) for row in rows]


def _withdrawals(connection: sa.Connection, mirror: int) -> list[Withdrawal]:
    query = sa.select(withdrawals).where(withdrawals.c.mirror == mirror)
    return [Withdrawal(row.tx_hash, row.amount_wei) for row in connection.execute(query)]
