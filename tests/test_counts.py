"""In a slot each mirror counts for what it adds to those above it, and all together for no more than the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.counts import MOST_ADDRESSES, Count, Overlaps
from oracle.model import ONE, Address, Place, Reason, Vantage
from tests.fixtures.epochs import account, place

R = Reason
HERE = place(1, host=1)
CLOUD = place(7, host=1, asn=7, platform="cloud")


def counts(
    *mirrors: tuple[int, list[Place]], up: list[int] | None = None, target: int = 100, factor: int = 4
) -> list[tuple[int, Reason] | None]:
    """The counts of mirrors (operator, places) in the order of rank, None for those that are not up."""
    overlaps = Overlaps([account(operator) for operator, _ in mirrors], [places for _, places in mirrors])
    found = overlaps.counts(range(len(mirrors)) if up is None else up, target, factor)
    return [found.get(i) for i in range(len(mirrors))]


PAIRS = [
    # the mirror above, the one below, what the one below counts and why
    ("alone", (1, [HERE]), (2, [place(2)]), ONE, R.UP),
    ("same operator elsewhere", (1, [HERE]), (1, [place(2)]), 0, R.SAME_OPERATOR),
    ("same address", (1, [HERE]), (2, [HERE]), 0, R.SAME_ADDRESS),
    ("same prefix", (1, [HERE]), (2, [place(1, host=2)]), 0, R.SAME_PREFIX),
    ("one address of several", (1, [HERE, place(2)]), (2, [place(3), HERE]), 0, R.SAME_ADDRESS),
    ("same network and country", (1, [place(1, asn=5)]), (2, [place(2, asn=5)]), ONE // 4, R.SAME_NETWORK),
    ("same network, other country", (1, [place(1, asn=5)]), (2, [place(2, asn=5, country="FR")]), ONE, R.UP),
    ("same network, country unknown", (1, [place(1, asn=5)]), (2, [place(2, asn=5, country="")]), ONE // 4, None),
    ("unknown country above", (1, [place(1, asn=5, country="")]), (2, [place(2, asn=5)]), ONE // 4, None),
    ("both networks unknown", (1, [place(1, asn=0)]), (2, [place(2, asn=0)]), ONE // 4, None),
    ("both unknown, other country", (1, [place(1, asn=0)]), (2, [place(2, asn=0, country="FR")]), ONE, R.UP),
    ("both unknown, country too", (1, [place(1, asn=0, country="")]), (2, [place(2, asn=0)]), ONE // 4, None),
    ("one network unknown", (1, [place(1, asn=0)]), (2, [place(2)]), ONE, R.UP),
    ("nowhere at all", (1, []), (2, []), ONE // 4, R.SAME_NETWORK),
    ("nowhere and unknown", (1, []), (2, [place(2, asn=0)]), ONE // 4, R.SAME_NETWORK),
    ("same platform and address", (1, [CLOUD]), (2, [CLOUD]), ONE // 4, R.SAME_NETWORK),
    (
        "same platform, other country",
        (1, [CLOUD]),
        (2, [replace(CLOUD, country="FR", address="10.9.9.9")]),
        ONE // 4,
        None,
    ),
    ("other platform, same system", (1, [CLOUD]), (2, [replace(CLOUD, platform="other")]), ONE, R.UP),
    ("same operator on a platform", (1, [CLOUD]), (1, [CLOUD]), 0, R.SAME_OPERATOR),
    ("platform and own server", (1, [CLOUD]), (2, [replace(CLOUD, platform="")]), ONE, R.UP),
    ("any overlap counts", (1, [HERE, place(2, asn=5)]), (2, [place(3, asn=5), place(4)]), ONE // 4, R.SAME_NETWORK),
]


@pytest.mark.parametrize(("_name", "above", "below", "count", "reason"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_the_one_below_counts_for_what_it_does_not_share(
    _name: str,
    above: tuple[int, list[Place]],
    below: tuple[int, list[Place]],
    count: int,
    reason: Reason | None,
) -> None:
    expected = (count, R.SAME_NETWORK if reason is None else reason)
    assert counts(above, below) == [(ONE, R.UP), expected]


def test_an_operator_is_one_in_any_spelling() -> None:
    overlaps = Overlaps([Address("0x" + "ab" * 20), Address("0x" + "AB" * 20)], [[HERE], [place(2)]])
    assert overlaps.counts([0, 1], 2, 4)[1] == (0, R.SAME_OPERATOR)


def test_fourteen_mirrors_of_one_network_count_one_and_a_third() -> None:
    found = counts(*((i, [place(i, asn=5)]) for i in range(1, 15)))
    assert [count[0] for count in found if count][:4] == [ONE, ONE // 4, ONE // 16, ONE // 64]
    assert sum(count[0] for count in found if count) <= 134 * ONE // 100


@pytest.mark.parametrize(("factor", "second"), [(1, ONE), (2, ONE // 2), (10**9, 1), (10**9 + 1, 0)])
def test_the_network_factor_is_the_funds(factor: int, second: int) -> None:
    found = counts((1, [place(1, asn=5)]), (2, [place(2, asn=5)]), factor=factor)
    assert found[1] == (second, R.UP if second == ONE else R.SAME_NETWORK)


def test_beyond_the_target_mirrors_stand_by() -> None:
    found = counts(*((i, [place(i)]) for i in range(1, 5)), target=2)
    assert found == [(ONE, R.UP), (ONE, R.UP), (0, R.STANDBY), (0, R.STANDBY)]


def test_the_last_one_counts_for_what_is_left_of_the_target() -> None:
    found = counts((1, [place(1, asn=5)]), (2, [place(2, asn=5)]), (3, [place(3)]), (4, [place(4)]), target=2)
    assert found == [(ONE, R.UP), (ONE // 4, R.SAME_NETWORK), (ONE - ONE // 4, R.STANDBY), (0, R.STANDBY)]


def test_a_mirror_on_standby_is_paid_when_one_above_fails() -> None:
    mirrors = [(i, [place(i)]) for i in range(1, 4)]
    assert counts(*mirrors, up=[0, 2], target=2) == [(ONE, R.UP), None, (ONE, R.UP)]


# ------------------------------------------------------------------------------------------- proved by light's speed

EAST, WEST = Vantage(50_110, 8_680), Vantage(39_040, -77_490)  # 6,500 km apart
NEAR_EAST, NEAR_WEST = {EAST: 5_000, WEST: 90_000}, {EAST: 90_000, WEST: 5_000}


def located(
    first: list[Mapping[Vantage, int]], second: list[Mapping[Vantage, int]], asn: int = 5, country: str = "DE"
) -> Count:
    """The count of the second of two mirrors of one system and country, each seen at these round-trip times."""
    sides = [
        [place(side * 100 + i, asn=asn, country=country) for i in range(max(1, len(times)))]
        for side, times in enumerate((first, second), 1)
    ]
    rtts = [
        {where.address: at for where, at in zip(places, times, strict=False)}
        for places, times in zip(sides, (first, second), strict=True)
    ]
    return Overlaps([account(1), account(2)], sides, rtts).counts([0, 1], 9, 4)[1]


FULL, SHARED = (ONE, R.UP), (ONE // 4, R.SAME_NETWORK)
PROVED = [
    ("apart", [NEAR_EAST], [NEAR_WEST], FULL),
    ("together", [NEAR_EAST], [NEAR_EAST], SHARED),
    ("one not measured", [NEAR_EAST], [{}], SHARED),
    ("neither measured", [], [], SHARED),
    ("one vantage", [{EAST: 100}], [{EAST: 90_000}], SHARED),
    ("slow", [{EAST: 25_000}], [{WEST: 25_000}], SHARED),
    ("one address of two is near", [NEAR_EAST, NEAR_WEST], [NEAR_WEST], SHARED),
    ("all addresses are far", [NEAR_EAST, NEAR_EAST], [NEAR_WEST, NEAR_WEST], FULL),
    ("more addresses than are compared", [NEAR_EAST] * (MOST_ADDRESSES + 1), [NEAR_WEST], SHARED),
]


@pytest.mark.parametrize(("_name", "first", "second", "count"), PROVED, ids=[case[0] for case in PROVED])
@pytest.mark.parametrize(("asn", "country"), [(5, "DE"), (5, ""), (0, "DE")])
def test_mirrors_of_one_system_are_in_two_regions_if_light_could_not_be_that_fast(
    _name: str,
    first: list[Mapping[Vantage, int]],
    second: list[Mapping[Vantage, int]],
    count: Count,
    asn: int,
    country: str,
) -> None:
    assert located(first, second, asn, country) == count


def test_a_platform_is_one_network_whatever_round_trips_say() -> None:
    first, second = place(1, platform="cloud"), place(2, platform="cloud")
    rtts = [{first.address: NEAR_EAST}, {second.address: NEAR_WEST}]
    assert Overlaps([account(1), account(2)], [[first], [second]], rtts).counts([0, 1], 9, 4)[1] == SHARED


def test_many_addresses_in_another_country_are_elsewhere_all_the_same() -> None:
    many = [place(i, asn=5) for i in range(1, MOST_ADDRESSES + 3)]
    assert counts((1, many), (2, [place(9, asn=5, country="FR")]))[1] == FULL
    assert counts((1, many), (2, [place(9, asn=5, country="")]))[1] == SHARED


@given(
    st.lists(st.dictionaries(st.sampled_from([EAST, WEST]), st.integers(0, 60_000)), max_size=2),
    st.lists(st.dictionaries(st.sampled_from([EAST, WEST]), st.integers(0, 60_000)), max_size=2),
    st.data(),
)
def test_delay_never_separates_two_mirrors(
    first: list[dict[Vantage, int]], second: list[dict[Vantage, int]], data: st.DataObject
) -> None:
    delay = st.sampled_from([0, 1, 5_000, 50_000])

    def delayed(side: list[dict[Vantage, int]]) -> list[Mapping[Vantage, int]]:
        return [{v: rtt + data.draw(delay) for v, rtt in times.items()} for times in side]

    assert located(delayed(first), delayed(second))[0] <= located(list(first), list(second))[0]


# ----------------------------------------------------------------------------------------------------- those absent


def test_the_place_of_absent_mirrors_is_kept() -> None:
    """The first two could not be measured: of a target of three one is left, and what is theirs is shared with them."""
    mirrors = [(1, [place(1)]), (2, [place(2, asn=5)]), (1, [place(3)]), (4, [place(4, asn=5)]), (5, [place(5)])]
    overlaps = Overlaps([account(operator) for operator, _ in mirrors], [places for _, places in mirrors])
    found = overlaps.counts([2, 3, 4], 3, 4, absent=0b11)
    assert found == {2: (0, R.SAME_OPERATOR), 3: (ONE // 4, R.SAME_NETWORK), 4: (ONE - ONE // 4, R.STANDBY)}
    assert overlaps.counts([4], 2, 4, absent=0b11) == {4: (0, R.STANDBY)}
    assert overlaps.counts([4], 1, 4, absent=0b11) == {4: (0, R.STANDBY)}


def test_only_mirrors_that_count_exclude_others() -> None:
    """The second shares its operator with the first; the third shares its address with the second only."""
    mirrors = [(1, [place(1)]), (1, [place(2)]), (3, [place(2)])]
    assert counts(*mirrors) == [(ONE, R.UP), (0, R.SAME_OPERATOR), (ONE, R.UP)]
    assert counts(*mirrors, up=[1, 2]) == [None, (ONE, R.UP), (0, R.SAME_ADDRESS)]


PLACES = st.builds(
    lambda network, host, asn, country, platform: place(network, host, asn, country, platform),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from(["DE", "FR", ""]),
    st.sampled_from(["", "", "", "cloud"]),
)
MIRRORS = st.lists(st.tuples(st.integers(1, 6), st.lists(PLACES, max_size=2)), min_size=1, max_size=12)


@given(MIRRORS, st.integers(1, 5), st.data())
def test_mirrors_that_share_anything_never_total_more_than_one(
    mirrors: list[tuple[int, list[Place]]], target: int, data: st.DataObject
) -> None:
    up = data.draw(st.lists(st.sampled_from(range(len(mirrors))), unique=True).map(sorted))
    found = [count[0] if count else 0 for count in counts(*mirrors, up=up, target=target)]
    assert sum(found) <= target * ONE
    shared: dict[object, int] = {}
    for (operator, places), count in zip(mirrors, found, strict=True):
        own = [where for where in places if not where.platform]
        for trait in {operator, *(where.address for where in own), *(where.prefix for where in own)}:
            shared[trait] = shared.get(trait, 0) + count
    assert max(shared.values()) <= ONE


@given(MIRRORS, st.integers(1, 5), st.integers(0, 11))
def test_whoever_comes_last_changes_nothing_for_those_above(
    mirrors: list[tuple[int, list[Place]]], target: int, crowd: int
) -> None:
    kept = max(1, len(mirrors) - crowd)
    assert counts(*mirrors, target=target)[:kept] == counts(*mirrors[:kept], target=target)


@given(MIRRORS)
def test_a_count_is_full_exactly_when_nothing_is_shared_with_those_that_count(
    mirrors: list[tuple[int, list[Place]]],
) -> None:
    found = counts(*mirrors)
    assert all(count and (count[0] == ONE) == (count[1] is R.UP) for count in found)
