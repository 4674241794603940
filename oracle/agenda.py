"""What is due now: read from the store and the clock, the same however often it is asked.

A duty's `key` names its guard: it is sent once, and again only when `guard_s` is over. Measuring is guarded for longer
than its slot lasts, everything else for a short while, since it is found due again until it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.assignment import Assignment, assignment
from oracle.model import Clock, Epoch, MirrorId, Reason
from oracle.schedule import rest_s, shards, slot_at, slot_bounds
from oracle.selfdoubt import CONTROL_EVERY_S
from oracle.settings import Settings
from oracle.standing import readable, unread_sources
from oracle.store import facts, ledger
from oracle.store.ledger import Release
from oracle.store.manifests import missing_manifests
from oracle.store.observations import admissions
from oracle.store.outcomes import reported_epochs
from oracle.store.ownerships import ownerships

LEAD_S = 1.1
"""Measuring is sent this long before its slot begins, so that a slot as short as a tick is measured whole."""
_SOONEST_S = 2
_LATEST_S = 60


@dataclass(frozen=True, slots=True)
class Duty:
    """A task to send: its arguments, the guard that keeps it from being sent twice, and until when it makes sense."""

    task: str
    args: tuple[int | str, ...]
    key: str
    guard_s: float
    expires_s: float
    priority: int = 5


def due(engine: sa.Engine, settings: Settings, now_s: float) -> list[Duty]:
    """All that this node should be doing at `now_s` (Unix seconds); only indexing before the chain was first read."""
    duties = [Duty("index", (), "index", 0.9, 5)]
    clock = facts.get_clock(engine)
    if clock is not None and now_s >= clock.genesis_s - LEAD_S:
        if settings.controls:
            duties.append(Duty("controls", (), "controls", CONTROL_EVERY_S, 10, priority=1))
        duties += dict.fromkeys(_measuring(engine, settings, clock, now_s))
        duties += dict.fromkeys(_reading(engine, settings, clock, now_s))
        if settings.keystores:
            duties += _closing(engine, settings, clock, now_s)
            duties.append(Duty("settle", (), "settle", _pause_s(clock.window_s), 30, priority=6))
    return duties


def _pause_s(span_s: int) -> int:
    return min(max(span_s // 10, _SOONEST_S), _LATEST_S)


def _measuring(engine: sa.Engine, settings: Settings, clock: Clock, now_s: float) -> Iterator[Duty]:
    """The slots that run now, and those that begin within the lead."""
    for at_s in (int(now_s), int(now_s + LEAD_S)):
        epoch = clock.epoch_at(at_s)
        if at_s < clock.genesis_s or not ledger.knows(engine, epoch - 1):
            continue
        for fund in ledger.funds_of_committee(engine, settings.committee, epoch):
            if task := assignment(engine, fund, epoch):
                yield from _measuring_fund(task, settings, clock, at_s, now_s)


def _measuring_fund(task: Assignment, settings: Settings, clock: Clock, at_s: int, now_s: float) -> Iterator[Duty]:
    slots = task.policy.slots
    epoch, slot = slot_at(clock, slots, at_s)
    left_s = slot_bounds(clock, slots, epoch, slot)[1] / 1000 - now_s
    for shard in range(len(shards(task.ids, settings.shard_size))):
        key = f"measure:{task.fund}:{epoch}:{slot}:{shard}"
        yield Duty("measure", (task.fund, epoch, slot, shard), key, left_s + 60, left_s, priority=0)


def _reading(engine: sa.Engine, settings: Settings, clock: Clock, now_s: float) -> Iterator[Duty]:
    """What of this and of the next epoch is still to be read, so that it counts from the first slot."""
    now = clock.epoch_at(int(now_s))
    for epoch in (now, Epoch(now + 1)):
        for fund in ledger.funds_of_committee(engine, settings.committee, epoch):
            if task := assignment(engine, fund, epoch):
                yield from _reading_fund(engine, settings, task, now, int(now_s * 1000), rest_s(clock))


def _reading_fund(
    engine: sa.Engine, settings: Settings, task: Assignment, now: Epoch, now_ms: int, pause_s: int
) -> Iterator[Duty]:
    """Manifests, then the releases' sources, then mirrors; each again after a pause while it fails."""
    which, before_ms = f"{task.fund}:{task.epoch}", now_ms - pause_s * 1000
    missing = missing_manifests(engine, [release.digest for release in readable(task)])
    if missing:
        yield Duty("release", (task.fund, task.epoch), f"release:{which}", pause_s, 10, priority=4)
    tried = [tried_ms for _, tried_ms in unread_sources(engine, settings.node_name, task)]
    if any(tried_ms is None or tried_ms <= before_ms for tried_ms in tried):
        yield Duty("source", (task.fund, task.epoch), f"source:{which}", pause_s, 10, priority=4)
    if task.release is None or task.release.digest in missing:
        return
    for mirror in _unread(engine, settings, task, task.release, now, before_ms):
        yield Duty("admit", (task.fund, task.epoch, mirror), f"admit:{which}:{mirror}", pause_s, 10, priority=7)


def _unread(
    engine: sa.Engine, settings: Settings, task: Assignment, release: Release, now: Epoch, before_ms: int
) -> Iterator[MirrorId]:
    """Mirrors whose host is to be asked for its operator now, or which are to be read completely."""
    reads = admissions(engine, release.digest, settings.node_name)
    owners = ownerships(engine, settings.node_name)
    for mirror in task.mirrors:
        read, owner = reads.get(mirror.mirror), owners.get(mirror.mirror)
        if owner is not None and not owner.holds(now):
            if owner.may_ask(now, before_ms):
                yield mirror.mirror
        elif owner is None or read is None or (read.reason is not Reason.UP and read.at_ms <= before_ms):
            yield mirror.mirror


def _closing(engine: sa.Engine, settings: Settings, clock: Clock, now_s: float) -> Iterator[Duty]:
    """Epochs that have ended, whose grace is not over, and of which the chain has no report."""
    now = clock.epoch_at(int(now_s))
    first = clock.epoch_at(max(clock.genesis_s, int(now_s) - clock.grace_s))
    reported = reported_epochs(engine, settings.committee, first)
    for epoch in range(max(0, first - 1), now):
        open_still = epoch not in reported and now_s < clock.end_s(epoch) + clock.grace_s
        known = open_still and ledger.knows(engine, epoch + 1)
        if known and ledger.funds_of_committee(engine, settings.committee, epoch):
            yield Duty("close", (epoch,), f"close:{epoch}", _pause_s(clock.grace_s), 30, priority=3)
