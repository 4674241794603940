"""Weights: pay for marginal redundancy (DESIGN.md, section 6). Integers in, integers out, whatever the input's order.

weight = sum(count * outage weight) // sum(outage weight), times the latency factor, times the tested factor; the sums
are over the slots known for the mirror or for one of higher rank. All that a mirror gets depends on itself and on those
above it alone, and all weights together are at most the target: docs/weights.md says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate
from operator import or_

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
    primary = _seen(PRIMARY, merged, policy.slots)
    counted = _counted(seen, primary)
    down = _slots_of(primary, lambda reason: state_of(reason) is VoteState.DOWN)
    counts = _counts(order, seen, counted, policy, target)
    weights = tuple(
        _weight(ranked, of, counts[i], counted[i], down, policy)
        for i, (ranked, of) in enumerate(zip(order, seen, strict=True))
    )
    everywhere = counted[-1] if counted else 0
    return FundResult(
        fund=fund,
        epoch=epoch,
        slots=policy.slots,
        counted_slots=everywhere.bit_count(),
        outage_slots=(everywhere & down).bit_count(),
        n_eff=sum(weight.count for weight in weights),
        weights=weights,
        ranks=_ranks(order, seen, weights, counted, down),
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


def _slots_of(seen: Merged, holds: Callable[[Reason], bool]) -> int:
    """The slots of which it holds, as a set of bits."""
    return sum(1 << slot for slot, reason in enumerate(seen.slots) if holds(reason))


def _counted(seen: Sequence[Merged], primary: Merged) -> list[int]:
    """For each mirror the slots (as bits) that count for it: known for it or for one of higher rank.

    What is known of those below says nothing of it, or they could lower its weight. A slot in which the members could
    judge the primary, but disagreed on a mirror, counts too: it must not do better by being seen differently.
    """
    judged = _slots_of(primary, lambda reason: reason not in UNKNOWN_REASONS)
    return list(
        accumulate(
            (
                _slots_of(of, lambda reason: reason not in UNKNOWN_REASONS)
                | (_slots_of(of, lambda reason: reason is Reason.DISPUTED) & judged)
                for of in seen
            ),
            or_,
        )
    )


def _counts(
    order: Sequence[RankedMirror], seen: Sequence[Merged], counted: Sequence[int], policy: Policy, target: int
) -> list[dict[int, Count]]:
    """For every mirror, by slot in which it is up, its count: worked out once for each set of mirrors that are up."""
    overlaps = Overlaps([ranked.operator for ranked in order], [of.places for of in seen], [of.rtts for of in seen])

    @cache
    def of_set(up: tuple[int, ...], absent: int) -> Mapping[int, Count]:
        return overlaps.counts(up, target, policy.network_factor, absent)

    counts: list[dict[int, Count]] = [{} for _ in order]
    for slot in range(policy.slots):
        up = tuple(i for i, of in enumerate(seen) if of.slots[slot] is Reason.UP)
        absent = sum(1 << i for i, slots in enumerate(counted) if slots and not slots >> slot & 1)
        for mirror, count in of_set(up, absent).items():
            counts[mirror][slot] = count
    return counts


def _weight(
    ranked: RankedMirror, seen: Merged, counts: Mapping[int, Count], counted: int, down: int, policy: Policy
) -> Weight:
    latency, (tested, untested) = latency_bps(policy, seen.latency_ms), tested_bps(policy, ranked)
    known = [reason for reason in seen.slots if reason not in UNKNOWN_REASONS]
    slots, extra = counted.bit_count(), policy.outage_weight - 1
    total = sum(count * (1 + extra * (down >> slot & 1)) for slot, (count, _) in counts.items())
    return Weight(
        mirror=ranked.mirror,
        position=ranked.position,
        weight=total // max(1, slots + extra * (counted & down).bit_count()) * latency // FULL_BPS * tested // FULL_BPS,
        count=sum(count for count, _ in counts.values()) // max(1, slots),
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
    order: Sequence[RankedMirror], seen: Sequence[Merged], weights: Sequence[Weight], counted: Sequence[int], down: int
) -> tuple[RankedMirror, ...]:
    """The ranks for the next epoch, with what this one's outage showed."""
    service = {
        weight.mirror: weight.up_slots * weight.latency_bps // slots.bit_count()
        for weight, slots in zip(weights, counted, strict=True)
        if slots
    }
    tested = [_after_outage(ranked, of, down) for ranked, of in zip(order, seen, strict=True)]
    return next_ranks(tested, service, {of.mirror: of.places for of in seen})


def _after_outage(ranked: RankedMirror, seen: Merged, outage: int) -> RankedMirror:
    reasons = [reason for slot, reason in enumerate(seen.slots) if outage >> slot & 1]
    # The primary is known in them: who answers half of the members must not do better than who answers none.
    known = [reason for reason in reasons if reason not in UNKNOWN_REASONS or reason is Reason.DISPUTED]
    if len(reasons) < OUTAGE_SLOTS or not known:
        return ranked
    passed = 2 * known.count(Reason.UP) > len(known)
    return replace(
        ranked,
        outages=(*ranked.outages, passed)[-OUTAGES_KEPT:],
        passed_outage=ranked.passed_outage or passed,
    )
