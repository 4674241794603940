"""Probes are spread over slots and files by a secret: every file before any again, and nothing to predict."""

import itertools
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.model import PRIMARY, Clock, MirrorId
from oracle.schedule import (
    SLICE_MS,
    asks_in,
    choice,
    commitment,
    epoch_secret,
    files_for,
    is_away,
    is_six,
    permuted,
    probe_times,
    slice_bounds,
    slice_of,
    slot_at,
    slot_bounds,
    spread_ms,
    subject_of,
    subsecret,
)

SECRET, OTHER = b"a secret of 16 b", b"another 16 bytes"
CLOCKS = st.builds(Clock, st.integers(0, 2**31), st.integers(1, 100_000), st.just(1), st.just(1))


def test_slots_cut_an_epoch_into_equal_parts() -> None:
    clock = Clock(1_000, 20, 20, 3)
    assert slot_at(clock, 20, 1_000) == (0, 0)
    assert slot_at(clock, 20, 1_019) == (0, 19)
    assert slot_at(clock, 20, 1_020) == (1, 0)
    assert slot_at(clock, 4, 1_034) == (1, 2)
    assert slot_bounds(clock, 4, 1, 2) == (1_030_000, 1_035_000)


def test_before_the_genesis_it_is_the_first_slot() -> None:
    assert slot_at(Clock(1_000, 20, 20, 3), 20, 5) == (0, 0)


@given(CLOCKS, st.integers(1, 2_880), st.integers(0, 10**7))
def test_every_second_lies_within_the_bounds_of_its_slot(clock: Clock, slots: int, after_s: int) -> None:
    unix_s = clock.genesis_s + after_s
    epoch, slot = slot_at(clock, slots, unix_s)
    first_ms, next_ms = slot_bounds(clock, slots, epoch, slot)
    assert first_ms <= unix_s * 1000 < next_ms


@given(CLOCKS, st.integers(1, 300), st.integers(0, 1_000))
def test_slots_lie_end_to_end(clock: Clock, slots: int, epoch: int) -> None:
    bounds = [slot_bounds(clock, slots, epoch, slot) for slot in range(slots)]
    assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]
    assert (bounds[0][0], bounds[-1][1]) == (clock.start_s(epoch) * 1000, clock.end_s(epoch) * 1000)


@pytest.mark.parametrize("slot", [-1, 20])
def test_a_slot_outside_the_epoch_has_no_bounds(slot: int) -> None:
    with pytest.raises(ValueError, match="of 20"):
        slot_bounds(Clock(0, 20, 20, 3), 20, 0, slot)


LIMIT_MS = 10_000


def first_time(secret: bytes, subject: int, epoch: int, slot: int, slot_ms: int) -> int:
    """When a mirror is asked its first question."""
    return next(probe_times(secret, subject, epoch, slot, slot_ms, LIMIT_MS))


@pytest.mark.parametrize(
    ("slot_ms", "timeout_ms", "spread"),
    [(1_000, 5_000, 600), (25_000, 2_000, 15_000), (60_000, 10_000, 47_000), (300_000, 10_000, 287_000),
     (60_000, 120_000, 36_000), (300_000, 120_000, 180_000)],
)  # fmt: skip
def test_probes_start_as_long_as_their_answers_come_within_the_slot(slot_ms: int, timeout_ms: int, spread: int) -> None:
    """In a short slot in its first 60 %; never in less of a longer one."""
    assert spread_ms(slot_ms, timeout_ms) == spread
    bounds = slice_bounds(slot_ms, timeout_ms)
    assert (bounds[0], bounds[-1]) == (0, spread)
    lengths = {later - former for former, later in itertools.pairwise(bounds)}
    assert max(lengths) - min(lengths) <= 1
    assert len(bounds) == 2 or SLICE_MS <= min(lengths) < 2 * SLICE_MS


def test_probes_are_spread_evenly_over_the_slot_and_a_mirrors_lie_in_one_slice() -> None:
    bounds = slice_bounds(300_000, LIMIT_MS)
    drawn = {
        mirror: list(itertools.islice(probe_times(SECRET, mirror, 3, 7, 300_000, LIMIT_MS), 8))
        for mirror in range(1_000)
    }
    for mirror, times in drawn.items():
        part = slice_of(SECRET, mirror, 3, 7, len(bounds) - 1)
        assert all(bounds[part] <= time < bounds[part + 1] for time in times)
        assert len(set(times)) == 8
    tenths = Counter(time * 10 // bounds[-1] for times in drawn.values() for time in times)
    assert max(tenths.values()) <= 1.5 * min(tenths.values())  # 8 for each of about 100 mirrors
    firsts = Counter(times[0] * 10 // bounds[-1] for times in drawn.values())
    assert all(60 <= firsts[i] <= 140 for i in range(10))  # 100 each, 4 sigma


def test_a_mirrors_slice_is_another_in_each_slot_and_for_each_secret() -> None:
    drawn = [[slice_of(secret, 1, 3, slot, 14) for slot in range(288)] for secret in (SECRET, OTHER)]
    for slices in drawn:
        assert all(9 <= slices.count(part) <= 34 for part in range(14))  # 20.6 each
        assert sum(one == other for one, other in itertools.pairwise(slices)) < 45
    assert sum(one == other for one, other in zip(*drawn, strict=True)) < 45


def test_probe_times_are_the_same_for_one_secret_and_others_for_another() -> None:
    drawn = [[first_time(secret, 1, 3, slot, 300_000) for slot in range(50)] for secret in (SECRET, SECRET, OTHER)]
    assert drawn[0] == drawn[1]
    assert sum(one == other for one, other in zip(drawn[0], drawn[2], strict=True)) <= 1


def test_the_primaries_of_funds_are_probed_at_times_of_their_own() -> None:
    numbers = {subject_of(fund, PRIMARY) for fund in range(5)} | {subject_of(1, MirrorId(n)) for n in range(1, 9)}
    assert len(numbers) == 13
    assert len({first_time(SECRET, number, 0, 0, 300_000) for number in numbers}) == 13


def test_an_epochs_secret_tells_nothing_of_others_and_fits_its_commitment() -> None:
    first, second = epoch_secret(SECRET, 1), epoch_secret(SECRET, 2)
    assert len(first) == 32
    assert len({first, second, epoch_secret(OTHER, 1)}) == 3
    assert commitment(first) == "0x" + sha256(first).hexdigest()


def test_a_tenth_of_the_slots_is_asked_from_elsewhere() -> None:
    away = sum(is_away(SECRET, mirror, 1, slot) for mirror in range(50) for slot in range(288))
    assert 1_300 < away < 1_580  # 1440, 3.9 sigma


def test_a_tenth_of_the_slots_is_asked_over_ipv6_too_and_others_each_epoch() -> None:
    sixes = [[slot for slot in range(288) if is_six(SECRET, epoch, slot)] for epoch in range(50)]
    assert 1_300 < sum(map(len, sixes)) < 1_580  # 1440, 3.9 sigma
    assert len({tuple(slots) for slots in sixes}) == 50


@given(slots=st.integers(1, 40), many=st.integers(0, 100), epoch=st.integers(0, 3))
def test_the_asks_of_an_epoch_come_once_each(slots: int, many: int, epoch: int) -> None:
    asks = [ask for slot in range(slots) for ask in asks_in(SECRET, 1, epoch, slot, slots, many)]
    assert sorted(asks) == list(range(many))


def test_the_slots_of_the_asks_are_others_for_each_epoch_mirror_and_purpose() -> None:
    def slots_of(purpose: bytes, mirror: int, epoch: int) -> tuple[int, ...]:
        secret = subsecret(SECRET, purpose)
        return tuple(slot for slot in range(288) if asks_in(secret, mirror, epoch, slot, 288, 4))

    assert len({slots_of(p, m, e) for p in (b"1", b"2") for m in (1, 2) for e in (1, 2)}) == 8


def test_a_choice_is_one_of_all() -> None:
    assert {choice(SECRET, b"vantage", 3, number) for number in range(100)} == {0, 1, 2}


def test_a_slot_too_short_to_spread_is_probed_at_its_start() -> None:
    assert first_time(SECRET, 1, 0, 0, 1) == 0


@settings(max_examples=60)
@given(st.integers(1, 600), st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)))
def test_a_permutation_takes_each_index_to_another(count: int, tweak: tuple[int, int]) -> None:
    assert sorted(permuted(SECRET, tweak, index, count) for index in range(count)) == list(range(count))


@pytest.mark.parametrize("count", [3, 20, 97])
def test_a_permutation_prefers_no_place_and_no_order(count: int) -> None:
    """Over many tweaks each index goes everywhere equally often, and what comes after another is any."""
    tries = 6_000
    walks = [[permuted(SECRET, (tweak,), index, count) for index in (0, 1)] for tweak in range(tries)]
    for seen in (Counter(first for first, _ in walks), Counter((b - a) % count for a, b in walks)):
        expected = tries / (count if 0 in seen else count - 1)
        assert max(seen.values()) < expected + 5 * expected**0.5
        assert min(seen.values()) > expected - 5 * expected**0.5


@settings(max_examples=30)
@given(count=st.integers(1, 60), slots=st.integers(1, 30), each=st.integers(1, 5), rounds=st.integers(0, 3))
def test_every_file_is_met_before_one_is_met_again(count: int, slots: int, each: int, rounds: int) -> None:
    """Over consecutive slots, and across epochs that are too short for all files, round after round."""
    slots = slots if slots * each < count else count * (rounds + 1)
    needed = count * (rounds + 1)
    met: list[int] = []
    turn = 0
    while len(met) < needed:
        met += files_for(SECRET, 9, turn // slots, turn % slots, slots, count, each)
        turn += 1
    assert sorted(met[count * rounds : needed]) == list(range(count))


@settings(max_examples=30)
@given(count=st.integers(1, 60), slots=st.integers(1, 60), epoch=st.integers(0, 9))
def test_an_epoch_with_turns_for_all_files_meets_all_of_them(count: int, slots: int, epoch: int) -> None:
    each = -(-count // slots)
    met = [index for slot in range(slots) for index in files_for(SECRET, 9, epoch, slot, slots, count, each)]
    assert set(met) == set(range(count))


def test_the_next_round_through_the_files_cannot_be_predicted_from_the_last() -> None:
    first, second = ([files_for(SECRET, 1, epoch, slot, 100, 100, 1) for slot in range(100)] for epoch in (0, 1))
    assert sum(one == other for one, other in zip(first, second, strict=True)) < 10


def test_mirrors_and_nodes_walk_in_different_orders() -> None:
    walks = [
        [files_for(secret, mirror, 0, slot, 100, 100, 1) for slot in range(100)]
        for secret, mirror in ((SECRET, 1), (SECRET, 2), (OTHER, 1))
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert sum(a == b for a, b in zip(walks[one], walks[other], strict=True)) < 10


@pytest.mark.parametrize(("count", "each"), [(0, 1), (1, 0)])
def test_nothing_is_drawn_from_nothing(count: int, each: int) -> None:
    with pytest.raises(ValueError, match="files"):
        files_for(SECRET, 1, 0, 0, 20, count, each)


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 65])
def test_a_secret_must_be_one(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        first_time(secret, 1, 0, 0, 1_000)
