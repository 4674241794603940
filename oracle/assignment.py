"""What a node has to measure of a fund in an epoch: all as it was on the chain at the epoch's start."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from oracle.model import PRIMARY, Epoch, FundId, MirrorId, Policy
from oracle.store import ledger
from oracle.store.ledger import Mirror, Offer, Release
from oracle.store.moment import policy


@dataclass(frozen=True, slots=True)
class Assignment:
    """A fund's epoch; `previous_counts` while the release before, `previous`, is in its grace."""

    fund: FundId
    epoch: Epoch
    offer: Offer
    policy: Policy
    release: Release | None
    previous: Release | None
    previous_counts: bool
    mirrors: tuple[Mirror, ...]

    @property
    def ids(self) -> tuple[MirrorId, ...]:
        """Everything that is probed: the primary and the mirrors."""
        return (PRIMARY, *(mirror.mirror for mirror in self.mirrors))


def assignment(engine: sa.Engine, fund: int, epoch: int) -> Assignment | None:
    """The fund's epoch; None before the fund's first."""
    offer = ledger.offer_at(engine, fund, epoch)
    if offer is None:
        return None
    terms, release = policy(offer.policy), ledger.release_at(engine, fund, epoch)
    previous = ledger.previous_release_at(engine, fund, epoch)
    in_grace = previous is not None and release is not None and epoch < release.binds_from + terms.release_grace_epochs
    mirrors = ledger.mirrors_at(engine, fund, epoch)
    return Assignment(FundId(fund), Epoch(epoch), offer, terms, release, previous, in_grace, mirrors)
