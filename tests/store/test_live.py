"""Now and slot by slot: a majority of those that know, and unknown where nobody does."""

import pytest
import sqlalchemy as sa

from oracle.model import Clock, Epoch, FundId, MirrorId, Reason, Slot, Vote, VoteState
from oracle.store.db import reading
from oracle.store.live import Now, Run, SlotState, Strip, states_now, strips
from oracle.store.observations import record_votes

CLOCK = Clock(genesis_s=1_000_000, epoch_length_s=100, grace_s=10, window_s=10)
NOW_MS = (1_000_000 + 100 * 7 + 50) * 1000
UP, DOWN, DOUBT = Reason.UP, Reason.TIMEOUT, Reason.SELF_DOUBT


def cast(engine: sa.Engine, node: str, reason: Reason, slot: int = 4, age_ms: int = 1000, mirror: int = 3) -> None:
    vote = Vote(FundId(1), MirrorId(mirror), Epoch(7), Slot(slot), reason, 9 if reason is UP else None)
    record_votes(engine, node, [vote], NOW_MS - age_ms)


def now(engine: sa.Engine) -> dict[int, Now]:
    with reading(engine) as connection:
        return states_now(connection, 1, CLOCK, 10, NOW_MS, [3])


@pytest.mark.parametrize(
    ("reasons", "state"),
    [
        ([UP], VoteState.UP),
        ([DOWN], VoteState.DOWN),
        ([DOUBT], VoteState.UNKNOWN),
        ([UP, UP, DOWN], VoteState.UP),
        ([UP, DOWN, DOWN], VoteState.DOWN),
        ([UP, DOWN], VoteState.UNKNOWN),
        ([UP, DOUBT, DOUBT], VoteState.UP),
        ([DOWN, DOUBT], VoteState.DOWN),
    ],
)
def test_now_is_what_most_of_those_say_that_know(store: sa.Engine, reasons: list[Reason], state: VoteState) -> None:
    for number, reason in enumerate(reasons):
        cast(store, f"node-{number}", reason)
    found = now(store)[3]
    assert (found.state, found.nodes) == (state, len(reasons))


def test_a_nodes_latest_vote_counts(store: sa.Engine) -> None:
    cast(store, "west", DOWN, slot=3, age_ms=11_000)
    cast(store, "west", UP, slot=4)
    assert now(store)[3].state is VoteState.UP
    assert now(store)[3].latency_ms == 9


def test_an_old_vote_is_not_of_now(store: sa.Engine) -> None:
    cast(store, "west", UP, slot=0, age_ms=31_000)
    assert now(store) == {}


def test_a_strip_tells_every_slot_and_the_sums(store: sa.Engine) -> None:
    for slot, reasons in enumerate([[UP, UP], [UP, DOWN], [DOWN, DOUBT], [DOUBT]]):
        for node, reason in enumerate(reasons):
            cast(store, f"node-{node}", reason, slot=slot)
    with reading(store) as connection:
        found = strips(connection, 1, 7, slots=8, measured=5, mirrors=[3, 4])
    runs = [(SlotState.UP, 1), (SlotState.UNKNOWN, 1), (SlotState.DOWN, 1), (SlotState.UNKNOWN, 2)]
    expected = tuple(Run(state, slots) for state, slots in [*runs, (SlotState.PENDING, 3)])
    assert found[3] == Strip(7, 8, expected, up=1, down=1, unknown=3, pending=3)
    assert found[4].runs == (Run(SlotState.UNKNOWN, 5), Run(SlotState.PENDING, 3))
