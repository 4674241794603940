"""What is made of a closed epoch: bundles, results, reports, signatures, evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from oracle.model import Address, CommitteeId, Digest, Epoch, FundId
from oracle.store import tables
from oracle.store.db import insert_new, reading, upsert, writing

NO_RESULTS: Mapping[FundId, dict[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A member's signed bundle; `body` is its canonical JSON and `digest` that of `body`."""

    committee: CommitteeId
    epoch: Epoch
    member: Address
    digest: Digest
    signature: str
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A committee's report as this node computed it; `leaves` in the tree's order, `set_members` whose bundles."""

    committee: CommitteeId
    epoch: Epoch
    root: Digest
    evidence: Digest
    leaves: list[Any]
    set_members: list[str]


def save_bundle(engine: sa.Engine, bundle: StoredBundle) -> bool:
    """Keeps a member's first bundle of an epoch and says whether this was it: a second one never replaces it."""
    with writing(engine) as connection:
        return insert_new(connection, tables.bundles, [asdict(bundle)]) == 1


def load_bundles(engine: sa.Engine, committee: int, epoch: int) -> list[StoredBundle]:
    """The bundles of an epoch, by member."""
    rows = tables.bundles.c
    query = sa.select(tables.bundles).where(rows.committee == committee, rows.epoch == epoch).order_by(rows.member)
    with reading(engine) as connection:
        return [StoredBundle(**row._mapping) for row in connection.execute(query)]


def _put_result(connection: sa.Connection, committee: int, fund: int, epoch: int, body: dict[str, Any]) -> None:
    upsert(connection, tables.results, [{"fund": fund, "epoch": epoch, "committee": committee, "body": body}])


def load_result(engine: sa.Engine, fund: int, epoch: int) -> dict[str, Any] | None:
    """A fund's epoch as JSON; None if this node has not computed it."""
    rows = tables.results.c
    query = sa.select(rows.body).where(rows.fund == fund, rows.epoch == epoch)
    with reading(engine) as connection:
        return connection.execute(query).scalar()


def save_report(
    engine: sa.Engine, report: StoredReport, files: Mapping[str, bytes], bodies: Mapping[FundId, dict[str, Any]]
) -> StoredReport:
    """Keeps a committee's first report of an epoch with its evidence and each fund's result, all at once, and gives the
    one that stands: members sign that one, and their signatures would not count for another."""
    with writing(engine) as connection:
        if insert_new(connection, tables.reports, [asdict(report)]):
            for fund, body in bodies.items():
                _put_result(connection, report.committee, fund, report.epoch, body)
            _put_evidence(connection, report.committee, report.epoch, files)
    return load_report(engine, report.committee, report.epoch) or report


def load_report(engine: sa.Engine, committee: int, epoch: int) -> StoredReport | None:
    """This node's report of an epoch."""
    rows = tables.reports.c
    query = sa.select(tables.reports).where(rows.committee == committee, rows.epoch == epoch)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return StoredReport(**row._mapping) if row else None


def save_signature(engine: sa.Engine, committee: int, epoch: int, member: str, root: str, signature: str) -> None:
    """Keeps a member's signature of a report, in place of its signature of another one of the same epoch."""
    row = {"committee": committee, "epoch": epoch, "member": member, "root": root, "signature": signature}
    with writing(engine) as connection:
        upsert(connection, tables.report_signatures, [row])


def load_signatures(engine: sa.Engine, committee: int, epoch: int, root: str) -> dict[Address, str]:
    """The signatures of one root, by member in ascending order as the contract wants them; each may be over other
    evidence than the one that stands: see `cosign.signatures_of`."""
    rows = tables.report_signatures.c
    query = sa.select(rows.member, rows.signature).where(
        rows.committee == committee, rows.epoch == epoch, rows.root == root
    )
    with reading(engine) as connection:
        found = [(Address(row.member), row.signature) for row in connection.execute(query)]
    return dict(sorted(found, key=lambda signed: signed[0].lower()))


def save_evidence(
    engine: sa.Engine,
    committee: int,
    epoch: int,
    files: Mapping[str, bytes],
    bodies: Mapping[FundId, dict[str, Any]] = NO_RESULTS,
) -> None:
    """Keeps the evidence of an epoch and the results that come of it (`FundResult` as JSON, by fund), all at once, in
    place of what was there."""
    with writing(engine) as connection:
        for fund, body in bodies.items():
            _put_result(connection, committee, fund, epoch, body)
        _put_evidence(connection, committee, epoch, files)


def _put_evidence(connection: sa.Connection, committee: int, epoch: int, files: Mapping[str, bytes]) -> None:
    at = {"committee": committee, "epoch": epoch}
    rows = tables.evidence.c
    connection.execute(sa.delete(tables.evidence).where(rows.committee == committee, rows.epoch == epoch))
    insert_new(connection, tables.evidence, [at | {"name": name, "body": body} for name, body in files.items()])


def load_evidence(engine: sa.Engine, committee: int, epoch: int) -> dict[str, bytes]:
    """All evidence of an epoch by name; empty if there is none."""
    rows = tables.evidence.c
    query = sa.select(rows.name, rows.body).where(rows.committee == committee, rows.epoch == epoch).order_by(rows.name)
    with reading(engine) as connection:
        return {row.name: row.body for row in connection.execute(query)}


def load_evidence_file(engine: sa.Engine, committee: int, epoch: int, name: str) -> bytes | None:
    """One file of the evidence of an epoch; None if there is none of that name."""
    rows = tables.evidence.c
    query = sa.select(rows.body).where(rows.committee == committee, rows.epoch == epoch, rows.name == name)
    with reading(engine) as connection:
        return connection.execute(query).scalar()
