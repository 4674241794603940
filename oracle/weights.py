"""Weights: pay for marginal redundancy (DESIGN.md, section 6). Integers in, integers out, whatever the input's order.

weight = sum(count * outage weight) // sum(outage weight), times the latency factor, times the tested factor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from oracle.counts import Count, Overlaps
from oracle.errors import InvalidInput
from oracle.model import (
    ANSWERED_REASONS,
    FULL_BPS,
    PRIMARY,
    UNKNOWN_REASONS,
    Epoch,
    FundId,
    FundResult,
    Merged,
    MirrorId,
    Policy,
    RankedMirror,
    Reason,
    VoteState,
    Weight,
    state_of,
)
from oracle.ranks import OUTAGES_KEPT, Entry, in_order, next_ranks, rank

__all__ = ["FACTOR_REASONS", "OUTAGE_SLOTS", "Entry", "latency_bps", "next_ranks", "rank", "tested_bps", "weigh"]

OUTAGE_SLOTS = 3
"""An outage of an epoch: at least so many counted slots with the primary down."""
FACTOR_REASONS = frozenset({Reason.SLOW, Reason.UNTESTED, Reason.FAILED_OUTAGES})
"""Reasons that stand in `Weight.reasons` on top of the one that each slot has: all others sum to the slots."""
_SIGNS_OF_LIFE = ANSWERED_REASONS | {Reason.UP, Reason.RELAYING}


def weigh(
    fund: FundId,
    epoch: Epoch,
    policy: Policy,
    target: int,
    mirrors: Sequence[RankedMirror],
    merged: Mapping[MirrorId, Merged],
) -> FundResult:
    """One fund's epoch: what each of `mirrors` (all that count in it) earns of `target`, and the ranks after it.

    A mirror or a primary that `merged` does not hold is unknown throughout. Weights come in the order of rank.

    Raises: InvalidInput if a rank, mirror or position is taken twice or an observation has another number of slots.
    """
    order = in_order(mirrors)
    if len({ranked.position for ranked in order}) < len(order):
        raise InvalidInput("mirrors", "two have the same position")
    seen = [_without_cheating(_seen(ranked.mirror, merged, policy.slots)) for ranked in order]
    counted, outages = _slots(seen, _seen(PRIMARY, merged, policy.slots))
    counts = _counts(order, seen, counted, policy, target)
    weights = tuple(
        _weight(ranked, of, counts[i], counted, outages, policy)
        for i, (ranked, of) in enumerate(zip(order, seen, strict=True))
    )
    return FundResult(
        fund=fund,
        epoch=epoch,
        slots=policy.slots,
        counted_slots=len(counted),
        outage_slots=len(outages),
        n_eff=sum(weight.count for weight in weights),
        weights=weights,
        ranks=_ranks(order, seen, weights, len(counted), outages),
    )


def latency_bps(policy: Policy, latency_ms: int | None) -> int:
    """The latency factor: full up to the target, a straight line down to the floor at the limit, the floor beyond."""
    if latency_ms is None or latency_ms <= policy.latency_target_ms:
        return FULL_BPS
    late_by, line = policy.latency_limit_ms - latency_ms, policy.latency_limit_ms - policy.latency_target_ms
    return policy.latency_floor_bps + (FULL_BPS - policy.latency_floor_bps) * max(0, late_by) // max(1, line)


def tested_bps(policy: Policy, mirror: RankedMirror) -> tuple[int, Reason | None]:
    """The tested factor from the outages of earlier epochs, and what to call it if it cuts."""
    if len(mirror.outages) >= OUTAGES_KEPT and not any(mirror.outages[-OUTAGES_KEPT:]):
        return 0, Reason.FAILED_OUTAGES
    if not mirror.passed_outage:
        return policy.untested_bps, Reason.UNTESTED
    return FULL_BPS, None


def _seen(mirror: MirrorId, merged: Mapping[MirrorId, Merged], slots: int) -> Merged:
    seen = merged.get(mirror) or Merged(mirror, (Reason.NOT_MEASURED,) * slots, None, (), wrong_bytes=False)
    if len(seen.slots) != slots:
        raise InvalidInput(f"mirror {mirror}", f"has {len(seen.slots)} slots, the policy says {slots}")
    return seen


def _without_cheating(seen: Merged) -> Merged:
    """Who serves wrong bytes, or relays the primary, is a backup in none of the epoch's slots: it counts nowhere and
    holds nobody's place."""
    if not seen.wrong_bytes and not seen.relaying:
        return seen
    instead = Reason.WRONG_BYTES if seen.wrong_bytes else Reason.RELAYING
    return replace(seen, slots=tuple(instead if reason is Reason.UP else reason for reason in seen.slots))


def _slots(seen: Sequence[Merged], primary: Merged) -> tuple[list[int], frozenset[int]]:
    """The slots known for at least one mirror, and those of them in which the primary is down."""
    columns = enumerate(zip(*(of.slots for of in seen), strict=True))
    counted = [slot for slot, reasons in columns if not UNKNOWN_REASONS.issuperset(reasons)]
    down = (slot for slot in counted if state_of(primary.slots[slot]) is VoteState.DOWN)
    return counted, frozenset(down)


def _counts(
    order: Sequence[RankedMirror], seen: Sequence[Merged], counted: Sequence[int], policy: Policy, target: int
) -> list[dict[int, Count]]:
    """For every mirror, by slot in which it is up, its count: worked out once for each set of mirrors that are up."""
    overlaps = Overlaps([ranked.operator for ranked in order], [of.places for of in seen])

    @cache
    def of_set(up: tuple[int, ...]) -> Mapping[int, Count]:
        return overlaps.counts(up, target, policy.network_factor)

    counts: list[dict[int, Count]] = [{} for _ in order]
    for slot in counted:
        up = tuple(i for i, of in enumerate(seen) if of.slots[slot] is Reason.UP)
        for mirror, count in of_set(up).items():
            counts[mirror][slot] = count
    return counts


def _weight(
    ranked: RankedMirror,
    seen: Merged,
    counts: Mapping[int, Count],
    counted: Sequence[int],
    outages: frozenset[int],
    policy: Policy,
) -> Weight:
    latency, (tested, untested) = latency_bps(policy, seen.latency_ms), tested_bps(policy, ranked)
    known = [reason for reason in seen.slots if reason not in UNKNOWN_REASONS]
    extra = policy.outage_weight - 1
    total = sum(count * (1 + extra * (slot in outages)) for slot, (count, _) in counts.items())
    return Weight(
        mirror=ranked.mirror,
        position=ranked.position,
        weight=total // max(1, len(counted) + extra * len(outages)) * latency // FULL_BPS * tested // FULL_BPS,
        count=sum(count for count, _ in counts.values()) // max(1, len(counted)),
        alive=not known or not _SIGNS_OF_LIFE.isdisjoint(known),
        up_slots=len(counts),
        known_slots=len(known),
        latency_ms=seen.latency_ms,
        latency_bps=latency,
        tested_bps=tested,
        reasons=_reasons(seen, counts, latency, untested if tested < FULL_BPS else None),
    )


def _reasons(seen: Merged, counts: Mapping[int, Count], latency: int, untested: Reason | None) -> dict[Reason, int]:
    """For how many slots each reason held, in the order of `Reason`; a factor for those that it had a count to cut."""
    times = Counter(counts[slot][1] if slot in counts else reason for slot, reason in enumerate(seen.slots))
    paid = sum(1 for count, _ in counts.values() if count)
    times += Counter({Reason.SLOW: paid if latency < FULL_BPS else 0})
    times += Counter({untested: paid} if untested else {})
    return {reason: times[reason] for reason in Reason if times[reason]}


def _ranks(
    order: Sequence[RankedMirror],
    seen: Sequence[Merged],
    weights: Sequence[Weight],
    counted: int,
    outages: frozenset[int],
) -> tuple[RankedMirror, ...]:
    """The ranks for the next epoch, with what this one's outage showed."""
    service = {weight.mirror: weight.up_slots * weight.latency_bps // max(1, counted) for weight in weights}
    tested = [_after_outage(ranked, of, outages) for ranked, of in zip(order, seen, strict=True)]
    places = {of.mirror: of.places for of in seen}
    return next_ranks(tested, service if counted else None, places)


def _after_outage(ranked: RankedMirror, seen: Merged, outages: frozenset[int]) -> RankedMirror:
    known = [seen.slots[slot] for slot in outages if seen.slots[slot] not in UNKNOWN_REASONS]
    if len(outages) < OUTAGE_SLOTS or not known:
        return ranked
    passed = 2 * known.count(Reason.UP) > len(known)
    return replace(
        ranked,
        outages=(*ranked.outages, passed)[-OUTAGES_KEPT:],
        passed_outage=ranked.passed_outage or passed,
    )
