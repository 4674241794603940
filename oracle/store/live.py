"""How things stand right now, and slot by slot: the nodes' votes in this store, by majority.

The committee's own merge of an epoch follows its end and weighs bundles; this is only for showing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, zip_longest
from typing import Any

import sqlalchemy as sa

from oracle.model import UNKNOWN_REASONS, Clock, Reason, VoteState
from oracle.schedule import slot_at
from oracle.store.observed import NO_VOTE, STATE_OF, observed
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
    epoch, slot = slot_at(clock, slots, now_ms // 1000)
    slot_ms = clock.epoch_length_s * 1000 // slots
    fresh_ms = max(FRESH_MS, FRESH_SLOTS * slot_ms)
    # A vote is stored in its slot or soon after, so that only slots of about that age are looked through.
    oldest = slot - fresh_ms // max(1, slot_ms) - 2
    rows = votes.c
    query = sa.select(votes).where(
        rows.fund == fund,
        sa.or_(
            sa.and_(rows.epoch == epoch, rows.slot >= oldest),
            sa.and_(rows.epoch == epoch - 1, rows.slot >= slots + oldest),
        ),
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
    seen = observed(connection, fund, epoch, mirrors)
    return {mirror: _strip(epoch, slots, measured, _states([one.slots for one in seen[mirror]])) for mirror in mirrors}


def _states(of_nodes: Sequence[str]) -> list[SlotState | None]:
    """Slot by slot by majority; None where no node has a vote."""
    found: list[SlotState | None] = []
    for letters in zip_longest(*of_nodes, fillvalue=NO_VOTE):
        cast = [STATE_OF[letter] for letter in letters if letter != NO_VOTE]
        found.append(_slot_state(cast.count(VoteState.UP), cast.count(VoteState.DOWN)) if cast else None)
    return found


def _slot_state(up: int, down: int) -> SlotState:
    if up == down:
        return SlotState.UNKNOWN
    return SlotState.UP if up > down else SlotState.DOWN


def _strip(epoch: int, slots: int, measured: int, seen: Sequence[SlotState | None]) -> Strip:
    blank = [SlotState.UNKNOWN if slot < measured else SlotState.PENDING for slot in range(slots)]
    states = [state or none for state, none in zip([*seen, *([None] * slots)], blank, strict=False)]
    runs = tuple(Run(state, len(list(run))) for state, run in groupby(states))
    up, down, unknown, pending = (states.count(state) for state in SlotState)
    return Strip(epoch, slots, runs, up, down, unknown, pending)
