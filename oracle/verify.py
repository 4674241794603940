"""Recomputes an epoch from its evidence and compares it with the chain, down to every share of every mirror."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from oracle import evidence
from oracle.attest import Domain
from oracle.cases import Files, Ranks, assignments, file_differences, fund_epoch, panel_at
from oracle.cosign import is_signed
from oracle.errors import EvidenceMismatch, InvalidInput, NotEnoughBundles
from oracle.evidence import INDEX, REPORT, REPORT_FIELDS, FundEpoch, FundFile, Outcome, Panel, SignedBundle
from oracle.fields import object_of, parse_json
from oracle.model import Address, CommitteeId, Epoch, FundId, MirrorId
from oracle.payout import Payout, shares, unpaid
from oracle.schedule import commitment
from oracle.store.outcomes import ChainReport, Settled, chain_report, settled


@dataclass(frozen=True, slots=True)
class OnChain:
    """All that the chain says of a report: what it names, whom it is about, who could sign, and what was paid."""

    report: ChainReport
    domain: Domain
    fund_contract: Address
    panel: Panel
    epoch: Epoch
    cases: Mapping[FundId, FundEpoch]
    settled: Mapping[FundId, Settled | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was recomputed, and every difference found."""

    outcomes: tuple[Outcome, ...]
    differences: tuple[str, ...]

    def check(self) -> None:
        """Raises: EvidenceMismatch if there is a difference."""
        if self.differences:
            raise EvidenceMismatch(list(self.differences))


def on_chain(
    engine: sa.Engine, domain: Domain, fund_contract: Address, committee: CommitteeId, epoch: Epoch, before: Ranks
) -> OnChain:
    """What the chain says, from the store that follows it; `before` are the ranks that earlier evidence left.

    Raises: EvidenceMismatch if the chain has no report of the epoch.
    """
    report = chain_report(engine, committee, epoch)
    if report is None:
        raise EvidenceMismatch([f"the chain has no report of epoch {epoch} by committee {committee}"])
    tasks = assignments(engine, committee, epoch)
    return OnChain(
        report=report,
        domain=domain,
        fund_contract=fund_contract,
        panel=panel_at(engine, committee, epoch),
        epoch=epoch,
        cases={task.fund: fund_epoch(engine, task, before.get(task.fund, ())) for task in tasks},
        settled={task.fund: settled(engine, task.fund, epoch) for task in tasks},
    )


def verify(files: Files, chain: OnChain, ranks_known: bool = True) -> Verdict:
    """Recompute every weight of a report. With `ranks_known` false the ranks before it are taken from the evidence."""
    found = list(file_differences(files, chain.report))
    if found:
        return Verdict((), tuple(found))
    try:
        named = _bundles(files)
        told = {name: evidence.read_fund(name, body) for name, body in files.items() if name.startswith("funds/")}
        found += _name_differences(files, named, told)
        bundles, funds = list(named.values()), {one.case.fund: one for one in told.values()}
        found += _bundle_differences(bundles, chain)
        outcomes = tuple(_outcomes(funds, bundles, chain, ranks_known))
        found += _fund_differences(funds, outcomes, chain, ranks_known)
        found += _root_differences(files, outcomes, chain)
    except (InvalidInput, NotEnoughBundles) as error:
        return Verdict((), (*found, str(error)))
    for outcome in outcomes:
        found += _pay_differences(outcome, chain.settled.get(outcome.case.fund))
    return Verdict(outcomes, tuple(found))


def broken_commitments(files: Files, two_before: Files) -> tuple[str, ...]:
    """Members that revealed another secret of their probes' times than they had committed to two epochs before.

    No payment follows from it; but such a node may have chosen its times late.
    """
    promised = {one.bundle.member: one.bundle.committed for one in _bundles(two_before).values()}
    found = []
    for bundle in (one.bundle for one in _bundles(files).values()):
        promise = promised.get(bundle.member)
        kept = bundle.revealed and commitment(bytes.fromhex(bundle.revealed.removeprefix("0x")))
        if promise is not None and kept != promise:
            found.append(f"bundles/{bundle.member}.json: reveals a secret that the member did not commit to")
    return tuple(found)


def _bundles(files: Files) -> dict[str, SignedBundle]:
    return {name: evidence.read_bundle(name, files[name]) for name in sorted(files) if name.startswith("bundles/")}


# --------------------------------------------------------------------------------------------- what may differ


def _name_differences(
    files: Files, bundles: Mapping[str, SignedBundle], funds: Mapping[str, FundFile]
) -> Iterator[str]:
    """Each file has the name of what is in it: settling, and the epochs to come, read a fund's file by its name."""
    right = {name: f"bundles/{signed.bundle.member}.json" for name, signed in bundles.items()}
    right |= {name: f"funds/{told.case.fund}.json" for name, told in funds.items()}
    right |= {name: name for name in (INDEX, REPORT)}
    for name in sorted(files):
        if name != (other := right.get(name, "no file of the evidence")):
            yield f"{name}: by what is in it, it is {other}"


def _bundle_differences(bundles: list[SignedBundle], chain: OnChain) -> Iterator[str]:
    for signed in bundles:
        bundle, name = signed.bundle, f"bundles/{signed.bundle.member}.json"
        if bundle.member not in chain.panel.members:
            yield f"{name}: is by nobody of the committee"
        if (bundle.committee, bundle.epoch) != (chain.panel.committee, chain.epoch):
            yield f"{name}: is of committee {bundle.committee}, epoch {bundle.epoch}"
        if not is_signed(chain.domain, signed):
            yield f"{name}: its signature is not the member's"


def _outcomes(
    funds: Mapping[FundId, FundFile], bundles: list[SignedBundle], chain: OnChain, ranks_known: bool
) -> Iterator[Outcome]:
    opened = [signed.bundle for signed in bundles]
    for fund, case in chain.cases.items():
        told = funds.get(fund)
        if not ranks_known and told is not None:
            case = replace(case, mirrors=told.case.mirrors)
        yield evidence.compute(case, opened, chain.panel, chain.fund_contract)


def _fund_differences(
    funds: Mapping[FundId, FundFile], outcomes: tuple[Outcome, ...], chain: OnChain, ranks_known: bool
) -> Iterator[str]:
    for fund in sorted(funds.keys() - chain.cases.keys()):
        yield f"funds/{fund}.json: the committee does not report on this fund"
    for outcome in outcomes:
        fund = outcome.case.fund
        told, name = funds.get(fund), f"funds/{fund}.json"
        if told is None:
            yield f"{name}: is missing"
            continue
        yield from _case_differences(name, told.case, chain.cases[fund], ranks_known)
        yield from _result_differences(name, told, outcome)


def _case_differences(name: str, told: FundEpoch, case: FundEpoch, ranks_known: bool) -> Iterator[str]:
    for field in FundEpoch.__slots__:
        if field != "mirrors" and getattr(told, field) != getattr(case, field):
            yield f"{name}: {field} is {getattr(told, field)}, on the chain it is {getattr(case, field)}"
    if _facts(told) != _facts(case):
        yield f"{name}: the mirrors are not those that counted on the chain"
    elif ranks_known and told.mirrors != case.mirrors:
        yield f"{name}: the ranks before are not those that the last report left"


def _facts(case: FundEpoch) -> set[tuple[MirrorId, int, Address, str]]:
    return {(ranked.mirror, ranked.position, ranked.operator, ranked.url) for ranked in case.mirrors}


def _result_differences(name: str, told: FundFile, outcome: Outcome) -> Iterator[str]:
    weights = {weight.mirror: weight for weight in told.result.weights}
    for weight in outcome.result.weights:
        other = weights.pop(weight.mirror, None)
        if other != weight:
            yield (
                f"{name}: mirror {weight.mirror} has the weight {weight.weight} by the bundles, "
                f"{other.weight if other else 'none'} in the file"
            )
    if told.result != outcome.result and all(w in told.result.weights for w in outcome.result.weights):
        yield f"{name}: the result is not the one that the bundles give"
    if told.vector != outcome.vector:
        yield f"{name}: the vector is not the one that the bundles give"


def _root_differences(files: Files, outcomes: tuple[Outcome, ...], chain: OnChain) -> Iterator[str]:
    if (root := evidence.root(outcomes)) != chain.report.root:
        yield f"the root by the bundles is {root}, the chain has {chain.report.root}"
    told = object_of(REPORT, parse_json(REPORT, files[REPORT]), REPORT_FIELDS)
    if told["root"] != chain.report.root:
        yield f"{REPORT}: the root is {told['root']}, the chain has {chain.report.root}"
    if told["config"] != chain.panel.digest:
        yield f"{REPORT}: config is {told['config']}, on the chain it is {chain.panel.digest}"
    leaves = evidence.read_leaves(files[REPORT])
    if leaves.weights != {outcome.case.fund: outcome.leaf for outcome in outcomes}:
        yield f"{REPORT}: the leaves are not those that the bundles give"
    if leaves.slashes != {outcome.case.fund: outcome.slashes for outcome in outcomes if outcome.slashes}:
        yield f"{REPORT}: the mirrors to be slashed are not those that the bundles give"


def _pay_differences(outcome: Outcome, paid: Settled | None) -> Iterator[str]:
    """Not settled yet, or dry: nothing to compare."""
    if paid is None:
        return
    fund, due = outcome.case.fund, payout(outcome) if paid.settlement == "paid" else unpaid(outcome.case.reward_wei)
    if paid.settlement == "paid" and bytes.fromhex(paid.vector.removeprefix("0x")) != outcome.vector:
        yield f"fund {fund}: the vector settled is not the one that the bundles give"
    for name, given, right in (
        ("paid", paid.paid_wei, due.paid),
        ("fee", paid.fee_wei, due.fee),
        ("returned", paid.returned_wei, due.returned),
    ):
        if given != right:
            yield f"fund {fund}: {name} is {given} on the chain, {right} by the bundles"
    for mirror, right in due.credits.items():
        if (given := paid.credits.get(mirror, 0)) != right:
            yield f"fund {fund}: mirror {mirror} was credited {given}, by the bundles it is {right}"


def payout(outcome: Outcome) -> Payout[MirrorId]:
    """What an outcome pays; a fund without mirrors owes no fee."""
    case = outcome.case
    if not case.positions:
        return unpaid(case.reward_wei)
    weights = {weight.mirror: weight.weight for weight in outcome.result.weights}
    return shares(case.reward_wei, case.target, case.fee_bps, weights)
