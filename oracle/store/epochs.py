"""A fund's epochs for people: what was measured, reported, paid and returned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
import structlog

from oracle.codec import result_from_json
from oracle.errors import InvalidInput
from oracle.model import FundResult
from oracle.store.disputes import Challenge, challenges_of
from oracle.store.ledger import Offer
from oracle.store.moment import Moment
from oracle.store.tables import chain_reports, evidence, results
from oracle.store.tables import credits as credit_rows
from oracle.store.treasury import Deposit, Settlement, offer_at, owed_epochs

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Credit:
    """What one mirror was credited for one epoch."""

    mirror: int
    weight: int
    amount_wei: int


@dataclass(frozen=True, slots=True)
class ChainReport:
    """A committee's report as the chain accepted it; `evidence_here` says whether this node serves the folder."""

    committee: int
    root: str
    evidence: str
    signers: int
    tx_hash: str
    accepted_s: int
    evidence_here: bool


@dataclass(frozen=True, slots=True)
class EpochView:
    """One epoch of a fund. `outcome` is "paid", "missed", "given_up", "voided", "running", "awaiting" or "dry"; amounts
    are None until it is settled, measured values None where this node has no result."""

    epoch: int
    start_s: int
    outcome: str
    reward_wei: int
    paid_wei: int | None
    fee_wei: int | None
    returned_wei: int | None
    n_eff: int | None
    slots: int | None
    counted_slots: int | None
    outage_slots: int | None
    credits: tuple[Credit, ...]
    report: ChainReport | None
    challenge: Challenge | None
    tx_hash: str | None


def newest_result(connection: sa.Connection, fund: int) -> FundResult | None:
    """The newest result of a fund that this node has."""
    query = sa.select(results.c.body).where(results.c.fund == fund).order_by(results.c.epoch.desc()).limit(1)
    return _parsed(connection.execute(query).scalar())


def _parsed(body: Any) -> FundResult | None:
    try:
        return None if body is None else result_from_json(body)
    except InvalidInput as error:  # another version of this software wrote it: unknown here
        log.warning("result_unreadable", problem=str(error))
        return None


def epochs_of(
    moment: Moment,
    fund: int,
    created_epoch: int,
    offers: list[Offer],
    given: Sequence[Deposit],
    settled: list[Settlement],
    limit: int,
    before: int | None = None,
) -> list[EpochView]:
    """The epochs of a fund up to the present one, or below `before`, newest first."""
    newest = moment.epoch if before is None else min(moment.epoch, before - 1)
    shown_epochs = range(newest, max(created_epoch, newest - limit), -1)
    if not shown_epochs:
        return []
    by_epoch = {one.epoch: one for one in settled}
    owed = owed_epochs(offers, given, settled, created_epoch, moment.epoch)
    first = shown_epochs[-1]
    credited = _credits(moment.connection, fund, first, newest)
    measured = _results(moment.connection, fund, first, newest)
    reported = _reports(moment.connection, {offer.committee for offer in offers}, first, newest)
    disputed = challenges_of(moment.connection, fund, first, newest)
    views = []
    for epoch in shown_epochs:
        offer = offer_at(offers, epoch)
        view = _epoch(moment, epoch, offer, by_epoch.get(epoch), owed, credited[epoch], measured.get(epoch))
        place = (offer.committee, epoch)
        views.append(replace(view, report=reported.get(place), challenge=disputed.get(place)))
    return views


def _epoch(
    moment: Moment,
    epoch: int,
    offer: Offer,
    settled: Settlement | None,
    owed: Container[int],
    credited: list[Credit],
    result: FundResult | None,
) -> EpochView:
    return EpochView(
        epoch=epoch,
        start_s=moment.clock.start_s(epoch),
        outcome=_outcome(epoch, moment.epoch, settled, owed),
        reward_wei=offer.reward_wei,
        paid_wei=settled.paid_wei if settled else None,
        fee_wei=settled.fee_wei if settled else None,
        returned_wei=settled.returned_wei if settled else None,
        n_eff=result.n_eff if result else None,
        slots=result.slots if result else None,
        counted_slots=result.counted_slots if result else None,
        outage_slots=result.outage_slots if result else None,
        credits=tuple(credited),
        report=None,
        challenge=None,
        tx_hash=settled.tx_hash if settled else None,
    )


def _outcome(epoch: int, present: int, settled: Settlement | None, owed: Container[int]) -> str:
    """An epoch that is over, neither settled nor owed anything was dry: nobody will ever settle it."""
    if settled:
        return settled.settlement
    if epoch >= present:
        return "running"
    return "awaiting" if epoch in owed else "dry"


def _credits(connection: sa.Connection, fund: int, first: int, last: int) -> dict[int, list[Credit]]:
    query = (
        sa.select(credit_rows)
        .where(credit_rows.c.fund == fund, credit_rows.c.epoch.between(first, last))
        .order_by(credit_rows.c.mirror)
    )
    found: dict[int, list[Credit]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.epoch].append(Credit(row.mirror, row.weight, row.amount_wei))
    return found


def _results(connection: sa.Connection, fund: int, first: int, last: int) -> dict[int, FundResult]:
    rows = results.c
    query = sa.select(rows.epoch, rows.body).where(rows.fund == fund, rows.epoch.between(first, last))
    parsed = {epoch: _parsed(body) for epoch, body in connection.execute(query)}
    return {epoch: result for epoch, result in parsed.items() if result}


def _reports(
    connection: sa.Connection, committees: set[int], first: int, last: int
) -> dict[tuple[int, int], ChainReport]:
    rows = chain_reports.c
    kept = sa.select(evidence.c.committee, evidence.c.epoch).where(
        evidence.c.name == "index.json", evidence.c.epoch.between(first, last)
    )
    here = {tuple(row) for row in connection.execute(kept)}
    query = sa.select(chain_reports).where(rows.committee.in_(committees), rows.epoch.between(first, last))
    return {
        (row.committee, row.epoch): ChainReport(
            committee=row.committee,
            root=row.root,
            evidence=row.evidence,
            signers=row.signers.bit_count(),
            tx_hash=row.tx_hash,
            accepted_s=row.accepted_s,
            evidence_here=(row.committee, row.epoch) in here,
        )
        for row in connection.execute(query)
    }
