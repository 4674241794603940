"""What nodes saw: votes slot by slot, and the outcome of complete reads."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oracle.model import REASONS, Digest, Epoch, FundId, MirrorId, Reason, Slot, Vote
from oracle.store.db import chunks, insert_new, reading, upsert, writing
from oracle.store.observed import observe
from oracle.store.past import forget_before
from oracle.store.tables import admissions as admission_rows
from oracle.store.tables import votes as vote_rows


@dataclass(frozen=True, slots=True)
class CastVote:
    """A vote with who cast it and when."""

    node: str
    at_ms: int
    vote: Vote


@dataclass(frozen=True, slots=True)
class CompleteRead:
    """The last complete read of a mirror by one node; `reason` is UP when every file was right."""

    mirror: MirrorId
    release: Digest
    node: str
    reason: Reason
    detail: str
    files_read: int
    at_ms: int


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def record_votes(engine: sa.Engine, node: str, votes: Iterable[Vote], at_ms: int | None = None) -> int:
    """Stores one node's votes and says how many were new: the first vote on a mirror and slot stands for good."""
    with writing(engine) as connection:
        return len(record_in(connection, node, votes, now_ms() if at_ms is None else at_ms))


def record_in(connection: sa.Connection, node: str, votes: Iterable[Vote], at_ms: int) -> list[Vote]:
    """The same inside the caller's transaction; gives the new ones."""
    new = observe(connection, node, votes)
    insert_new(connection, vote_rows, [_to_row(vote, node, at_ms) for vote in new])
    return new


def _to_row(vote: Vote, node: str, at_ms: int) -> dict[str, Any]:
    return {
        "fund": vote.fund,
        "epoch": vote.epoch,
        "mirror": vote.mirror,
        "slot": vote.slot,
        "node": node,
        "reason": vote.reason.value,
        "latency_ms": vote.latency_ms,
        "address": vote.address,
        "path": vote.path,
        "detail": vote.detail,
        "at_ms": at_ms,
        "rtt_us": vote.rtt_us,
        "platform": vote.platform,
    }


def _from_row(row: Any) -> CastVote:
    vote = Vote(
        fund=FundId(row.fund),
        mirror=MirrorId(row.mirror),
        epoch=Epoch(row.epoch),
        slot=Slot(row.slot),
        reason=REASONS[row.reason],
        latency_ms=row.latency_ms,
        address=row.address,
        path=row.path,
        detail=row.detail,
        rtt_us=row.rtt_us,
        platform=row.platform,
    )
    return CastVote(row.node, row.at_ms, vote)


def votes_of(engine: sa.Engine, fund: int, epoch: int, node: str) -> list[Vote]:
    """One node's votes on a fund's mirrors (and its primary) in one epoch, by mirror and slot."""
    rows = vote_rows.c
    query = sa.select(vote_rows).where(rows.fund == fund, rows.epoch == epoch, rows.node == node)
    with reading(engine) as connection:
        return [_from_row(row).vote for row in connection.execute(query.order_by(rows.mirror, rows.slot))]


def latest_votes(connection: sa.Connection, fund: int, mirror: int, limit: int) -> list[CastVote]:
    """The newest votes on one mirror by all nodes, newest first."""
    rows = vote_rows.c
    query = sa.select(vote_rows).where(rows.fund == fund, rows.mirror == mirror)
    newest = query.order_by(rows.epoch.desc(), rows.slot.desc(), rows.node).limit(limit)
    return [_from_row(row) for row in connection.execute(newest)]


def forget_votes(engine: sa.Engine, before_epoch: int) -> int:
    """Deletes the votes of epochs before `before_epoch`, whose bundles are kept as evidence, and says how many."""
    return forget_before(engine, vote_rows, before_epoch)


def record_admission(
    engine: sa.Engine,
    node: str,
    mirror: int,
    release: str,
    reason: Reason,
    detail: str = "",
    files_read: int = 0,
    at_ms: int | None = None,
) -> None:
    """Stores the outcome of a complete read in place of this node's earlier one of the same mirror and release."""
    row = {
        "mirror": mirror,
        "release": release,
        "node": node,
        "reason": reason.value,
        "detail": detail,
        "files_read": files_read,
        "at_ms": now_ms() if at_ms is None else at_ms,
    }
    with writing(engine) as connection:
        upsert(connection, admission_rows, [row])


def admissions(engine: sa.Engine, release: str, node: str) -> dict[MirrorId, CompleteRead]:
    """One node's last complete reads of a release, by mirror."""
    rows = admission_rows.c
    query = sa.select(admission_rows).where(rows.release == release, rows.node == node)
    with reading(engine) as connection:
        return {MirrorId(row.mirror): read_from_row(row) for row in connection.execute(query)}


def reads_among(
    engine: sa.Engine, node: str, mirrors: Collection[MirrorId]
) -> dict[Digest, dict[MirrorId, CompleteRead]]:
    """One node's last complete reads of these mirrors (PRIMARY: of the releases' sources), by release and mirror."""
    found: dict[Digest, dict[MirrorId, CompleteRead]] = {}
    query = sa.select(admission_rows).where(admission_rows.c.node == node)
    with reading(engine) as connection:
        for some in chunks(mirrors):
            for row in connection.execute(query.where(admission_rows.c.mirror.in_(some))):
                found.setdefault(Digest(row.release), {})[MirrorId(row.mirror)] = read_from_row(row)
    return found


def admitted(engine: sa.Engine, release: str, node: str) -> frozenset[MirrorId]:
    """The mirrors from which this node has read every file of the release, all of them right."""
    reads = admissions(engine, release, node)
    return frozenset(mirror for mirror, read in reads.items() if read.reason is Reason.UP)


def read_from_row(row: Any) -> CompleteRead:
    """A row of `admissions` as a value."""
    mirror, release, node, reason, detail, files_read, at_ms = row
    return CompleteRead(MirrorId(mirror), Digest(release), node, REASONS[reason], detail, files_read, at_ms)
