"""Pictures: every slot and every unit of an epoch's reward is in them, once."""

import pytest

from api.plots import LEAST_BARS, payouts, per_cent, strip_pieces
from oracle.store.epochs import Credit, EpochView
from oracle.store.live import Run, SlotState, Strip


def epoch(number: int, credits: dict[int, int], fee: int = 2, reward: int = 100) -> EpochView:  # noqa: A002
    paid = sum(credits.values()) + fee
    listed = tuple(Credit(mirror, 0, amount) for mirror, amount in credits.items())
    return EpochView(
        number, 0, "paid", reward, paid, fee, reward - paid, None, None, None, None, listed, None, None, None
    )


def value(text: str) -> float:
    return float(text.removesuffix("%"))


@pytest.mark.parametrize(("part", "whole", "text"), [(0, 3, "0.000%"), (1, 3, "33.333%"), (3, 3, "100.000%")])
def test_places_are_per_cent(part: int, whole: int, text: str) -> None:
    assert per_cent(part, whole) == text


def test_few_slots_stand_apart_and_many_flow_together() -> None:
    runs = (Run(SlotState.UP, 3), Run(SlotState.DOWN, 1))
    few = strip_pieces(Strip(1, 4, runs, 3, 1, 0, 0))
    assert [(piece.state, piece.x) for piece in few] == [
        (SlotState.UP, "0.000%"), (SlotState.UP, "25.000%"), (SlotState.UP, "50.000%"), (SlotState.DOWN, "75.000%"),
    ]  # fmt: skip
    many = strip_pieces(Strip(1, 288, (Run(SlotState.UP, 287), Run(SlotState.UNKNOWN, 1)), 287, 0, 1, 0))
    assert [piece.state for piece in many] == [SlotState.UP, SlotState.UNKNOWN]
    assert sum(value(piece.width) for piece in many) == pytest.approx(100, abs=0.01)


def test_a_bar_is_the_whole_reward_from_the_bottom() -> None:
    plot = payouts([epoch(8, {1: 50, 2: 20, 3: 0})], [2, 1])
    assert plot is not None
    assert plot.mirrors == (2, 1)
    (bar,) = plot.bars
    assert [(s.kind, s.mirror, s.amount_wei) for s in bar.segments] == [
        ("s0", 2, 20), ("s1", 1, 50), ("fee", None, 2), ("returned", None, 28),
    ]  # fmt: skip
    assert [value(s.y) for s in bar.segments] == [80, 30, 28, 0]
    assert sum(value(s.height) for s in bar.segments) == 100


def test_bars_come_oldest_first_and_leave_room_while_they_are_few() -> None:
    plot = payouts([epoch(9, {1: 5}), epoch(8, {1: 5})], [1])
    assert plot is not None
    assert [bar.epoch.epoch for bar in plot.bars] == [8, 9]
    assert value(plot.bars[1].x) < 2 * 100 / LEAST_BARS


def test_a_mirror_that_is_gone_keeps_its_part() -> None:
    plot = payouts([epoch(8, {9: 10, 1: 5})], [1])
    assert plot is not None
    assert plot.mirrors == (1, 9)


def test_nothing_settled_is_no_plot() -> None:
    running = EpochView(1, 0, "running", 100, None, None, None, None, None, None, None, (), None, None, None)
    assert payouts([running], [1]) is None
    assert payouts([], []) is None
