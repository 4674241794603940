"""What is due now: read from the store and the clock, the same however often it is asked.

A duty's `key` names its guard: it is sent once, and again only when `guard_s` is over. Measuring is guarded for longer
than its slot lasts, everything else for a short while, since it is found due again until it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from oracle.assignment import Assignment
from oracle.model import Clock, Epoch, MirrorId, Reason, Slot
from oracle.rota import Grid, Rota, Shard, rota, shards_of, slice_count, span_of
from oracle.schedule import epoch_secret, rest_s, slot_at, slot_bounds
from oracle.secret import node_secret
from oracle.selfdoubt import CONTROL_EVERY_S
from oracle.settings import Settings
from oracle.standing import readable, sources_read, unread
from oracle.store import facts, ledger
from oracle.store.ledger import Release
from oracle.store.manifests import missing_manifests
from oracle.store.observations import reads_among
from oracle.store.outcomes import reported_epochs
from oracle.store.ownerships import ownerships_among
from oracle.store.unsure import unsure_mirrors

LEAD_S = 1.1
"""Measuring is sent this long before its slice begins, so that a slot as short as a tick is measured whole."""
LOOKS_AN_EPOCH = 1_000
"""About so often it is looked for mirrors that are to be read, but at every tick in short epochs."""
MOST_ADMITS = 500
"""Complete reads sent at a time: beyond that, later ones would wait in the queue instead of the store."""
FORGET_EVERY_S = COMPARE_EVERY_S = 60
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
        if facts.get(engine, facts.FORGOTTEN) != (epoch := clock.epoch_at(int(now_s))):
            duties.append(Duty("forget", (epoch,), "forget", FORGET_EVERY_S, 60, priority=8))
        if ledger.knows(engine, epoch) and (facts.get(engine, facts.COMPARED) or {}).get("epoch") != epoch:
            duties.append(Duty("compare", (epoch,), "compare", COMPARE_EVERY_S, 60, priority=8))
        duties += dict.fromkeys(_measuring(engine, settings, clock, now_s))
        duties += dict.fromkeys(_reading(engine, settings, clock, now_s))
        if settings.keystores:
            duties += _closing(engine, settings, clock, now_s)
            duties.append(Duty("settle", (), "settle", _pause_s(clock.window_s), 30, priority=6))
    return duties


def _pause_s(span_s: int) -> int:
    return min(max(span_s // 10, _SOONEST_S), _LATEST_S)


def _measuring(engine: sa.Engine, settings: Settings, clock: Clock, now_s: float) -> Iterator[Duty]:
    """The slices that have begun in the slots that run now, and those that begin within the lead."""
    for at_s in (int(now_s), int(now_s + LEAD_S)):
        epoch = clock.epoch_at(at_s)
        if at_s < clock.genesis_s or not ledger.knows(engine, epoch - 1):
            continue
        of = rota(engine, settings.committee, epoch)
        secret = epoch_secret(node_secret(settings.home), epoch)
        for grid in of.grids:
            slot = slot_at(clock, grid.slots, at_s)[1]
            for shard in _begun(of, grid, secret, settings, clock, slot, now_s):
                left_s = slot_bounds(clock, grid.slots, epoch, slot)[1] / 1000 - now_s
                key = "measure:" + ":".join(map(str, shard.args[:-1]))
                yield Duty("measure", shard.args, key, left_s + 60, left_s, priority=0)


def _begun(
    of: Rota, grid: Grid, secret: bytes, settings: Settings, clock: Clock, slot: Slot, now_s: float
) -> Iterator[Shard]:
    for part in range(slice_count(clock, of.epoch, slot, grid)):
        if span_of(clock, of.epoch, slot, grid, part).begin_ms <= (now_s + LEAD_S) * 1000:
            yield from shards_of(of, grid, secret, clock, slot, part, settings.shard_size)


def _reading(engine: sa.Engine, settings: Settings, clock: Clock, now_s: float) -> Iterator[Duty]:
    """What of this and of the next epoch is still to be read, so that it counts from the first slot.

    To look through all mirrors for what is missing is more than a tick should do: in long epochs it is not done at
    every tick.
    """
    now, every_s = clock.epoch_at(int(now_s)), min(_LATEST_S, max(1, clock.epoch_length_s // LOOKS_AN_EPOCH))
    if now_s % every_s >= _SOONEST_S:
        return
    for epoch in (now, Epoch(now + 1)):
        of = rota(engine, settings.committee, epoch)
        yield from _reading_epoch(engine, settings, of, now, now_s, rest_s(clock))


def _reading_epoch(
    engine: sa.Engine, settings: Settings, of: Rota, now: Epoch, now_s: float, pause_s: int
) -> Iterator[Duty]:
    """Manifests, then the releases' sources, then mirrors; each again after a pause while it fails."""
    before_ms = int(now_s * 1000) - pause_s * 1000
    missing = missing_manifests(engine, {release.digest for task in of.funds.values() for release in task.releases})
    sources = sources_read(engine, settings.node_name)
    admits = []
    for task in of.funds.values():
        which = f"{task.fund}:{task.epoch}"
        if any(release.digest in missing for release in readable(task)):
            yield Duty("release", (task.fund, task.epoch), f"release:{which}", pause_s, pause_s, priority=4)
        tried = [tried_ms for _, tried_ms in unread(task, missing, sources)]
        if any(tried_ms is None or tried_ms <= before_ms for tried_ms in tried):
            yield Duty("source", (task.fund, task.epoch), f"source:{which}", pause_s, pause_s, priority=4)
        if task.release is not None and task.release.digest not in missing:
            for mirror in _unread(engine, settings, task, task.release, now, before_ms):
                key = f"admit:{which}:{mirror}"
                admits.append(Duty("admit", (task.fund, task.epoch, mirror), key, pause_s, pause_s, priority=7))
    yield from _some(admits, int(now_s))


def _some(admits: list[Duty], turn: int) -> list[Duty]:
    """Not more of them than the queue should hold, others at each turn."""
    first = turn * MOST_ADMITS % len(admits) if len(admits) > MOST_ADMITS else 0
    return (admits[first:] + admits[:first])[:MOST_ADMITS]


def _unread(
    engine: sa.Engine, settings: Settings, task: Assignment, release: Release, now: Epoch, before_ms: int
) -> Iterator[MirrorId]:
    """Mirrors whose host is to be asked for its operator now, or which are to be read completely."""
    node = settings.node_name
    ids = unsure_mirrors(engine, node, task.fund, task.epoch, release.digest, now)
    if not ids:
        return
    reads = reads_among(engine, node, ids).get(release.digest, {})
    owners = ownerships_among(engine, node, ids)
    for mirror in ids:
        read, owner = reads.get(mirror), owners.get(mirror)
        if owner is not None and not owner.holds(now):
            if owner.may_ask(now, before_ms):
                yield mirror
        elif owner is None or read is None or (read.reason is not Reason.UP and read.at_ms <= before_ms):
            yield mirror


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
