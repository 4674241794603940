"""The order in which mirrors count: newcomers last, better ones overtake, one epoch feeding the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from oracle.errors import InvalidInput
from oracle.model import Address, MirrorId, Place, RankedMirror

MARGIN_BPS = 150
"""So much better than the one directly above is not better yet; a lead grows and shrinks by the difference to that."""
MOST_A_TIME_BPS = 250
"""One epoch adds to a lead, or takes from it, at most so much: however bad a day was, it moves nobody."""
LEAD_TO_SWAP_BPS = 1_000
"""Who leads by so much changes places with the one above."""
OUTAGES_KEPT = 2
MOST_NETWORKS = 64
"""Beyond so many, only those of the last epoch are remembered: a rank list must not grow without end."""
MOST_REMEMBERED = 1_024
"""Nor by one epoch, in which a name may have shown every node another address in each slot; whoever had more has moved
when the others are seen again."""

Entry = tuple[MirrorId, int, Address, str]
"""A mirror as the chain has it at an epoch's start: mirror, position, operator, URL."""


def rank(previous: Sequence[RankedMirror], mirrors: Sequence[Entry]) -> tuple[RankedMirror, ...]:
    """The ranked mirrors of an epoch: those of `previous` that still count, then newcomers by ascending mirror.

    `previous` is what the last reported epoch left (`FundResult.ranks`), `mirrors` those that count now.

    Raises: InvalidInput if a mirror stands twice.
    """
    current = {mirror: (position, operator, url) for mirror, position, operator, url in mirrors}
    if len(current) < len(mirrors):
        raise InvalidInput("mirrors", "one stands twice in the list")
    before = in_order(previous)
    staying = [ranked for ranked in before if ranked.mirror in current]
    known = {ranked.mirror for ranked in staying}
    newcomers = [RankedMirror(mirror, 0, Address(""), "", 0) for mirror in sorted(current) if mirror not in known]
    ordered = _renumbered(before, [*staying, *newcomers])
    return tuple(_with_facts(ranked, *current[ranked.mirror]) for ranked in ordered)


def in_order(mirrors: Iterable[RankedMirror]) -> list[RankedMirror]:
    """The mirrors, highest rank first.

    Raises: InvalidInput if two have one rank, or one stands twice.
    """
    ordered = sorted(mirrors, key=lambda ranked: ranked.rank)
    if len({ranked.rank for ranked in ordered}) < len(ordered):
        raise InvalidInput("ranks", "two mirrors have the same rank")
    if len({ranked.mirror for ranked in ordered}) < len(ordered):
        raise InvalidInput("ranks", "a mirror stands twice in the list")
    return ordered


def next_ranks(
    mirrors: Sequence[RankedMirror], service: Mapping[MirrorId, int], places: Mapping[MirrorId, Sequence[Place]]
) -> tuple[RankedMirror, ...]:
    """The ranks after an epoch with this `service` (bps, before exclusions), seen in these places.

    A mirror without service was not measured: no lead over it grows or shrinks. A mirror seen in a new prefix or
    autonomous system (its first sight apart) goes to the end.
    """
    before = in_order(mirrors)
    leads = _leads(before, service)
    moved = {ranked.mirror for ranked in before if _moved(ranked, places.get(ranked.mirror, ()))}
    swapped = _swapped([replace(ranked, lead=leads[ranked.mirror]) for ranked in before], moved)
    order = [r for r in swapped if r.mirror not in moved] + [r for r in swapped if r.mirror in moved]
    return tuple(
        replace(ranked, networks=_remembered(ranked.networks, networks(places.get(ranked.mirror, ()))))
        for ranked in _renumbered(before, order)
    )


def networks(places: Iterable[Place]) -> frozenset[str]:
    """The prefixes and autonomous systems of places, as `RankedMirror.networks` keeps them; a platform by its name,
    since its prefixes are not the operator's choice."""
    found = set[str]()
    for place in places:
        found |= {f"platform {place.platform}"} if place.platform else {place.prefix, *_system(place)}
    return frozenset(found)


def _remembered(before: frozenset[str], now: frozenset[str]) -> frozenset[str]:
    together = before | now
    if len(together) <= MOST_NETWORKS or together == before:
        return together
    return frozenset(sorted(now)[:MOST_REMEMBERED])


def _system(place: Place) -> tuple[str, ...]:
    return (f"AS{place.asn}",) if place.asn else ()


def _with_facts(ranked: RankedMirror, position: int, operator: Address, url: str) -> RankedMirror:
    return replace(ranked, position=position, operator=operator, url=url)


def _leads(before: Sequence[RankedMirror], service: Mapping[MirrorId, int]) -> dict[MirrorId, int]:
    """A cumulative sum (Page, 1954, Biometrika 41): it grows where a difference lasts, and chance does not add up."""
    leads = {ranked.mirror: ranked.lead for ranked in before}
    for above, ranked in pairwise(before):
        if above.mirror in service:
            better = service.get(ranked.mirror, 0) - service[above.mirror] - MARGIN_BPS
            leads[ranked.mirror] = max(0, ranked.lead + max(-MOST_A_TIME_BPS, min(MOST_A_TIME_BPS, better)))
    return leads


def _moved(ranked: RankedMirror, places: Sequence[Place]) -> bool:
    return bool(ranked.networks) and not networks(places) <= ranked.networks


def _swapped(before: Sequence[RankedMirror], moved: set[MirrorId]) -> list[RankedMirror]:
    """Swap what has earned it, from the top; nobody moves by two places in one epoch."""
    order = list(before)
    i = 1
    while i < len(order):
        earned = order[i].lead >= LEAD_TO_SWAP_BPS and moved.isdisjoint({order[i].mirror, order[i - 1].mirror})
        if earned:
            order[i - 1], order[i] = order[i], order[i - 1]
        i += 2 if earned else 1
    return order


def _renumbered(before: Sequence[RankedMirror], order: Sequence[RankedMirror]) -> list[RankedMirror]:
    """Ranks from 0; a lead is one over the same mirror above."""
    former, latter = _above(before), _above(order)
    return [
        replace(ranked, rank=place, lead=ranked.lead if former.get(ranked.mirror) == latter[ranked.mirror] else 0)
        for place, ranked in enumerate(order)
    ]


def _above(order: Sequence[RankedMirror]) -> dict[MirrorId, MirrorId | None]:
    above: list[MirrorId | None] = [None, *(ranked.mirror for ranked in order)]
    return {ranked.mirror: above[i] for i, ranked in enumerate(order)}
