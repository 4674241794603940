"""What holds for the weights of any epoch, whoever stood where and whatever was seen."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from oracle.model import MOST_MIRRORS, ONE, FundResult, Merged, MirrorId, Policy, RankedMirror, Reason, Vantage
from oracle.weights import FACTOR_REASONS, weigh
from tests.fixtures.epochs import EPOCH, FUND, merged, place, policy, primary, ranked, seen

SLOTS = 5
LETTERS = st.text("UUUUD?Xh", min_size=SLOTS, max_size=SLOTS)
VANTAGES = (Vantage(50_110, 8_680), Vantage(39_040, -77_490), Vantage(1_350, 103_820))
RTTS = st.dictionaries(st.sampled_from(VANTAGES), st.integers(500, 150_000))


@st.composite
def epochs(draw: st.DrawFn) -> tuple[list[RankedMirror], dict[MirrorId, Merged]]:
    """A rank list with everything that history can hold, and what was seen; some mirrors share much."""
    count = draw(st.integers(1, 9))
    order = draw(st.permutations(range(count)))
    mirrors, observations = [], [primary(draw(LETTERS))]
    for i in range(count):
        outages = tuple(draw(st.lists(st.booleans(), max_size=2)))
        mirrors.append(
            ranked(
                i + 1,
                order[i],
                operator=draw(st.integers(1, 5)),
                lead=draw(st.integers(0, 999)),
                outages=outages,
                passed_outage=any(outages) or draw(st.booleans()),
            )
        )
        networks = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(0, 2)), max_size=2))
        observations.append(
            Merged(
                MirrorId(i + 1),
                merged(1, draw(LETTERS)).slots,
                draw(st.none() | st.integers(0, 6_000)),
                tuple(place(*where) for where in networks),
                draw(st.integers(0, 9)) == 0,
                rtts={place(*where).address: draw(RTTS) for where in networks},
            )
        )
    return mirrors, seen(*observations)


EPOCHS, TARGETS = epochs(), st.integers(1, 5)


def run(mirrors: Sequence[RankedMirror], observed: dict[MirrorId, Merged], target: int) -> FundResult:
    return weigh(FUND, EPOCH, policy(SLOTS), target, mirrors, observed)


@given(EPOCHS, TARGETS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(
    epoch: tuple[list[RankedMirror], dict[MirrorId, Merged]], target: int, shuffle: random.Random
) -> None:
    mirrors, observed = epoch
    turned, items = list(mirrors), list(observed.items())
    shuffle.shuffle(turned)
    shuffle.shuffle(items)
    backwards = {
        mirror: replace(one, places=one.places[::-1], rtts=dict(reversed(list(one.rtts.items()))))
        for mirror, one in items
    }
    assert run(turned, backwards, target) == run(mirrors, observed, target)


@given(EPOCHS, TARGETS)
def test_weights_never_exceed_the_target_nor_a_mirror_one(
    epoch: tuple[list[RankedMirror], dict[MirrorId, Merged]], target: int
) -> None:
    result = run(*epoch, target)
    assert sum(weight.weight for weight in result.weights) <= target * ONE
    assert result.n_eff <= target * ONE
    assert all(0 <= weight.weight <= ONE and 0 <= weight.count <= ONE for weight in result.weights)


@given(EPOCHS, TARGETS)
def test_the_reasons_of_every_mirror_sum_to_the_slots(
    epoch: tuple[list[RankedMirror], dict[MirrorId, Merged]], target: int
) -> None:
    for weight in run(*epoch, target).weights:
        assert sum(n for reason, n in weight.reasons.items() if reason not in FACTOR_REASONS) == SLOTS
        assert min(weight.reasons.values()) > 0
        assert weight.weight == ONE or set(weight.reasons) != {Reason.UP}


@given(EPOCHS, TARGETS, st.integers(1, 9))
def test_newcomers_change_nothing_for_those_above(
    epoch: tuple[list[RankedMirror], dict[MirrorId, Merged]], target: int, crowd: int
) -> None:
    """Neither one nor any number of them, wherever they are and whatever is known of them."""
    mirrors, observed = epoch
    above = sorted(mirrors, key=lambda mirror: mirror.rank)[:-crowd] or mirrors
    with_all, without = run(mirrors, observed, target), run(above, observed, target)
    assert with_all.weights[: len(above)] == without.weights


@given(EPOCHS, TARGETS, st.integers(1, 9))
def test_newcomers_change_no_lead_and_no_outage_of_those_above(
    epoch: tuple[list[RankedMirror], dict[MirrorId, Merged]], target: int, crowd: int
) -> None:
    mirrors, observed = epoch
    above = sorted(mirrors, key=lambda mirror: mirror.rank)[:-crowd] or mirrors
    ids = {one.mirror for one in above}
    with_all, without = run(mirrors, observed, target).ranks, run(above, observed, target).ranks
    kept = [one for one in with_all if one.mirror in ids]
    before = {one.mirror: one for one in without}
    assert all(
        (one.outages, one.passed_outage, one.networks)
        == (before[one.mirror].outages, before[one.mirror].passed_outage, before[one.mirror].networks)
        for one in kept
    )
    if [one.mirror for one in with_all[: len(above)]] == [one.mirror for one in without]:
        assert with_all[: len(above)] == without  # nobody of the crowd has overtaken


@given(EPOCHS, TARGETS, st.data())
def test_delay_to_two_mirrors_never_lets_the_second_count_more(
    epoch: tuple[list[RankedMirror], dict[MirrorId, Merged]], target: int, data: st.DataObject
) -> None:
    mirrors, observed = epoch
    pair = sorted(mirrors, key=lambda mirror: mirror.rank)[:2]
    delayed = {mirror: replace(one, rtts=_delayed(one, data)) for mirror, one in observed.items()}
    before, after = run(pair, observed, target).weights, run(pair, delayed, target).weights
    assert all(now.count <= then.count for now, then in zip(after, before, strict=True))


def _delayed(one: Merged, data: st.DataObject) -> dict[str, dict[Vantage, int]]:
    delay = st.sampled_from([0, 0, 1, 20_000, 200_000])
    return {address: {v: rtt + data.draw(delay) for v, rtt in at.items()} for address, at in one.rtts.items()}


@given(EPOCHS, TARGETS)
def test_ranks_after_an_epoch_are_a_permutation_without_gaps(
    epoch: tuple[list[RankedMirror], dict[MirrorId, Merged]], target: int
) -> None:
    mirrors, _ = epoch
    found = run(*epoch, target).ranks
    assert [one.rank for one in found] == list(range(len(mirrors)))
    assert {one.mirror for one in found} == {one.mirror for one in mirrors}


def test_a_fund_in_one_network_is_weighed_in_seconds() -> None:
    """Every pair of 256 mirrors compared by the round trips of 16 members to 4 addresses each."""
    draw = random.Random(1)
    vantages = [Vantage(draw.randint(-60_000, 70_000), draw.randint(-180_000, 180_000)) for _ in range(16)]
    observed = []
    for i in range(MOST_MIRRORS):
        places = [place(i % 250, host, asn=5) for host in (1, 2, 3, 4)]
        rtts = {where.address: dict.fromkeys(vantages, 120_000) for where in places}
        observed.append(replace(merged(i + 1, "U" * 288, *places), rtts=rtts))
    started = time.process_time()
    weigh(FUND, EPOCH, Policy(), 100, [ranked(i + 1) for i in range(MOST_MIRRORS)], seen(*observed))
    assert time.process_time() - started < 10


def test_a_full_fund_is_weighed_in_seconds() -> None:
    """CPU seconds, of which an unloaded core takes about 0.1 and a crowded one several times as much."""
    draw = random.Random(1)
    letters = ["".join(draw.choices("UUUUUD?", k=288)) for _ in range(MOST_MIRRORS)]
    observed = [merged(i + 1, letters[i], place(i % 250, asn=i // 8 + 1)) for i in range(MOST_MIRRORS)]
    mirrors = [ranked(i + 1) for i in range(MOST_MIRRORS)]
    started = time.process_time()
    weigh(FUND, EPOCH, Policy(), 100, mirrors, seen(*observed))
    assert time.process_time() - started < 3
