"""What a committee makes of its members' bundles, slot by slot and by majority: pure, whatever the bundles' order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from oracle.errors import InvalidInput, NotEnoughBundles
from oracle.model import (
    ANSWERED_REASONS,
    NO_ANSWER_REASONS,
    PRIMARY,
    UNKNOWN_REASONS,
    Bundle,
    FundId,
    Merged,
    MirrorId,
    Observation,
    Place,
    Reason,
    Vantage,
)

_ORDER = {reason: place for place, reason in enumerate(Reason)}
_VOTES = UNKNOWN_REASONS | NO_ANSWER_REASONS | ANSWERED_REASONS | {Reason.UP}


def merge(bundles: Sequence[Bundle], fund: FundId, quorum: int, members: int) -> dict[MirrorId, Merged]:
    """What the members' bundles say together of every mirror of a fund, PRIMARY included, by ascending mirror.

    `members` is the size of the committee, of which `quorum` must agree. A mirror that a bundle does not name was not
    measured by that member.

    Raises: NotEnoughBundles; InvalidInput naming the member whose bundle does not fit the others.
    """
    _check(bundles, quorum, members)
    seen = [_by_mirror(bundle, fund) for bundle in bundles]
    slots = _slots(bundles, seen)
    if slots is None:
        return {}
    absent = (Reason.NOT_MEASURED,) * slots
    vantages = [bundle.vantage for bundle in bundles]
    return {
        mirror: _merge_one(mirror, [of.get(mirror) for of in seen], vantages, absent, quorum, members)
        for mirror in sorted({PRIMARY}.union(*seen))
    }


def decide(votes: tuple[Reason, ...], quorum: int) -> Reason:
    """One slot: the majority of the votes that are not unknown, if a quorum cast one.

    With a majority of down, the commonest reason for it; if too few could say, the commonest reason why they could not:
    that is the nodes' doing and not the mirror's. In a tie of reasons the first in the order of `Reason`.
    """
    known = [vote for vote in votes if vote not in UNKNOWN_REASONS]
    if not known:
        return _commonest(votes)
    down = [vote for vote in known if vote is not Reason.UP]
    ups = len(known) - len(down)
    if len(known) < quorum:
        return _commonest([vote for vote in votes if vote in UNKNOWN_REASONS])
    if ups == len(down):
        return Reason.DISPUTED
    return Reason.UP if ups > len(down) else _commonest(down)


def _merge_one(
    mirror: MirrorId,
    observations: Sequence[Observation | None],
    vantages: Sequence[Vantage | None],
    absent: tuple[Reason, ...],
    quorum: int,
    members: int,
) -> Merged:
    given = [seen for seen in observations if seen is not None]
    columns = zip(*(absent if seen is None else seen.slots for seen in observations), strict=True)
    slots = tuple(_decided(votes, quorum) for votes in columns)
    needed = min(len(observations), members - quorum + 1)
    # Where nobody but a liar saw it up, the liar must not say where it is.
    places = _places([seen.places for seen in given], needed) if Reason.UP in slots else ()
    return Merged(
        mirror=mirror,
        slots=slots,
        latency_ms=_latency([seen.latency_ms for seen in given], quorum, members),
        places=places,
        wrong_bytes=sum(seen.wrong_bytes for seen in given) >= quorum,
        relaying=sum(seen.relaying for seen in given) >= quorum,
        rtts=_rtts(zip(vantages, observations, strict=True), places),
    )


_decided = lru_cache(maxsize=65_536)(decide)


def _commonest(reasons: Sequence[Reason]) -> Reason:
    times = Counter(reasons)
    return min(times, key=lambda reason: (-times[reason], _ORDER[reason]))


def _latency(values: Iterable[int | None], quorum: int, members: int) -> int | None:
    """The (members - quorum + 1)-th lowest: neither the liars that a quorum withstands nor one far node decide it."""
    ordered = sorted(value for value in values if value is not None)
    return ordered[min(members - quorum, len(ordered) - 1)] if ordered else None


def _places(seen: Iterable[Sequence[Place]], needed: int) -> tuple[Place, ...]:
    """One place for every address that `needed` members saw; for all addresses seen if none was by so many.

    The latter, or a server that shows each member another address would be nowhere, and share its place with nobody.
    Where members place an address differently, the commonest place holds.
    """
    by_address: dict[str, Counter[Place]] = {}
    for places in seen:
        for address, place in {place.address: place for place in sorted(places, key=_place_key)}.items():
            by_address.setdefault(address, Counter())[place] += 1
    enough = {address: times for address, times in by_address.items() if times.total() >= needed} or by_address
    return tuple(
        min(times, key=lambda place: (-times[place], _place_key(place))) for _, times in sorted(enough.items())
    )


def _rtts(
    seen: Iterable[tuple[Vantage | None, Observation | None]], places: Sequence[Place]
) -> dict[str, dict[Vantage, int]]:
    """By address that counts and by vantage the least round-trip time; of members who say where they stand."""
    found: dict[str, dict[Vantage, int]] = {}
    counting = {place.address for place in places}
    for vantage, observation in seen:
        if vantage is None or observation is None:
            continue
        for address in counting & observation.rtts.keys():
            at = found.setdefault(address, {})
            at[vantage] = min(observation.rtts[address], at.get(vantage, observation.rtts[address]))
    return found


def _place_key(place: Place) -> tuple[str, str, int, str, str]:
    return place.address, place.prefix, place.asn, place.country, place.platform


def _check(bundles: Sequence[Bundle], quorum: int, members: int) -> None:
    if not 1 <= quorum <= members:
        raise InvalidInput("quorum", f"{quorum} of {members} members")
    if len(bundles) < quorum:
        raise NotEnoughBundles(bundles[0].epoch if bundles else 0, len(bundles), quorum)
    if len(bundles) > members:
        raise InvalidInput("bundles", f"{len(bundles)} of a committee of {members}")
    first, names = bundles[0], set[str]()
    for bundle in bundles:
        if (bundle.committee, bundle.epoch) != (first.committee, first.epoch):
            raise _unfit(bundle, f"is of committee {bundle.committee}, epoch {bundle.epoch}")
        if bundle.member.lower() in names:
            raise _unfit(bundle, "stands twice in the set")
        names.add(bundle.member.lower())


def _by_mirror(bundle: Bundle, fund: FundId) -> Mapping[MirrorId, Observation]:
    observations = bundle.funds.get(fund, ())
    by_mirror = {seen.mirror: seen for seen in observations}
    if len(by_mirror) < len(observations):
        raise _unfit(bundle, f"names a mirror of fund {fund} twice")
    for seen in observations:
        if not _VOTES.issuperset(seen.slots):
            raise _unfit(bundle, f"has a reason for mirror {seen.mirror} that is no vote")
    return by_mirror


def _slots(bundles: Sequence[Bundle], seen: Sequence[Mapping[MirrorId, Observation]]) -> int | None:
    slots: int | None = None
    for bundle, observations in zip(bundles, seen, strict=True):
        for observation in observations.values():
            slots = len(observation.slots) if slots is None else slots
            if len(observation.slots) != slots:
                raise _unfit(bundle, f"has {len(observation.slots)} slots for mirror {observation.mirror}, not {slots}")
    return slots


def _unfit(bundle: Bundle, problem: str) -> InvalidInput:
    return InvalidInput(f"bundle of {bundle.member}", problem)
