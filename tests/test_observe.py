"""Votes to observations: what was not measured is never guessed."""

from typing import Any

import pytest

from oracle.codec import observation_from_json, observation_to_json
from oracle.fields import parse_json
from oracle.model import PRIMARY, Epoch, FundId, MirrorId, Place, Reason, Slot, Vote, canonical
from oracle.observe import lower_median, observations
from oracle.probes.placement import place_of

M = MirrorId(3)


def vote(slot: int, reason: Reason = Reason.UP, mirror: int = M, **facts: Any) -> Vote:
    return Vote(FundId(1), MirrorId(mirror), Epoch(1), Slot(slot), reason, **facts)


def place(address: str) -> Place:
    return Place(address, address + "/32", 7, "DE")


def test_a_slot_without_a_vote_was_not_measured() -> None:
    seen = observations([vote(1)], [M], 3, place)[1]
    assert seen.slots == (Reason.NOT_MEASURED, Reason.UP, Reason.NOT_MEASURED)


def test_primary_comes_first_and_mirrors_ascend_even_without_votes() -> None:
    seen = observations([], [MirrorId(9), M], 1, place)
    assert [one.mirror for one in seen] == [PRIMARY, 3, 9]


def test_votes_on_mirrors_that_do_not_count_are_passed_over() -> None:
    assert [one.mirror for one in observations([vote(0, mirror=8)], [M], 1, place)] == [PRIMARY, M]


def test_latency_is_the_lower_median_over_up_votes_only() -> None:
    votes = [vote(slot, latency_ms=ms) for slot, ms in enumerate((40, 10, 30, 20))]
    votes.append(vote(4, Reason.TIMEOUT, latency_ms=1))
    assert observations(votes, [M], 5, place)[1].latency_ms == 20


@pytest.mark.parametrize(("values", "median"), [([], None), ([5], 5), ([9, 1], 1), ([3, 1, 2], 2), ([4, 3, 2, 1], 2)])
def test_lower_median(values: list[int], median: int | None) -> None:
    assert lower_median(values) == median


def test_places_are_those_of_up_votes_once_each() -> None:
    votes = [vote(0, address="10.0.0.2"), vote(1, address="10.0.0.1"), vote(2, address="10.0.0.2")]
    votes.append(vote(3, Reason.WRONG_BYTES, address="10.0.0.9"))
    assert [p.address for p in observations(votes, [M], 4, place)[1].places] == ["10.0.0.1", "10.0.0.2"]


def test_the_round_trip_to_an_address_is_the_least_of_up_votes() -> None:
    votes = [
        vote(slot, address=address, rtt_us=us)
        for slot, (address, us) in enumerate([("10.0.0.1", 900), ("10.0.0.1", 700), ("10.0.0.2", None)])
    ]
    votes.append(vote(3, Reason.TIMEOUT, rtt_us=5))
    assert observations(votes, [M], 4, place)[1].rtts == {"10.0.0.1": 700}


@pytest.mark.parametrize("spelling", ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"])
def test_an_address_in_two_spellings_is_one(spelling: str) -> None:
    votes = [vote(0, address=spelling, rtt_us=9, platform="cloud"), vote(1, address="8.8.8.8", rtt_us=7)]
    seen = observations(votes, [M], 2, place_of)[1]
    assert [(place.address, place.platform) for place in seen.places] == [("8.8.8.8", "")]
    assert seen.rtts == {"8.8.8.8": 7}
    assert observation_from_json(parse_json("seen", canonical(observation_to_json(seen)))) == seen


@pytest.mark.parametrize(
    ("named", "platform"),
    [(["", ""], ""), (["cloud", "cloud"], "cloud"), (["cloud", ""], ""), (["cloud", "other"], "")],
)
def test_a_name_puts_an_address_on_a_platform_only_if_it_always_led_there(named: list[str], platform: str) -> None:
    votes = [vote(slot, address="10.0.0.1", platform=name) for slot, name in enumerate(named)]
    assert [p.platform for p in observations(votes, [M], 2, place)[1].places] == [platform]


def test_only_mirrors_that_were_caught_relay() -> None:
    assert [one.relaying for one in observations([], [M, MirrorId(9)], 1, place, {M})] == [False, True, False]


@pytest.mark.parametrize(("reason", "wrong"), [(Reason.WRONG_BYTES, True), (Reason.STALE_RELEASE, False)])
def test_one_vote_of_wrong_bytes_marks_the_epoch(reason: Reason, wrong: bool) -> None:
    assert observations([vote(0), vote(1, reason)], [M], 2, place)[1].wrong_bytes is wrong
