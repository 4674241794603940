"""What a node deletes once an epoch: what nobody will ask for any more."""

from __future__ import annotations

import sqlalchemy as sa

from oracle.model import Epoch
from oracle.settings import Settings
from oracle.store import cold, facts, ledger
from oracle.store.history import gone_releases
from oracle.store.observations import forget_votes
from oracle.store.observed import forget_observed
from oracle.store.segments import forget_segments
from oracle.store.sightings import forget_sightings
from oracle.store.tallies import forget_tallies

KEPT_EPOCHS = 30
"""For so long it is known what was asked of whom, and what of it came slot by slot."""
KEPT_VOTES = 8
"""For so many epochs the single votes are kept as rows; their segments as long as all else."""


def forget(engine: sa.Engine, settings: Settings, epoch: Epoch) -> None:
    """Delete what is too old in the epoch that runs."""
    forget_tallies(engine, epoch - KEPT_EPOCHS)
    forget_sightings(engine, epoch - KEPT_EPOCHS)
    forget_votes(engine, epoch - KEPT_VOTES)
    forget_segments(engine, epoch - KEPT_EPOCHS)
    forget_observed(engine, epoch - KEPT_EPOCHS)
    for fund in ledger.funds_of_committee(engine, settings.committee, epoch):
        if gone := gone_releases(engine, fund):
            cold.forget_cold_asks(engine, gone)
    facts.put(engine, facts.FORGOTTEN, epoch)
