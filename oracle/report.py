"""Closes an epoch: votes to bundles, bundles to weights, weights to one root that a quorum signs.

May be stopped anywhere and run again: bundles that are stored win, all else is a function of them and of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from oracle import evidence
from oracle.assignment import Assignment
from oracle.cases import Files, Ranks, assignments, file_differences, fund_epoch, panel_at, ranks_before
from oracle.codec import result_to_json
from oracle.context import Context
from oracle.cosign import Observed, bundle_set, sign_bundles, sign_report, signatures_of
from oracle.digests import sha256_digest, to_digest
from oracle.errors import EpochNotOver, EvidenceMismatch, InvalidInput, NotEnoughBundles, NotEnoughSignatures
from oracle.evidence import Outcome, Panel, SignedBundle
from oracle.model import Address, CommitteeId, Epoch, FundId, Vote
from oracle.observe import observations
from oracle.post import Posted, post_report
from oracle.probes.placement import Atlas, atlas, load_table, place_of
from oracle.secret import node_secret
from oracle.segments import pack, segment
from oracle.store import facts, ledger
from oracle.store.observations import votes_of
from oracle.store.outcomes import chain_report, reported_epochs
from oracle.store.reports import (
    StoredReport,
    load_bundles,
    load_evidence,
    load_report,
    save_report,
)
from oracle.store.segments import StoredSegment, save_segments, segment_digests
from oracle.store.sightings import relaying

log = structlog.get_logger()

DEVELOPMENT_CHAIN = 31337


def close_epoch(context: Context, epoch: Epoch) -> StoredReport:
    """The report of a completed epoch in this store, made at the first call by any node that shares it, and signed by
    each of this node's keys that is a member.

    Raises: EpochNotOver; NotEnoughBundles; EvidenceMismatch if the ranks before are not known; InvalidInput for a
    committee or funds that are not there, and evidence that could not be read back.
    """
    engine, committee = context.store, CommitteeId(context.settings.committee)
    panel = panel_at(engine, committee, epoch)
    report = load_report(engine, committee, epoch)
    if report is None:
        _check_over(engine, committee, epoch)
        report = _make(context, panel, epoch)
    sign_report(engine, context.domain, context.members, panel, epoch, report.root, report.evidence)
    return report


def report_epoch(context: Context, epoch: Epoch) -> Posted:
    """Close an epoch and post its report, if this node has a quorum's signatures.

    Raises: as `close_epoch`; NotEnoughSignatures; TransactionFailed.
    """
    report = close_epoch(context, epoch)
    panel = panel_at(context.store, report.committee, epoch)
    signatures = signatures_of(context.store, context.domain, panel, epoch, report.root, report.evidence)
    if len(signatures) < panel.quorum:
        raise NotEnoughSignatures(epoch, len(signatures), panel.quorum)
    posted = post_report(
        context.store,
        context.committees,
        context.sender,
        report.committee,
        epoch,
        report.root,
        report.evidence,
        {str(member): signature for member, signature in signatures.items()},
    )
    if posted.root not in (None, report.root):
        log.warning("another_report_stands", epoch=epoch, ours=report.root, theirs=posted.root)
    return posted


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
        if facts.get(engine, facts.INDEXED)["timestamp_s"] <= decided_s:
            raise EpochNotOver(before, decided_s)


def _make(context: Context, panel: Panel, epoch: Epoch) -> StoredReport:
    engine = context.store
    tasks = assignments(engine, panel.committee, epoch)
    seen = _observed(context, tasks, epoch, panel)
    secret = node_secret(context.settings.home)
    segments = segment_digests(engine, epoch, context.settings.node_name)
    sign_bundles(
        engine, context.domain, context.members, panel, epoch, seen, context.settings.vantage, secret, segments
    )
    bundles = bundle_set(engine, context.domain, panel, epoch)
    ranks = _ranks_before(engine, panel, tasks, epoch)
    opened = [signed.bundle for signed in bundles]
    outcomes = [
        evidence.compute(
            fund_epoch(engine, task, ranks.get(task.fund, ())),
            opened,
            panel,
            context.fund_contract,
        )
        for task in tasks
    ]
    report = _store(engine, panel, epoch, context.fund_contract, bundles, outcomes)
    log.info("epoch_closed", epoch=epoch, root=report.root, evidence=report.evidence, bundles=len(bundles))
    return report


def _observed(context: Context, tasks: list[Assignment], epoch: Epoch, panel: Panel) -> Observed:
    """What this node saw. One that saw nothing at all has nothing to sign."""
    place = partial(place_of, known=_atlas(context))
    votes = {task.fund: votes_of(context.store, task.fund, epoch, context.settings.node_name) for task in tasks}
    if not any(votes.values()):
        raise NotEnoughBundles(epoch, 0, panel.quorum)
    _keep_segments(context, panel, epoch, votes)
    return {
        task.fund: observations(
            votes[task.fund],
            task.ids,
            task.policy.slots,
            place,
            relaying(context.store, context.settings.node_name, task.fund, epoch),
        )
        for task in tasks
    }


def _keep_segments(context: Context, panel: Panel, epoch: Epoch, votes: Mapping[FundId, Sequence[Vote]]) -> None:
    """Keep the raw votes as they are; once a bundle of ours is signed, they stay as they were then."""
    signed = {bundle.member for bundle in load_bundles(context.store, panel.committee, epoch)}
    if signed & context.members.keys():
        return
    made = [segment(context.settings.node_name, fund, epoch, cast) for fund, cast in votes.items() if cast]
    stored = [
        StoredSegment(one.node, one.fund, one.epoch, sha256_digest(body), len(one.votes), pack(body))
        for one in made
        for body in (one.body,)
    ]
    save_segments(context.store, stored)


def _atlas(context: Context) -> Atlas:
    """What tells where addresses are: on a development chain the table that the settings name, if they name one."""
    path = context.settings.placement_file
    development = facts.get(context.store, facts.CHAIN_ID) == DEVELOPMENT_CHAIN
    return load_table(path) if path and development else atlas(context.settings.home)


def _ranks_before(engine: sa.Engine, panel: Panel, tasks: Sequence[Assignment], epoch: Epoch) -> Ranks:
    """The ranks that the chain's last reports before this epoch left. A node that made another report, or has lost its
    store, must not go on from ranks of its own: no other node would come to the same weights.

    Raises: EvidenceMismatch if the evidence of such a report is not here.
    """

    def load(before: Epoch) -> Files:
        files, told = load_evidence(engine, panel.committee, before), chain_report(engine, panel.committee, before)
        if told is None or any(file_differences(files, told)):
            fetch = f"mirrorbond verify --epoch {before} --evidence URL"
            raise EvidenceMismatch(
                [f"epoch {before}: its evidence is not here as the chain names it; `{fetch}` takes another node's"]
            )
        return files

    return ranks_before(engine, panel.committee, [task.fund for task in tasks], epoch, load) or {}


def _store(
    engine: sa.Engine,
    panel: Panel,
    epoch: Epoch,
    fund_contract: Address,
    bundles: list[SignedBundle],
    outcomes: list[Outcome],
) -> StoredReport:
    files = evidence.files(epoch, panel, fund_contract, bundles, outcomes)
    for name in (f"funds/{outcome.case.fund}.json" for outcome in outcomes):
        evidence.read_fund(name, files[name])  # once on the chain, what nobody can read would end all later epochs
    report = StoredReport(
        committee=panel.committee,
        epoch=epoch,
        root=evidence.root(outcomes),
        evidence=evidence.digest(files),
        leaves=sorted((leaf for outcome in outcomes for leaf in _leaves(outcome)), key=lambda leaf: leaf["leaf"]),
        set_members=[signed.bundle.member for signed in bundles],
    )
    return save_report(engine, report, files, {one.case.fund: result_to_json(one.result) for one in outcomes})


def _leaves(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """One for the weights, and one for each mirror to be slashed."""
    of_fund = {"fund": outcome.case.fund, "mirrors_digest": outcome.case.mirrors_digest}
    yield of_fund | {"leaf": to_digest(outcome.leaf), "vector": "0x" + outcome.vector.hex()}
    for mirror, leaf in outcome.slashes.items():
        yield of_fund | {"leaf": to_digest(leaf), "mirror": mirror}
