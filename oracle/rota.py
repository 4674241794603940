"""Who is probed in which slice of a slot: all mirrors and primaries of a committee's funds, cut into shards.

A slice is a part of a slot's time, the same for all funds that cut the epoch alike; which slice a mirror is in follows
from the epoch's secret alone. A shard is what one task probes: whole funds' parts of one slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import sqlalchemy as sa

from oracle.assignment import Assignment
from oracle.model import PRIMARY, Clock, Epoch, FundId, MirrorId, Slot
from oracle.schedule import slice_bounds, slice_of, slot_bounds, spread_ms, subject_of
from oracle.store.binding import chain_view, mirror_ids, releases_of_funds
from oracle.store.ledger import offers_of_committee
from oracle.store.moment import policy

Members = Mapping[FundId, tuple[MirrorId, ...]]
"""Mirrors by fund; PRIMARY is one."""


@dataclass(frozen=True, slots=True, order=True)
class Grid:
    """How a fund's policy cuts the epoch: into how many slots, and how much of each is kept for answers."""

    slots: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Shard:
    """What one task probes: of the funds with one grid, one slice of a slot, and of that every `shards`th fund."""

    epoch: Epoch
    slot: Slot
    grid: Grid
    slice: int
    shard: int
    shards: int

    @property
    def args(self) -> tuple[int, ...]:
        """As numbers, for a task."""
        return (self.epoch, self.slot, self.grid.slots, self.grid.timeout_ms, self.slice, self.shard, self.shards)

    @classmethod
    def of(cls, epoch: int, slot: int, slots: int, timeout_ms: int, part: int, shard: int, shards: int) -> Shard:
        """From those numbers."""
        return cls(Epoch(epoch), Slot(slot), Grid(slots, timeout_ms), part, shard, shards)


@dataclass(frozen=True, slots=True)
class Span:
    """When a shard is probed (Unix ms): probes start from `begin` to `end`; one that comes later than `latest` would
    have no time for its answer within the slot, of which `slot_start` is the begin and `slot_ms` the length."""

    begin_ms: int
    end_ms: int
    latest_ms: int
    slot_start_ms: int
    slot_ms: int


@dataclass(frozen=True, eq=False)
class Rota:
    """A committee's epoch: its funds, their mirrors not among them, and who is probed."""

    epoch: Epoch
    funds: Mapping[FundId, Assignment]
    members: Members

    @cached_property
    def grids(self) -> dict[Grid, list[FundId]]:
        """The funds by how they cut the epoch."""
        found: dict[Grid, list[FundId]] = {}
        for fund, task in self.funds.items():
            found.setdefault(Grid(task.policy.slots, task.policy.timeout_ms), []).append(fund)
        return found


def rota(engine: sa.Engine, committee: int, epoch: int) -> Rota:
    """The rota as the chain is known now; read anew when another block is indexed."""
    return _rota(engine, committee, epoch, chain_view(engine))


@lru_cache(maxsize=4)
def _rota(engine: sa.Engine, committee: int, epoch: int, _view: tuple[int, str]) -> Rota:
    offers, releases = offers_of_committee(engine, committee, epoch), releases_of_funds(engine)
    funds = {}
    for fund, offer in offers.items():
        known = releases.get(fund, ())
        begun = next((release for release in known if release.binds_from <= epoch), None)
        funds[fund] = Assignment(fund, Epoch(epoch), offer, policy(offer.policy), begun, known, ())
    counting = mirror_ids(engine, epoch)
    return Rota(Epoch(epoch), funds, {fund: (PRIMARY, *counting.get(fund, ())) for fund in funds})


@lru_cache(maxsize=8)
def slices(of: Rota, grid: Grid, secret: bytes, slot: Slot, count: int) -> tuple[Members, ...]:
    """Who is in which of a slot's `count` slices; `secret` is the epoch's."""
    cut: list[dict[FundId, list[MirrorId]]] = [{} for _ in range(count)]
    for fund in of.grids.get(grid, ()):
        for mirror in of.members[fund]:
            part = slice_of(secret, subject_of(fund, mirror), of.epoch, slot, count)
            cut[part].setdefault(fund, []).append(mirror)
    return tuple({fund: tuple(ids) for fund, ids in part.items()} for part in cut)


def members_of(of: Rota, shard: Shard, secret: bytes, clock: Clock) -> Members:
    """Whom a shard probes."""
    count = slice_count(clock, shard.epoch, shard.slot, shard.grid)
    if shard.slice >= count:
        return {}
    part = slices(of, shard.grid, secret, shard.slot, count)[shard.slice]
    return {fund: ids for fund, ids in part.items() if fund % shard.shards == shard.shard}


def shards_of(of: Rota, grid: Grid, secret: bytes, clock: Clock, slot: Slot, part: int, size: int) -> list[Shard]:
    """The shards of a slice, each of about `size` mirrors; a fund is never cut, for what is asked of one mirror
    depends on the others."""
    count = slice_count(clock, of.epoch, slot, grid)
    members = slices(of, grid, secret, slot, count)[part]
    total = sum(len(ids) for ids in members.values())
    number = max(1, min(len(members), -(-total // size)))
    every = [Shard(of.epoch, slot, grid, part, shard, number) for shard in range(number)]
    there = {fund % number for fund in members}
    return [shard for shard in every if shard.shard in there]


def slice_count(clock: Clock, epoch: int, slot: int, grid: Grid) -> int:
    """Into how many slices a slot is cut."""
    first, last = slot_bounds(clock, grid.slots, epoch, slot)
    return len(slice_bounds(last - first, grid.timeout_ms)) - 1


def span_of(clock: Clock, epoch: int, slot: int, grid: Grid, part: int) -> Span:
    """When a slice is.

    Raises: ValueError for a slot or slice that there is none of.
    """
    start_ms, slot_end_ms = slot_bounds(clock, grid.slots, epoch, slot)
    length_ms = slot_end_ms - start_ms
    bounds = slice_bounds(length_ms, grid.timeout_ms)
    if not 0 <= part < len(bounds) - 1:
        raise ValueError(f"slice {part} of {len(bounds) - 1}")
    answers_ms = min(grid.timeout_ms, length_ms - spread_ms(length_ms, grid.timeout_ms))
    begin, end = (start_ms + bound for bound in bounds[part : part + 2])
    return Span(begin, end, slot_end_ms - answers_ms, start_ms, length_ms)
