"""What a node has to measure of a fund in an epoch: all as it was on the chain at the epoch's start."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from oracle.model import PRIMARY, Epoch, FundId, MirrorId, Policy
from oracle.store import ledger
from oracle.store.history import releases_of
from oracle.store.ledger import Mirror, Offer, Release
from oracle.store.moment import policy


@dataclass(frozen=True, slots=True)
class Assignment:
    """A fund's epoch. `release` is the one that binds in it by the chain; `releases` are all that matter to what a
    mirror may serve, newest first: it, those before and those to come."""

    fund: FundId
    epoch: Epoch
    offer: Offer
    policy: Policy
    release: Release | None
    releases: tuple[Release, ...]
    mirrors: tuple[Mirror, ...]

    @property
    def ids(self) -> tuple[MirrorId, ...]:
        """Everything that is probed: the primary and the mirrors."""
        return (PRIMARY, *(mirror.mirror for mirror in self.mirrors))

    @property
    def begun(self) -> tuple[Release, ...]:
        """The releases whose first epoch has come, newest first."""
        return tuple(release for release in self.releases if release.binds_from <= self.epoch)


def assignment(engine: sa.Engine, fund: int, epoch: int) -> Assignment | None:
    """The fund's epoch; None before the fund's first."""
    offer = ledger.offer_at(engine, fund, epoch)
    if offer is None:
        return None
    release, mirrors = ledger.release_at(engine, fund, epoch), ledger.mirrors_at(engine, fund, epoch)
    releases = releases_of(engine, fund)
    return Assignment(FundId(fund), Epoch(epoch), offer, policy(offer.policy), release, releases, mirrors)
