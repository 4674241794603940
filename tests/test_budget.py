"""A plan keeps its budget, meets every file as soon as that allows, and says truly how soon."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oracle.budget import BESIDES, DAY_S, Plan, plan
from oracle.model import Policy
from oracle.schedule import files_for
from tests.fixtures.node import ROOT

SECRET = b"a secret of 16 b"
MB = 1024 * 1024


def a_plan(count: int, length: int = 20_000, checks: int = 0, epoch_s: int = DAY_S, **policy: int) -> Plan:
    return plan([length] * count, checks, Policy(**policy), epoch_s)


@pytest.mark.parametrize(
    ("count", "each", "walk_slots"), [(1, 1, 1), (20, 1, 20), (288, 1, 288), (289, 2, 145), (2_000, 7, 286)]
)
def test_every_file_comes_in_every_epoch_where_the_budget_allows(count: int, each: int, walk_slots: int) -> None:
    found = a_plan(count)
    assert (found.each, found.walk_slots, found.within_epoch) == (each, walk_slots, True)


def test_more_files_than_requests_take_more_than_an_epoch() -> None:
    found = a_plan(10_000)
    assert found.each == 13  # of 4000 a day: 288 slots of 13, and 256 for the rest
    assert not found.within_epoch
    assert found.walk_slots == 770


def test_more_bytes_than_the_budget_take_more_than_an_epoch() -> None:
    found = a_plan(2_000, MB // 2)
    assert found.each == 1
    assert found.bytes == 512 * MB
    assert found.walk_slots == 2_000


def test_a_file_too_long_for_every_slot_has_a_walk_of_its_own() -> None:
    found = plan([1_000] * 100 + [50 * MB] * 4, 0, Policy(), DAY_S)
    assert (len(found.light), len(found.heavy), found.each) == (100, 4, 1)
    turns = [turn for place in range(2 * 288) for turn in found.heavy_turns(place)]
    assert turns == list(range(8))
    assert found.walk_slots == 288


def test_files_longer_than_an_epochs_budget_come_once_in_some_epochs() -> None:
    found = plan([1_000, 1024 * MB], 0, Policy(max_file_bytes=1024 * MB), DAY_S)
    turns = [turn for place in range(8 * 288) for turn in found.heavy_turns(place)]
    assert turns == [0, 1]
    assert found.walk_slots == 4 * 288


def test_where_all_files_are_long_the_shortest_are_asked_for() -> None:
    found = plan([10 * MB, 10 * MB, 20 * MB], 0, Policy(), DAY_S)
    assert (found.light, found.heavy, found.each) == ((0, 1), (2,), 1)
    # a slot without a question would be unknown; a tenth has one elsewhere, and a tenth one over IPv6
    assert found.bytes == (288 + 28 + 28) * 10 * MB


def test_checks_alone_are_a_release() -> None:
    found = plan([], 3, Policy(), DAY_S)
    assert (found.light, found.walk_slots) == ((), 3)
    with pytest.raises(ValueError, match="without files"):
        plan([], 0, Policy(), DAY_S)


def test_a_short_epoch_has_its_part_of_the_day() -> None:
    assert a_plan(10, epoch_s=DAY_S // 4, slots=72).requests == 1_000
    assert a_plan(10, epoch_s=20, slots=20).requests == 20 + 2 + 2 + BESIDES  # never less than one a slot


@settings(max_examples=100)
@given(
    lengths=st.lists(st.integers(0, 80 * MB), min_size=1, max_size=60),
    checks=st.integers(0, 5),
    slots=st.integers(1, 400),
    requests=st.integers(1, 6_000),
)
def test_what_is_planned_keeps_the_budget(lengths: list[int], checks: int, slots: int, requests: int) -> None:
    policy = Policy(slots=slots, budget_requests=requests, max_file_bytes=80 * MB)
    found = plan(lengths, checks, policy, DAY_S)
    heavy = sum(len(found.heavy_turns(place)) for place in range(slots))
    asked = slots * (found.each + bool(checks)) + slots // 10
    assert asked <= found.requests
    assert sorted((*found.light, *found.heavy)) == list(range(len(lengths)))
    assert heavy <= len(found.heavy)
    mean = -(-sum(lengths[i] for i in found.light) // len(found.light))
    assert slots * found.each * mean + heavy * found.heavy_bytes <= found.bytes + found.heavy_bytes


@settings(max_examples=100)
@given(count=st.integers(1, 120), slots=st.integers(2, 40), begin=st.integers(0, 200), altered=st.integers(0, 119))
@example(count=22, slots=15, begin=16, altered=96)
def test_an_altered_file_is_met_as_soon_as_the_plan_says(count: int, slots: int, begin: int, altered: int) -> None:
    found = a_plan(count, slots=slots)
    for after in range(found.detection_slots):
        epoch, slot = divmod(begin + after, slots)
        if altered % count in files_for(SECRET, 1, epoch, slot, slots, count, found.each):
            return
    pytest.fail(f"not met within {found.detection_slots} slots")


FILES_OF = {
    "20 files of 20 kB": [20_000] * 20,
    "288 files of 20 kB": [20_000] * 288,
    "2,000 files of 20 kB": [20_000] * 2_000,
    "10,000 files of 20 kB": [20_000] * 10_000,
    "100 small files, 4 of 50 MB": [1_000] * 100 + [50 * MB] * 4,
}


def span(slots: int) -> str:
    """Slots of five minutes, as the page writes them."""
    hours, minutes = divmod(slots * 5, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


@pytest.mark.parametrize("release", FILES_OF)
def test_the_page_on_releases_says_how_soon_truly(release: str) -> None:
    found = plan(FILES_OF[release], 0, Policy(), DAY_S)
    row = f"| {release} | {found.each} | {span(found.walk_slots)} | {span(found.detection_slots)} |"
    assert row in (ROOT / "docs" / "releases.md").read_text().splitlines()
