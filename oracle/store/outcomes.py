"""What the chain made of epochs: reports it accepted, and what funds' epochs paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.model import Address, Digest, Epoch, MirrorId
from oracle.store.db import reading
from oracle.store.tables import chain_reports, settlements
from oracle.store.tables import credits as credit_rows


@dataclass(frozen=True, slots=True)
class ChainReport:
    """A committee's report of an epoch, as the chain accepted it."""

    root: Digest
    evidence: Digest
    poster: Address
    tx_hash: str
    accepted_s: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What one epoch of a fund paid: `settlement` is one of `fold.SETTLEMENTS`, `vector` 0x-hex."""

    settlement: str
    paid_wei: int
    fee_wei: int
    returned_wei: int
    vector: str
    tx_hash: str
    credits: Mapping[MirrorId, int]


def chain_report(engine: sa.Engine, committee: int, epoch: int) -> ChainReport | None:
    """The report that the chain has; None without one."""
    rows = chain_reports.c
    query = sa.select(chain_reports).where(rows.committee == committee, rows.epoch == epoch)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    return ChainReport(Digest(row.root), Digest(row.evidence), Address(row.poster), row.tx_hash, row.accepted_s)


def reported_epochs(engine: sa.Engine, committee: int, first: int = 0) -> frozenset[Epoch]:
    """The epochs, from `first` on, of which the chain has a report."""
    rows = chain_reports.c
    query = sa.select(rows.epoch).where(rows.committee == committee, rows.epoch >= first)
    with reading(engine) as connection:
        return frozenset(Epoch(epoch) for epoch in connection.execute(query).scalars())


def settled(engine: sa.Engine, fund: int, epoch: int) -> Settled | None:
    """What a fund's epoch paid; None while it is not settled, and for one that was not funded."""
    found = sa.select(settlements).where(settlements.c.fund == fund, settlements.c.epoch == epoch)
    paid = sa.select(credit_rows.c.mirror, credit_rows.c.amount_wei).where(
        credit_rows.c.fund == fund, credit_rows.c.epoch == epoch
    )
    with reading(engine) as connection:
        row = connection.execute(found).first()
        shares = {MirrorId(one.mirror): one.amount_wei for one in connection.execute(paid)}
    if row is None:
        return None
    return Settled(row.settlement, row.paid_wei, row.fee_wei, row.returned_wei, row.vector, row.tx_hash, shares)
