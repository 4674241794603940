"""What one node says of one fund's epoch, made of its votes: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from oracle.model import PRIMARY, MirrorId, Observation, Place, Reason, Vote, VoteState


def observations(
    votes: Iterable[Vote],
    mirrors: Iterable[MirrorId],
    slots: int,
    place_of: Callable[[str], Place],
    relaying: Collection[MirrorId] = (),
) -> tuple[Observation, ...]:
    """One observation for the primary and for each of `mirrors`, ascending; other mirrors' votes are passed over.
    `relaying` are those that this node caught passing on the primary's answers.

    A slot without a vote was not measured: never a guess. The latency is the lower median over the up votes, the
    round-trip time to an address the least of them. An address is on the platform that its name leads to only if it
    is so in all of its up votes.
    """
    by_mirror: defaultdict[MirrorId, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_mirror[vote.mirror].append(vote)
    seen = (_observation(mirror, by_mirror[mirror], slots, place_of) for mirror in sorted({PRIMARY, *mirrors}))
    return tuple(replace(one, relaying=one.mirror in relaying) for one in seen)


def _observation(mirror: MirrorId, votes: list[Vote], slots: int, place_of: Callable[[str], Place]) -> Observation:
    reasons = {vote.slot: vote.reason for vote in votes}
    ups = [vote for vote in votes if vote.state is VoteState.UP]
    by_place = _by_place(ups, place_of)
    return Observation(
        mirror=mirror,
        slots=tuple(reasons.get(slot, Reason.NOT_MEASURED) for slot in range(slots)),  # type: ignore[call-overload]
        latency_ms=lower_median([vote.latency_ms for vote in ups if vote.latency_ms is not None]),
        places=tuple(_named(place, by_place[place]) for place in sorted(by_place, key=lambda place: place.address)),
        wrong_bytes=Reason.WRONG_BYTES in reasons.values(),
        rtts=_rtts(by_place),
    )


def _by_place(ups: Iterable[Vote], place_of: Callable[[str], Place]) -> dict[Place, list[Vote]]:
    """The up votes by where they came from: an address in two spellings (mapped, translated) is one place."""
    by_address: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in ups:
        if vote.address:
            by_address[vote.address].append(vote)
    found: defaultdict[Place, list[Vote]] = defaultdict(list)
    for address, votes in by_address.items():
        found[place_of(address)] += votes
    return found


def _named(place: Place, votes: list[Vote]) -> Place:
    named = {vote.platform for vote in votes}
    return replace(place, platform=named.pop()) if len(named) == 1 and "" not in named else place


def _rtts(by_place: Mapping[Place, list[Vote]]) -> dict[str, int]:
    measured = {
        place.address: [vote.rtt_us for vote in votes if vote.rtt_us is not None] for place, votes in by_place.items()
    }
    return {address: min(rtts) for address, rtts in measured.items() if rtts}


def lower_median(values: list[int]) -> int | None:
    """The middle value, of two middle ones the lower; None without values."""
    return sorted(values)[(len(values) - 1) // 2] if values else None
