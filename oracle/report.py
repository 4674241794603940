"""Closes an epoch: votes to bundles, bundles to weights, weights to one root that a quorum signs.

May be stopped anywhere and run again: bundles that are stored win, all else is a function of them and of the chain.
"""

from __future__ import annotations

import time
from functools import partial

import sqlalchemy as sa
import structlog

from oracle import evidence
from oracle.assignment import Assignment, assignment
from oracle.codec import result_from_json, result_to_json
from oracle.context import Context
from oracle.cosign import Observed, bundle_set, sign_bundles, sign_report
from oracle.digests import to_digest
from oracle.errors import EpochNotOver, InvalidInput, NotEnoughBundles
from oracle.evidence import FundEpoch, Outcome, Panel, SignedBundle
from oracle.merkle import NO_MIRRORS
from oracle.model import Address, CommitteeId, Epoch, FundId, RankedMirror
from oracle.observe import observations
from oracle.probes.placement import UNKNOWN, Table, load_table, place_of
from oracle.ranks import rank
from oracle.store import facts, ledger
from oracle.store.observations import votes_of
from oracle.store.outcomes import reported_epochs
from oracle.store.reports import (
    StoredReport,
    load_report,
    load_result,
    save_evidence,
    save_report,
    save_result,
)

log = structlog.get_logger()

DEVELOPMENT_CHAIN = 31337


def close_epoch(context: Context, epoch: Epoch) -> StoredReport:
    """This node's report of a completed epoch, made at the first call and signed by each of its keys that is a member.

    Raises: EpochNotOver; NotEnoughBundles; InvalidInput for a committee or funds that are not there.
    """
    engine, committee = context.store, CommitteeId(context.settings.committee)
    panel = panel_at(engine, committee, epoch)
    report = load_report(engine, committee, epoch)
    if report is None:
        _check_over(engine, committee, epoch)
        report = _make(context, panel, epoch)
    sign_report(engine, context.domain, context.members, panel, epoch, report.root, report.evidence)
    return report


def panel_at(engine: sa.Engine, committee: CommitteeId, epoch: Epoch) -> Panel:
    """Who signs for the epoch.

    Raises: InvalidInput for a committee that the chain does not know.
    """
    config = ledger.config_at(engine, committee, epoch)
    if config is None:
        raise InvalidInput("committee", f"{committee} is not on the chain; correct MIRRORBOND_COMMITTEE")
    return Panel(committee, config.members, config.quorum, config.digest)


def _check_over(engine: sa.Engine, committee: CommitteeId, epoch: Epoch) -> None:
    """The epoch has ended on the chain too, and the one before is decided: its ranks are the input of this one."""
    clock = facts.get_clock(engine)
    if clock is None:
        raise InvalidInput("store", "holds no chain yet; run `mirrorbond index` first")
    if not ledger.knows(engine, epoch + 1):
        raise EpochNotOver(epoch, clock.end_s(epoch))
    before = Epoch(epoch - 1)
    undecided = before >= 0 and before not in reported_epochs(engine, committee, before)
    if undecided and ledger.funds_of_committee(engine, committee, before):
        decided_s = clock.end_s(before) + clock.grace_s
        if time.time() <= decided_s:
            raise EpochNotOver(before, decided_s)


def _make(context: Context, panel: Panel, epoch: Epoch) -> StoredReport:
    engine = context.store
    tasks = _assignments(engine, panel.committee, epoch)
    sign_bundles(engine, context.domain, context.members, panel, epoch, _observed(context, tasks, epoch, panel))
    bundles = bundle_set(engine, context.domain, panel, epoch)
    opened = [signed.bundle for signed in bundles]
    outcomes = [evidence.compute(fund_epoch(engine, task), opened, panel, context.fund_contract) for task in tasks]
    report = _store(engine, panel, epoch, context.fund_contract, bundles, outcomes)
    log.info("epoch_closed", epoch=epoch, root=report.root, evidence=report.evidence, bundles=len(bundles))
    return report


def _assignments(engine: sa.Engine, committee: CommitteeId, epoch: Epoch) -> list[Assignment]:
    funds = ledger.funds_of_committee(engine, committee, epoch)
    tasks = [task for fund in funds if (task := assignment(engine, fund, epoch))]
    if not tasks:
        raise InvalidInput("epoch", f"{epoch} has no fund that committee {committee} reports on")
    return tasks


def _observed(context: Context, tasks: list[Assignment], epoch: Epoch, panel: Panel) -> Observed:
    """What this node saw. One that saw nothing at all has nothing to sign."""
    place = partial(place_of, table=_table(context))
    votes = {task.fund: votes_of(context.store, task.fund, epoch, context.settings.node_name) for task in tasks}
    if not any(votes.values()):
        raise NotEnoughBundles(epoch, 0, panel.quorum)
    return {task.fund: observations(votes[task.fund], task.ids, task.policy.slots, place) for task in tasks}


def _table(context: Context) -> Table:
    path = context.settings.placement_file
    development = facts.get(context.store, facts.CHAIN_ID) == DEVELOPMENT_CHAIN
    return load_table(path) if path and development else UNKNOWN


def fund_epoch(engine: sa.Engine, task: Assignment) -> FundEpoch:
    """All that decides a fund's epoch besides the bundles, the ranks included."""
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
        mirrors=rank(ranks_before(engine, offer.committee, task.fund, task.epoch), entries),
    )


def ranks_before(engine: sa.Engine, committee: int, fund: FundId, epoch: Epoch) -> tuple[RankedMirror, ...]:
    """The ranks that the last epoch before this one that the chain has a report of left."""
    for before in sorted(reported_epochs(engine, committee), reverse=True):
        if before < epoch and (body := load_result(engine, fund, before)):
            return result_from_json(body).ranks
    return ()


def _store(
    engine: sa.Engine,
    panel: Panel,
    epoch: Epoch,
    fund_contract: Address,
    bundles: list[SignedBundle],
    outcomes: list[Outcome],
) -> StoredReport:
    files = evidence.files(epoch, panel, fund_contract, bundles, outcomes)
    ordered = sorted(outcomes, key=lambda outcome: outcome.leaf)
    report = StoredReport(
        committee=panel.committee,
        epoch=epoch,
        root=evidence.root(outcomes),
        evidence=evidence.digest(files),
        leaves=[_leaf(outcome) for outcome in ordered],
        set_members=[signed.bundle.member for signed in bundles],
    )
    for outcome in outcomes:
        save_result(engine, panel.committee, outcome.case.fund, epoch, result_to_json(outcome.result))
    save_evidence(engine, panel.committee, epoch, files)
    save_report(engine, report)  # last: where it stands, all else is there
    return report


def _leaf(outcome: Outcome) -> dict[str, object]:
    return {
        "fund": outcome.case.fund,
        "leaf": to_digest(outcome.leaf),
        "mirrors_digest": outcome.case.mirrors_digest,
        "vector": "0x" + outcome.vector.hex(),
    }
