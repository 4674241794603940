"""How much each mirror counts in one slot: 1 for what adds a full backup, less or nothing for more of the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from oracle.model import ONE, Address, Place, Reason

Count = tuple[int, Reason]
"""A count in units of 1 / ONE and why it is no more."""


class Overlaps:
    """Which mirrors, given in the order of rank, share what with which of higher rank; by index, as sets of bits."""

    def __init__(self, operators: Sequence[Address], places: Sequence[Sequence[Place]]) -> None:
        """Compare all mirrors with one another, once for the epoch."""
        mirrors = [_Traits(operator, where) for operator, where in zip(operators, places, strict=True)]
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

    def counts(self, up: Iterable[int], target: int, factor: int) -> Mapping[int, Count]:
        """The count of each mirror that is `up` (ascending indexes) in a slot of a fund that pays for `target`.

        The nth further mirror of a network counts 1 / `factor`**n; nobody counts beyond what is left of the target.
        """
        counted, left = 0, target * ONE
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

    def __init__(self, operator: Address, places: Sequence[Place]) -> None:
        own = [place for place in places if not place.platform]
        self.operator = operator.lower()
        self.addresses = frozenset(place.address for place in own)
        self.prefixes = frozenset(place.prefix for place in own)
        self.platforms = frozenset(place.platform for place in places if place.platform)
        self.regions = frozenset((place.asn, place.country) for place in own if place.asn and place.country)
        self.systems = frozenset(place.asn for place in own if place.asn)
        self.systems_anywhere = frozenset(place.asn for place in own if place.asn and not place.country)
        self.unknown = not places or any(not place.asn for place in own)

    def shares_network(self, other: _Traits) -> bool:
        """Any overlap: a platform, an autonomous system in one country (an unknown country may be any), or both
        unknown."""
        return bool(
            (self.unknown and other.unknown)
            or self.platforms & other.platforms
            or self.regions & other.regions
            or self.systems_anywhere & other.systems
            or self.systems & other.systems_anywhere
        )
