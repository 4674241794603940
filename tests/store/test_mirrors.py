"""Where a mirror is in its life, and what its release and its weight say."""

import pytest

from oracle.model import Reason, VoteState
from oracle.store.live import NOT_SEEN, Now
from oracle.store.mirrors import Earned, Stage, Weighed, _current, stage_of


@pytest.mark.parametrize(
    ("start", "end", "removed", "stage"),
    [
        (7, None, False, Stage.COUNTING),
        (8, None, False, Stage.STARTING),
        (3, 8, False, Stage.LEAVING),
        (3, 7, False, Stage.ENDED),
        (3, 7, True, Stage.REMOVED),
        (8, 8, False, Stage.STARTING),
    ],
)
def test_a_mirror_counts_from_its_start_to_before_its_end(
    start: int, end: int | None, removed: bool, stage: Stage
) -> None:
    assert stage_of(start, end, removed, epoch=7) is stage


def now(state: VoteState, reason: Reason) -> Now:
    return Now(state, reason, "", None, 1, 1)


@pytest.mark.parametrize(
    ("read", "seen", "current"),
    [
        (None, NOT_SEEN, None),
        (True, NOT_SEEN, True),
        (True, now(VoteState.DOWN, Reason.TIMEOUT), True),
        (True, now(VoteState.DOWN, Reason.STALE_RELEASE), False),
        (None, now(VoteState.DOWN, Reason.WRONG_BYTES), False),
        (False, now(VoteState.UP, Reason.UP), False),
    ],
)
def test_a_release_is_current_where_it_was_read_and_nothing_else_was_seen(
    read: bool | None, seen: Now, current: bool | None
) -> None:
    assert _current(read, seen) is current


def test_what_is_available_is_credited_and_not_withdrawn() -> None:
    assert Earned(10, 4).available_wei == 6


def test_availability_is_unknown_without_a_known_slot() -> None:
    weighed = Weighed(1, 0, 0, 0, 0, 0, 0, 20, None, 10_000, 10_000, ())
    assert (weighed.availability_bps, weighed.coverage_bps) == (None, 0)
