"""How things stand right now, and slot by slot: the nodes' votes in this store, by majority.

The committee's own merge of an epoch follows its end and weighs bundles; this is only for showing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from oracle.model import UNKNOWN_REASONS, Clock, Reason, VoteState
from oracle.store.tables import votes

FRESH_SLOTS = 3
"""A vote is of "now" for so many slots,"""
FRESH_MS = 15_000
"""and for at least this long."""


class SlotState(StrEnum):
    """How one slot of a strip is shown; PENDING has not been measured yet."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Now:
    """The state of one mirror by the nodes' latest votes; `nodes` is how many have one that is fresh."""

    state: VoteState
    reason: Reason
    detail: str
    latency_ms: int | None
    nodes: int
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Run:
    """Slots in a row that are alike."""

    state: SlotState
    slots: int


@dataclass(frozen=True, slots=True)
class Strip:
    """One mirror's epoch slot by slot, as runs, with the total of each state."""

    epoch: int
    slots: int
    runs: tuple[Run, ...]
    up: int
    down: int
    unknown: int
    pending: int


NOT_SEEN = Now(VoteState.UNKNOWN, Reason.NOT_MEASURED, "", None, 0, None)


def states_now(
    connection: sa.Connection, fund: int, clock: Clock, slots: int, now_ms: int, mirrors: Sequence[int]
) -> dict[int, Now]:
    """The state of those of `mirrors` (PRIMARY is one) that have a fresh vote, by mirror."""
    epoch = clock.epoch_at(now_ms // 1000)
    fresh_ms = max(FRESH_MS, FRESH_SLOTS * clock.epoch_length_s * 1000 // slots)
    rows = votes.c
    query = sa.select(votes).where(
        rows.fund == fund,
        rows.epoch.in_([epoch - 1, epoch]),
        rows.mirror.in_(mirrors),
        rows.at_ms >= now_ms - fresh_ms,
    )
    latest: dict[int, dict[str, Any]] = defaultdict(dict)
    for row in connection.execute(query.order_by(rows.epoch, rows.slot)):
        latest[row.mirror][row.node] = row
    return {mirror: _majority(list(by_node.values())) for mirror, by_node in latest.items()}


def _majority(cast: Sequence[Any]) -> Now:
    """Up or down by most of the votes that are not unknown; a tie is unknown."""
    ups = [vote for vote in cast if vote.reason == Reason.UP]
    unknowns = [vote for vote in cast if vote.reason in UNKNOWN_REASONS]
    downs = len(cast) - len(ups) - len(unknowns)
    if len(ups) > downs:
        state, chosen = VoteState.UP, ups
    elif downs > len(ups):
        state, chosen = VoteState.DOWN, [vote for vote in cast if vote not in ups and vote not in unknowns]
    else:
        state, chosen = VoteState.UNKNOWN, unknowns
    newest = max(cast, key=lambda vote: vote.at_ms)
    shown = max(chosen, key=lambda vote: vote.at_ms) if chosen else None
    return Now(
        state=state,
        reason=Reason(shown.reason) if shown else Reason.DISPUTED,
        detail=shown.detail if shown else "",
        latency_ms=shown.latency_ms if shown and state is VoteState.UP else None,
        nodes=len(cast),
        at_ms=newest.at_ms,
    )


def strips(
    connection: sa.Connection, fund: int, epoch: int, slots: int, measured: int, mirrors: Sequence[int]
) -> dict[int, Strip]:
    """The strip of each of `mirrors` in an epoch of which `measured` slots are over."""
    rows = votes.c
    ups = sa.func.sum(sa.case((rows.reason == Reason.UP.value, 1), else_=0))
    unknowns = sa.func.sum(sa.case((rows.reason.in_([reason.value for reason in UNKNOWN_REASONS]), 1), else_=0))
    query = sa.select(rows.mirror, rows.slot, ups, unknowns, sa.func.count())
    query = query.where(rows.fund == fund, rows.epoch == epoch, rows.mirror.in_(mirrors))
    query = query.group_by(rows.mirror, rows.slot)
    seen: dict[int, dict[int, SlotState]] = defaultdict(dict)
    for mirror, slot, up, unknown, total in connection.execute(query):
        seen[mirror][slot] = _slot_state(up, total - up - unknown)
    return {mirror: _strip(epoch, slots, measured, seen[mirror]) for mirror in mirrors}


def _slot_state(up: int, down: int) -> SlotState:
    if up == down:
        return SlotState.UNKNOWN
    return SlotState.UP if up > down else SlotState.DOWN


def _strip(epoch: int, slots: int, measured: int, seen: dict[int, SlotState]) -> Strip:
    states = [seen.get(slot, SlotState.UNKNOWN if slot < measured else SlotState.PENDING) for slot in range(slots)]
    runs = tuple(Run(state, len(list(run))) for state, run in groupby(states))
    up, down, unknown, pending = (states.count(state) for state in SlotState)
    return Strip(epoch, slots, runs, up, down, unknown, pending)
