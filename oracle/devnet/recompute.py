"""The weights of the demo's epochs, computed again from the stored votes and compared with what the chain paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from oracle import evidence
from oracle.chain.structs import Offer
from oracle.digests import sha256_digest
from oracle.fields import parse_json
from oracle.model import Bundle, Epoch, FundId, FundResult, Observation, Policy
from oracle.observe import observations
from oracle.probes.placement import Table, place_of
from oracle.store.observations import votes_of
from oracle.store.reports import load_evidence


@dataclass(frozen=True, slots=True)
class Case:
    """What decides a fund's pay besides the votes, from the demo's own knowledge and not from the node's."""

    fund: FundId
    offer: Offer
    policy: Policy
    fund_contract: str
    node: str
    placement: Table


@dataclass(frozen=True, slots=True)
class Recomputed:
    """An epoch's result as the votes give it, and every difference from what was signed and paid."""

    result: FundResult
    failures: tuple[str, ...]


def recompute(engine: sa.Engine, case: Case, epoch: int, reported: Mapping[str, Any], paid_vector: bytes) -> Recomputed:
    """Compute an epoch from the votes in the store; `reported` are the arguments of the chain's `Reported`."""
    named = load_evidence(engine, reported["committee"], epoch)
    failures = _whole(named, reported["evidence"])
    signed = evidence.read_fund(f"funds/{case.fund}.json", named[f"funds/{case.fund}.json"])
    given = replace(
        signed.case,
        reward_wei=case.offer.reward_wei,
        target=case.offer.target,
        fee_bps=case.offer.fee_bps,
        policy=case.policy,
    )
    bundles, differing = _bundles(engine, case, epoch, named, given)
    panel = _panel(named, reported["committee"])
    outcome = evidence.compute(given, bundles, panel, case.fund_contract)
    failures += differing
    if outcome.vector != paid_vector:
        failures.append(f"epoch {epoch}: the weights from the stored votes are not those that were paid")
    if outcome.result != signed.result:
        failures.append(f"epoch {epoch}: the result from the stored votes is not that of the evidence")
    return Recomputed(outcome.result, tuple(failures))


def _whole(named: Mapping[str, bytes], digest: str) -> list[str]:
    """Whether the evidence is the one whose digest is on the chain, down to every file."""
    listed = parse_json(evidence.INDEX, named[evidence.INDEX])["files"]
    found = {name: sha256_digest(body) for name, body in named.items() if name != evidence.INDEX}
    failures = [] if evidence.digest(named) == digest else ["the evidence's digest is not the one on the chain"]
    return failures + ([] if found == listed else ["the evidence's files are not those of its index"])


def _bundles(
    engine: sa.Engine, case: Case, epoch: int, named: Mapping[str, bytes], given: evidence.FundEpoch
) -> tuple[Sequence[Bundle], list[str]]:
    """The bundles of the set, made again from the votes; with those that were signed otherwise."""
    votes = votes_of(engine, case.fund, epoch, case.node)
    ids = [mirror.mirror for mirror in given.mirrors]
    seen = observations(votes, ids, given.policy.slots, lambda address: place_of(address, case.placement))
    signed = [evidence.read_bundle(name, body).bundle for name, body in named.items() if name.startswith("bundles/")]
    made = [_like(bundle, Epoch(epoch), case.fund, seen) for bundle in signed]
    differing = [mine.member for mine, theirs in zip(made, signed, strict=True) if mine != theirs]
    return made, [f"epoch {epoch}: the votes are not what {member} signed" for member in differing]


def _like(bundle: Bundle, epoch: Epoch, fund: FundId, seen: tuple[Observation, ...]) -> Bundle:
    return replace(bundle, epoch=epoch, funds={fund: seen})


def _panel(named: Mapping[str, bytes], committee: Any) -> evidence.Panel:
    report = parse_json(evidence.REPORT, named[evidence.REPORT])
    return evidence.Panel(committee, tuple(report["members"]), report["quorum"], report["config"])
