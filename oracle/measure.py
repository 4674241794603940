"""One node's measuring: a shard of a fund's mirrors in one slot, and complete reads.

What this node did by its own fault (it came too late, it was stopped half-way, it did not know the chain) is never
held against a mirror: such a slot has no vote, or one that says NOT_MEASURED.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa
import structlog

from oracle.assignment import Assignment, assignment
from oracle.errors import FetchFailed, MirrorbondError
from oracle.manifest import Manifest, ReleaseFile
from oracle.manifests import manifest_of, read_manifest
from oracle.model import (
    NO_ANSWER_REASONS,
    PRIMARY,
    Clock,
    Epoch,
    FundId,
    MirrorId,
    Reason,
    Slot,
    Vote,
)
from oracle.probes.admission import Candidate, read_completely
from oracle.probes.round import Target, probe_round
from oracle.schedule import SPREAD_PERCENT, files_for, probe_time, shards, slot_bounds
from oracle.secret import node_secret
from oracle.settings import Settings
from oracle.store import facts, ledger
from oracle.store.ledger import Mirror
from oracle.store.observations import CompleteRead, admissions, record_admission, record_votes

log = structlog.get_logger()

DEVELOPMENT_CHAIN = 31337
_LONGEST_WAIT_S = 5.0
_STALLED_MS = 500
_SLACK_MS = 200
_ADMISSION_BUDGET_S = 600.0
_OWN_WORDS = NO_ANSWER_REASONS | {
    Reason.WRONG_BYTES,
    Reason.STALE_RELEASE,
    Reason.NOT_OWNER,
    Reason.NOT_MEASURED,
}
"""Outcomes of a complete read that say more than NOT_ADMITTED does."""


@dataclass(frozen=True, slots=True)
class Round:
    """One slot of one fund: its bounds in Unix milliseconds, what is measured, and against which releases."""

    task: Assignment
    slot: Slot
    start_ms: int
    end_ms: int
    manifest: Manifest
    previous: Manifest | None
    reads: Mapping[MirrorId, CompleteRead]

    @property
    def length_ms(self) -> int:
        """How long the slot lasts."""
        return self.end_ms - self.start_ms

    @property
    def limit_ms(self) -> int:
        """A probe's time limit: the policy's, but never longer than a slot, or rounds would pile up."""
        return min(self.task.policy.timeout_ms, self.length_ms)


def loopback_allowed(engine: sa.Engine, settings: Settings) -> bool:
    """Whether loopback addresses may be probed: asked for, and on a development chain."""
    return settings.allow_loopback and facts.get(engine, facts.CHAIN_ID) == DEVELOPMENT_CHAIN


# ------------------------------------------------------------------------------------------------------ a slot


def measure_slot(engine: sa.Engine, settings: Settings, fund: FundId, epoch: Epoch, slot: Slot, shard: int) -> int:
    """Probe one shard in one slot and store the votes; gives how many were new.

    Waits for the slot's begin if it is near. Does nothing once the slot's part for starting probes is over.
    """
    clock, task = facts.get_clock(engine), assignment(engine, fund, epoch)
    if clock is None or task is None or slot >= task.policy.slots:
        return 0
    start_ms, end_ms = slot_bounds(clock, task.policy.slots, epoch, slot)
    if not _wait_for(start_ms) or _now_ms() > _latest_start_ms(task, start_ms, end_ms):
        log.warning("slot_missed", fund=fund, epoch=epoch, slot=slot)
        return 0
    task = assignment(engine, fund, epoch) or task
    votes = _votes(engine, settings, task, slot, start_ms, end_ms, shard)
    if not _still_so(engine, clock, task):
        log.warning("slot_dropped", fund=fund, epoch=epoch, slot=slot, why="the chain was not known in time")
        return 0
    _revoke(engine, settings, task, votes)
    return record_votes(engine, settings.node_name, votes)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _wait_for(start_ms: int) -> bool:
    wait_s = (start_ms - _now_ms()) / 1000
    if wait_s > _LONGEST_WAIT_S:
        return False
    time.sleep(max(0.0, wait_s))
    return True


def _latest_start_ms(task: Assignment, start_ms: int, end_ms: int) -> int:
    """A probe needs its time limit, or in a short slot the part of it that is for answers."""
    answers_ms = (end_ms - start_ms) * (100 - SPREAD_PERCENT) // 100
    return end_ms - min(task.policy.timeout_ms, answers_ms)


def _votes(
    engine: sa.Engine, settings: Settings, task: Assignment, slot: Slot, start_ms: int, end_ms: int, shard: int
) -> list[Vote]:
    parts = shards(task.ids, settings.shard_size)
    members = parts[shard] if shard < len(parts) else ()
    manifest, previous = _known(engine, task.release), _known(engine, task.previous)
    if task.release is None or manifest is None or (task.previous_counts and previous is None):
        return [_vote(task, mirror, slot, Reason.RELEASE_UNREAD, "no manifest") for mirror in members]
    reads = admissions(engine, task.release.digest, settings.node_name)
    this = Round(task, slot, start_ms, end_ms, manifest, previous, reads)
    return _measured(engine, settings, this, members)


def _measured(engine: sa.Engine, settings: Settings, this: Round, members: tuple[MirrorId, ...]) -> list[Vote]:
    by_id = {mirror.mirror: mirror for mirror in this.task.mirrors}
    admitted = [m for m in members if m == PRIMARY or _admitted(this, m)]
    waiting = [_unadmitted(this, mirror) for mirror in members if mirror not in admitted]
    secret = node_secret(settings.home)
    targets = [_target(this, mirror, by_id.get(mirror), secret) for mirror in admitted]
    # Every probe starts within the slot and then has its whole time limit.
    budget_ms = max((target.delay_ms for target in targets), default=0) + this.limit_ms + _SLACK_MS
    deadline_ms = _now_ms() + budget_ms + _STALLED_MS
    probed = probe_round(
        targets,
        epoch=this.task.epoch,
        slot=this.slot,
        budget_s=budget_ms / 1000,
        allow_loopback=loopback_allowed(engine, settings),
        controls=settings.controls,
    )
    return waiting + (probed if _now_ms() <= deadline_ms else [_excused(vote) for vote in probed])


def _admitted(this: Round, mirror: MirrorId) -> bool:
    read = this.reads.get(mirror)
    return read is not None and read.reason is Reason.UP


def _target(this: Round, mirror: MirrorId, known: Mirror | None, secret: bytes) -> Target:
    """What a mirror is asked for in this slot, and when. A primary that has not deployed its release yet is there."""
    task, epoch = this.task, this.task.epoch
    index = files_for(secret, mirror, epoch, this.slot, task.policy.slots, len(this.manifest.files), 1)[0]
    file = this.manifest.files[index]
    at_ms = this.start_ms + probe_time(secret, mirror, epoch, this.slot, this.length_ms)
    return Target(
        fund=task.fund,
        mirror=mirror,
        url=known.url if known else this.manifest.primary,
        file=file,
        previous=_same_path(this.previous, file.path),
        previous_counts=task.previous_counts or mirror == PRIMARY,
        timeout_ms=this.limit_ms,
        max_file_bytes=task.policy.max_file_bytes,
        delay_ms=max(0, at_ms - _now_ms()),
    )


def _same_path(manifest: Manifest | None, path: str) -> ReleaseFile | None:
    return next((file for file in manifest.files if file.path == path), None) if manifest else None


def _unadmitted(this: Round, mirror: MirrorId) -> Vote:
    """The vote on a mirror that must be read completely first; that nobody has come to it yet is not its fault."""
    read = this.reads.get(mirror)
    if read is None:
        return _vote(this.task, mirror, this.slot, Reason.NOT_MEASURED, "this node has not read it completely yet")
    reason = read.reason if read.reason in _OWN_WORDS else Reason.NOT_ADMITTED
    return _vote(this.task, mirror, this.slot, reason, f"complete read: {read.detail or read.reason}"[:200])


def _vote(task: Assignment, mirror: MirrorId, slot: Slot, reason: Reason, detail: str) -> Vote:
    return Vote(task.fund, mirror, task.epoch, slot, reason, detail=detail)


def _excused(vote: Vote) -> Vote:
    """When this node was stalled, nobody's silence counts."""
    if vote.reason not in NO_ANSWER_REASONS:
        return vote
    return replace(vote, reason=Reason.NOT_MEASURED, detail=f"this node was stalled; it saw {vote.reason}")


def _still_so(engine: sa.Engine, clock: Clock, task: Assignment) -> bool:
    """Whether the chain, indexed past the epoch's start, has the releases that were measured against."""
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while not ledger.knows(engine, task.epoch):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    now = assignment(engine, task.fund, task.epoch)
    return now is not None and (now.release, now.previous_counts) == (task.release, task.previous_counts)


def _revoke(engine: sa.Engine, settings: Settings, task: Assignment, votes: list[Vote]) -> None:
    """A mirror that served wrong bytes must be read completely again before it counts."""
    for vote in votes:
        if vote.reason is Reason.WRONG_BYTES and vote.path and vote.mirror != PRIMARY and task.release:
            told = f"{vote.path}: {vote.detail}"[:200]
            record_admission(engine, settings.node_name, vote.mirror, task.release.digest, vote.reason, told)


# ----------------------------------------------------------------------------------------------- complete reads


def read_release(engine: sa.Engine, settings: Settings, fund: FundId, epoch: Epoch) -> None:
    """Read the manifests of the releases in force in the epoch and before; what cannot be read is logged."""
    task = assignment(engine, fund, epoch)
    allowed = loopback_allowed(engine, settings)
    for release in (task.previous, task.release) if task else ():
        try:
            if release is not None:
                read_manifest(engine, release, allow_loopback=allowed)
        except MirrorbondError as error:
            log.warning("release_unread", fund=fund, release=release and release.digest, error=str(error))


def admit_mirror(engine: sa.Engine, settings: Settings, fund: FundId, epoch: Epoch, mirror: MirrorId) -> Reason | None:
    """Read a mirror completely for the release in force in the epoch, and store the outcome.

    Raises: FetchFailed if the release's manifest has not been read.
    """
    task = assignment(engine, fund, epoch)
    known = next((one for one in task.mirrors if one.mirror == mirror), None) if task else None
    if task is None or known is None or task.release is None:
        return None
    candidate = Candidate(
        mirror, known.url, known.operator, task.release.digest, task.policy.timeout_ms, task.policy.max_file_bytes
    )
    outcome = read_completely(
        candidate,
        manifest_of(engine, task.release.digest),
        budget_s=_ADMISSION_BUDGET_S,
        previous=_known(engine, task.previous),
        allow_loopback=loopback_allowed(engine, settings),
    )
    told = (outcome.reason, outcome.detail, outcome.files_read)
    record_admission(engine, settings.node_name, mirror, task.release.digest, *told)
    log.info("mirror_read", mirror=mirror, reason=outcome.reason, files=outcome.files_read, detail=outcome.detail)
    return outcome.reason


def _known(engine: sa.Engine, release: ledger.Release | None) -> Manifest | None:
    try:
        return manifest_of(engine, release.digest) if release else None
    except FetchFailed:
        return None
