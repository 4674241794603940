"""What round-trip times prove: in doubt, nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oracle.discs import apart, least_km
from oracle.model import Vantage

FRANKFURT, HELSINKI, ASHBURN = Vantage(50_110, 8_680), Vantage(60_170, 24_940), Vantage(39_040, -77_490)
SYDNEY, NORTH_POLE, DATE_LINE = Vantage(-33_870, 151_210), Vantage(90_000, 0), Vantage(0, 180_000)

VANTAGES = st.builds(Vantage, st.integers(-90_000, 90_000), st.integers(-180_000, 180_000))
RTTS = st.dictionaries(VANTAGES, st.integers(0, 200_000), max_size=4)
SERVERS = st.lists(RTTS, max_size=3)


def geodesic_km(u: Vantage, v: Vantage) -> float:
    """Vincenty's inverse formula on WGS 84, good to a millimetre where it converges."""
    a, flat = 6378.137, 1 / 298.257223563
    b = (1 - flat) * a
    angle = [math.radians(mdeg / 1000) for mdeg in (u.latitude_mdeg, v.latitude_mdeg)]
    across = math.radians((v.longitude_mdeg - u.longitude_mdeg) / 1000)
    u1, u2 = (math.atan((1 - flat) * math.tan(one)) for one in angle)
    turn = across
    for _ in range(200):
        sin_sigma = math.hypot(
            math.cos(u2) * math.sin(turn),
            math.cos(u1) * math.sin(u2) - math.sin(u1) * math.cos(u2) * math.cos(turn),
        )
        if not sin_sigma:
            return 0.0
        cos_sigma = math.sin(u1) * math.sin(u2) + math.cos(u1) * math.cos(u2) * math.cos(turn)
        sigma = math.atan2(sin_sigma, cos_sigma)
        sin_alpha = math.cos(u1) * math.cos(u2) * math.sin(turn) / sin_sigma
        cos2_alpha = 1 - sin_alpha**2
        middle = cos_sigma - 2 * math.sin(u1) * math.sin(u2) / cos2_alpha if cos2_alpha else 0.0
        c = flat / 16 * cos2_alpha * (4 + flat * (4 - 3 * cos2_alpha))
        before, turn = (
            turn,
            across
            + (1 - c) * flat * sin_alpha * (sigma + c * sin_sigma * (middle + c * cos_sigma * (2 * middle**2 - 1))),
        )
        if abs(turn - before) < 1e-12:
            break
    else:
        return math.nan  # nearly antipodal: it does not converge
    k = cos2_alpha * (a**2 - b**2) / b**2
    big_a = 1 + k / 16384 * (4096 + k * (-768 + k * (320 - 175 * k)))
    big_b = k / 1024 * (256 + k * (-128 + k * (74 - 47 * k)))
    inner = cos_sigma * (2 * middle**2 - 1) - big_b / 6 * middle * (4 * sin_sigma**2 - 3) * (4 * middle**2 - 3)
    return b * big_a * (sigma - big_b * sin_sigma * (middle + big_b / 4 * inner))


# -------------------------------------------------------------------------------------------------------- distances


@pytest.mark.parametrize(
    ("u", "v", "km"),
    [
        (FRANKFURT, FRANKFURT, 0),
        (FRANKFURT, HELSINKI, 1_524),
        (FRANKFURT, ASHBURN, 6_565),
        (FRANKFURT, SYDNEY, 16_500),
        (NORTH_POLE, Vantage(-90_000, 77), 20_004),
        (DATE_LINE, Vantage(0, -180_000), 0),
        (DATE_LINE, Vantage(0, -179_000), 111),
    ],
)
def test_distances_are_those_of_the_globe_less_one_percent(u: Vantage, v: Vantage, km: int) -> None:
    assert km * 9_880 // 10_000 - 3 <= least_km(u, v) <= km


@given(VANTAGES, VANTAGES)
@example(NORTH_POLE, Vantage(89_999, 0))
@example(Vantage(0, 0), Vantage(0, 1))
def test_a_distance_is_never_more_than_the_geodesic_and_little_less(u: Vantage, v: Vantage) -> None:
    exact, found = geodesic_km(u, v), least_km(u, v)
    if not math.isnan(exact):
        assert found <= exact
        assert found >= exact * (1 - 0.0102) - 3


@given(VANTAGES, VANTAGES)
def test_a_distance_is_the_same_from_both_ends(u: Vantage, v: Vantage) -> None:
    assert least_km(u, v) == least_km(v, u)


# ------------------------------------------------------------------------------------------------------------ discs


def test_servers_with_disjoint_discs_are_apart() -> None:
    """Frankfurt and Ashburn are at least 6,500 km apart: 43.3 ms of both round trips together."""
    assert apart([{FRANKFURT: 20_000}], [{ASHBURN: 23_000}])
    assert not apart([{FRANKFURT: 20_000}], [{ASHBURN: 24_000}])


def test_the_bound_is_exact_to_the_microsecond() -> None:
    bound = 20 * least_km(FRANKFURT, ASHBURN) // 3  # 20 km in 3 us of both
    assert apart([{FRANKFURT: 1_000}], [{ASHBURN: bound - 1_001}])
    assert not apart([{FRANKFURT: 1_000}], [{ASHBURN: bound - 1_000 + 1}])


def test_one_vantage_alone_proves_nothing() -> None:
    assert not apart([{FRANKFURT: 100}], [{FRANKFURT: 100_000}])
    assert not apart([{FRANKFURT: 0}], [{FRANKFURT: 0}])


def test_any_two_vantages_are_enough() -> None:
    assert apart([{FRANKFURT: 1_000, SYDNEY: 250_000}], [{FRANKFURT: 90_000, ASHBURN: 1_000, SYDNEY: 200_000}])


def test_every_address_of_one_must_be_apart_from_every_address_of_the_other() -> None:
    here, there = {FRANKFURT: 1_000}, {SYDNEY: 1_000}
    assert apart([here], [there])
    assert not apart([here, there], [there])
    assert not apart([here], [there, here])
    assert not apart([here, {}], [there])


def test_what_was_not_measured_may_be_anywhere() -> None:
    assert not apart([], [{FRANKFURT: 1}])
    assert not apart([{}], [{FRANKFURT: 1}])
    assert not apart([], [])


@given(SERVERS, SERVERS)
def test_being_apart_is_mutual(first: list[dict[Vantage, int]], second: list[dict[Vantage, int]]) -> None:
    assert apart(first, second) == apart(second, first)


@given(SERVERS, SERVERS, st.data())
@example([{FRANKFURT: 1_000}], [{SYDNEY: 1_000, FRANKFURT: 2_000}], None)
def test_delay_never_separates_two_servers(
    first: list[dict[Vantage, int]], second: list[dict[Vantage, int]], data: st.DataObject | None
) -> None:
    """Whoever adds delay, to whichever probes, can only join what was apart."""

    def delayed(server: list[dict[Vantage, int]]) -> list[dict[Vantage, int]]:
        return [{v: rtt + _draw(data) for v, rtt in rtts.items()} for rtts in server]

    if apart(delayed(first), delayed(second)):
        assert apart(first, second)


def _draw(data: st.DataObject | None) -> int:
    return 500 if data is None else data.draw(st.sampled_from([0, 0, 1, 10_000, 150_000]))


@given(VANTAGES, st.lists(VANTAGES, min_size=1, max_size=3))
def test_at_the_speed_of_light_nobody_is_in_two_places(server: Vantage, vantages: list[Vantage]) -> None:
    """Seen with no delay but light's, a server's own discs are never disjoint."""
    lengths = {v: geodesic_km(server, v) for v in vantages}
    seen = {v: math.ceil(km * 2 / 0.299792458) for v, km in lengths.items() if not math.isnan(km)}
    assert not apart([seen], [seen])
