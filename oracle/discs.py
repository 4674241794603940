"""What round-trip times prove of where servers are: pure, in integers, so that every node finds the same.

A server answers from within 150 km for every millisecond of a round trip: light makes 300 km in one, there and back.
Whatever is uncertain makes distances shorter and discs larger: two servers may wrongly be taken for neighbours, never
for strangers. Delay can be added, which makes discs larger, and never removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from oracle.model import Vantage

RTT_US_OF_20_KM = 3
"""Written so: 150 km a ms are 3 km in 20 us, so 20 * km > 3 * us compares without a division."""
RADIUS_KM = 6335
"""The least radius of curvature of the Earth (WGS 84: a(1 - e^2), along the meridian at the equator): on a sphere of
this radius no distance is longer than on the ellipsoid, and none is shorter by more than 1.02 %."""
ROUNDING_KM = 1
"""Two positions are rounded to thousandths of a degree each: 0.16 km together."""

_ONE = 10**12
_PI = 3_141_592_653_590
_HALF_TURN_MDEG = 180_000
_COSINE_ERROR = 1_000
"""Of `_ONE`: more than all that the divisions of `least_km` and `_cosine` cut off together."""

Rtts = Mapping[Vantage, int]
"""The least round-trip time in microseconds to one address, by vantage."""


def apart(first: Sequence[Rtts], second: Sequence[Rtts]) -> bool:
    """Whether every address of the first server is proved to be elsewhere than every address of the second.

    Each is given by what was measured of it; an address of which nothing was measured may be anywhere.
    """
    at = {v for rtts in second for v in rtts}
    return are_apart([clearance(rtts, at) for rtts in first], second)


def are_apart(first: Sequence[Rtts], second: Sequence[Rtts]) -> bool:
    """As `apart`, with the first server given by the `clearance` of each of its addresses."""
    return bool(first and second) and all(
        any(rtt < clear.get(v, 0) for v, rtt in rtts.items()) for clear in first for rtts in second
    )


def clearance(rtts: Rtts, at: Iterable[Vantage]) -> Rtts:
    """By vantage v, the round-trip time below which another address is elsewhere than the one with these `rtts`.

    That is: distance(u, v) > 150 km per ms * (RTT of the one at u + of the other at v), for some u.
    """
    clear = {v: max((20 * least_km(u, v) - RTT_US_OF_20_KM * rtt for u, rtt in rtts.items()), default=0) for v in at}
    return {v: -(-left // RTT_US_OF_20_KM) for v, left in clear.items() if left > 0}


@lru_cache(maxsize=65_536)
def least_km(u: Vantage, v: Vantage) -> int:
    """Whole kilometres that two positions are apart at the very least.

    Never more than the geodesic distance, and less by at most 1.02 % and 3 km.
    """
    cosine = _cosine_between(u, v) + _COSINE_ERROR
    low, high = 0, RADIUS_KM * _PI // _ONE
    while low < high:
        middle = (low + high + 1) // 2
        if _cosine(middle * _ONE // RADIUS_KM) >= cosine:
            low = middle
        else:
            high = middle - 1
    return max(0, low - ROUNDING_KM)


def _cosine_between(u: Vantage, v: Vantage) -> int:
    """Of the angle at the Earth's centre, by the spherical law of cosines, in units of 1 / `_ONE`."""
    one, other = _radians(u.latitude_mdeg), _radians(v.latitude_mdeg)
    turn = abs(u.longitude_mdeg - v.longitude_mdeg)
    across = _radians(min(turn, 2 * _HALF_TURN_MDEG - turn))
    level = _cosine(one) * _cosine(other) // _ONE * _cosine(across) // _ONE
    return _sine(one) * _sine(other) // _ONE + level


def _radians(mdeg: int) -> int:
    return mdeg * _PI // _HALF_TURN_MDEG


def _sine(angle: int) -> int:
    return _cosine(_PI // 2 - angle)


def _cosine(angle: int) -> int:
    """The cosine of at most a half turn and a quarter, by its power series, in units of 1 / `_ONE`."""
    total = term = _ONE
    square = angle * angle // _ONE
    for n in range(1, 40, 2):
        term = -term * square // (n * (n + 1) * _ONE)
        total += term
    return total
