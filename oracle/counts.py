"""How much each mirror counts in one slot: 1 for what adds a full backup, less or nothing for more of the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from oracle.discs import Rtts, are_apart, clearance
from oracle.model import ONE, Address, Place, Reason, Vantage

MOST_ADDRESSES = 4
"""In one autonomous system: of a mirror with more of them nothing is proved by round-trip times."""

Count = tuple[int, Reason]
"""A count in units of 1 / ONE and why it is no more."""


class Overlaps:
    """Which mirrors, given in the order of rank, share what with which of higher rank; by index, as sets of bits."""

    def __init__(
        self,
        operators: Sequence[Address],
        places: Sequence[Sequence[Place]],
        rtts: Sequence[Mapping[str, Rtts]] = (),
    ) -> None:
        """Compare all mirrors with one another, once for the epoch; `rtts` by address, as far as they are known."""
        measured = rtts or [{}] * len(operators)
        vantages = {v for of in measured for at in of.values() for v in at}
        mirrors = [_Traits(*of, vantages) for of in zip(operators, places, measured, strict=True)]
        self._operator, self._address, self._prefix, self._network = ([0] * len(mirrors) for _ in range(4))
        for above, below in combinations(range(len(mirrors)), 2):
            bit, one, other = 1 << above, mirrors[above], mirrors[below]
            if one.operator == other.operator:
                self._operator[below] |= bit
            if not one.addresses.isdisjoint(other.addresses):
                self._address[below] |= bit
            if not one.prefixes.isdisjoint(other.prefixes):
                self._prefix[below] |= bit
            if one.shares_network(other):
                self._network[below] |= bit

    def counts(self, up: Iterable[int], target: int, factor: int, absent: int = 0) -> Mapping[int, Count]:
        """The count of each mirror that is `up` (ascending indexes) in a slot of a fund that pays for `target`.

        The nth further mirror of a network counts 1 / `factor`**n; nobody counts beyond what is left of the target.
        The place of those `absent` (a set of bits), of whom nobody could say anything, is kept for them.
        """
        counted, left = absent, max(0, target - absent.bit_count()) * ONE
        found: dict[int, Count] = {}
        for mirror in up:
            count, reason = self._count(mirror, counted, left, factor)
            found[mirror] = count, reason
            left -= count
            counted |= bool(count) << mirror
        return found

    def _count(self, mirror: int, counted: int, left: int, factor: int) -> Count:
        if self._operator[mirror] & counted:
            return 0, Reason.SAME_OPERATOR
        if self._address[mirror] & counted:
            return 0, Reason.SAME_ADDRESS
        if self._prefix[mirror] & counted:
            return 0, Reason.SAME_PREFIX
        further = (self._network[mirror] & counted).bit_count()
        full = ONE // factor**further
        if left < full:
            return left, Reason.STANDBY
        return full, Reason.SAME_NETWORK if full < ONE else Reason.UP


class _Traits:
    """What of a mirror can be shared. Shared platforms are exempt from the rules on addresses and prefixes."""

    def __init__(
        self, operator: Address, places: Sequence[Place], rtts: Mapping[str, Rtts], vantages: Iterable[Vantage]
    ) -> None:
        own = [place for place in places if not place.platform]
        self.operator = operator.lower()
        self.addresses = frozenset(place.address for place in own)
        self.prefixes = frozenset(place.prefix for place in own)
        self._platforms = frozenset(place.platform for place in places if place.platform)
        self._systems = {
            asn: _System([place for place in own if place.asn == asn], rtts, vantages)
            for asn in {place.asn for place in own}
        }
        if not places:
            self._systems[0] = _System([], rtts, vantages)

    def shares_network(self, other: _Traits) -> bool:
        """Any overlap: a platform, or an autonomous system in one region. Those of unknown systems may be of one."""
        if self._platforms & other._platforms:
            return True
        common = self._systems.keys() & other._systems.keys()
        return any(self._systems[asn].overlaps(other._systems[asn]) for asn in common)


class _System:
    """Where a mirror is within one autonomous system."""

    def __init__(self, places: Sequence[Place], rtts: Mapping[str, Rtts], vantages: Iterable[Vantage]) -> None:
        self._countries = frozenset(place.country for place in places) or frozenset({""})
        self._spots = [_Spot(place.country, rtts.get(place.address, {}), vantages) for place in places]
        self._provable = 0 < len(places) <= MOST_ADDRESSES

    def overlaps(self, other: _System) -> bool:
        """Whether they may be in one region: neither the countries differ nor do round-trip times prove it."""
        if not (self._provable and other._provable):
            either = self._countries | other._countries
            return "" in either or not self._countries.isdisjoint(other._countries)
        return any(not one.is_apart(spot) for one in self._spots for spot in other._spots)


class _Spot:
    """One address: its country, "" if unknown, and its round-trip times."""

    def __init__(self, country: str, rtts: Rtts, vantages: Iterable[Vantage]) -> None:
        self._country, self._rtts = country, rtts
        self._clearance = clearance(rtts, vantages) if rtts else {}

    def is_apart(self, other: _Spot) -> bool:
        """Whether the two are proved to be in different regions."""
        if self._country and other._country and self._country != other._country:
            return True
        return are_apart([self._clearance], [other._rtts])
