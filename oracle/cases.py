"""What a report is about, as the chain has it: its signers, its funds, and the ranks that the reports before left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import sqlalchemy as sa

from oracle import evidence
from oracle.assignment import Assignment, assignment
from oracle.digests import sha256_digest
from oracle.errors import EvidenceMismatch, InvalidInput
from oracle.evidence import INDEX, REPORT, FundEpoch, Panel
from oracle.merkle import NO_MIRRORS
from oracle.model import CommitteeId, Epoch, FundId, RankedMirror
from oracle.ranks import rank
from oracle.store import ledger
from oracle.store.outcomes import ChainReport, chain_report, reported_epochs

Files = Mapping[str, bytes]
"""Evidence by name."""
Ranks = Mapping[FundId, tuple[RankedMirror, ...]]


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


def ranks_before(
    engine: sa.Engine, committee: CommitteeId, funds: Collection[FundId], epoch: Epoch, load: Callable[[Epoch], Files]
) -> Ranks | None:
    """The ranks that the committee's last reports before the epoch left, by fund, from their evidence; None without
    that evidence. A fund that came from another committee brings none.

    Raises: EvidenceMismatch if the evidence is not the one that the chain names.
    """
    found: dict[FundId, tuple[RankedMirror, ...]] = {}
    for before in sorted((e for e in reported_epochs(engine, committee) if e < epoch), reverse=True):
        offers = {fund: ledger.offer_at(engine, fund, before) for fund in funds if fund not in found}
        if not any(offers.values()):
            break
        wanted = [fund for fund, offer in offers.items() if offer and offer.committee == committee]
        if not wanted:
            continue
        files, report = load(before), chain_report(engine, committee, before)
        if not files or report is None:
            return None
        if differences := list(file_differences(files, report)):
            raise EvidenceMismatch([f"epoch {before}: {difference}" for difference in differences])
        for fund in wanted:
            if body := files.get(f"funds/{fund}.json"):
                found[fund] = evidence.read_fund(f"funds/{fund}.json", body).result.ranks
    return found


def file_differences(files: Files, report: ChainReport) -> Iterator[str]:
    """What keeps the evidence from being the one that the chain names, whole and without additions."""
    if INDEX not in files:
        yield f"the evidence has no {INDEX}"
        return
    if (digest := evidence.digest(files)) != report.evidence:
        yield f"{INDEX}: its digest is {digest}, the chain has {report.evidence}"
        return
    if REPORT not in files:
        yield f"the evidence has no {REPORT}"
        return
    try:
        listed = evidence.read_index(files[INDEX])
    except InvalidInput as error:
        yield str(error)
        return
    for name in sorted({*listed, *files} - {INDEX}):
        if name not in files:
            yield f"{name}: is missing"
        elif name not in listed:
            yield f"{name}: is not in the index"
        elif sha256_digest(files[name]) != listed[name]:
            yield f"{name}: its digest is not the one in the index"
