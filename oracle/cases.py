"""What a report is about, as the chain has it: its signers and its funds."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from oracle.assignment import Assignment, assignment
from oracle.errors import InvalidInput
from oracle.evidence import FundEpoch, Panel
from oracle.merkle import NO_MIRRORS
from oracle.model import CommitteeId, Epoch, RankedMirror
from oracle.ranks import rank
from oracle.store import ledger


def panel_at(engine: sa.Engine, committee: CommitteeId, epoch: Epoch) -> Panel:
    """Who signs for the epoch.

    Raises: InvalidInput for a committee that the chain does not know.
    """
    config = ledger.config_at(engine, committee, epoch)
    if config is None:
        raise InvalidInput("committee", f"{committee} is not on the chain; correct MIRRORBOND_COMMITTEE")
    return Panel(committee, config.members, config.quorum, config.digest)


def assignments(engine: sa.Engine, committee: CommitteeId, epoch: Epoch) -> list[Assignment]:
    """The funds that a committee reports on.

    Raises: InvalidInput if there is none.
    """
    funds = ledger.funds_of_committee(engine, committee, epoch)
    tasks = [task for fund in funds if (task := assignment(engine, fund, epoch))]
    if not tasks:
        raise InvalidInput("epoch", f"{epoch} has no fund that committee {committee} reports on")
    return tasks


def fund_epoch(engine: sa.Engine, task: Assignment, before: Sequence[RankedMirror]) -> FundEpoch:
    """All that decides a fund's epoch besides the bundles; `before` are the ranks that the epoch before left."""
    offer = task.offer
    entries = [(mirror.mirror, mirror.position, mirror.operator, mirror.url) for mirror in task.mirrors]
    return FundEpoch(
        fund=task.fund,
        epoch=task.epoch,
        committee=offer.committee,
        reward_wei=offer.reward_wei,
        target=offer.target,
        fee_bps=offer.fee_bps,
        policy=task.policy,
        release=task.release.digest if task.release else NO_MIRRORS,
        mirrors_digest=ledger.mirrors_digest_at(engine, task.fund, task.epoch),
        mirrors=rank(before, entries),
        arbiter=ledger.arbiter_of(engine, task.fund),
    )
