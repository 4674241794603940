"""Why a mirror was paid what it was: each step from slots to an amount in words, with the result's numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oracle.errors import InvalidInput
from oracle.evidence import FundEpoch
from oracle.model import FULL_BPS, ONE, FundResult, MirrorId, RankedMirror, Reason, Weight
from oracle.payout import shares, unpaid
from oracle.words import MEANINGS

_UNPAID = {
    "missed": "as no report came in time",
    "given_up": "as nobody showed the report's weights in time",
    "voided": "as the fund's arbiter voided the report",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A mirror's pay: `credited_wei` of `reward_wei`, and the sentences that lead there."""

    mirror: MirrorId
    epoch: int
    weight: int
    credited_wei: int
    reward_wei: int
    sentences: tuple[str, ...]
    reasons: Mapping[Reason, int]

    def to_json(self) -> dict[str, Any]:
        """For machines: amounts as decimal text."""
        return {
            "mirror": self.mirror,
            "epoch": self.epoch,
            "weight": self.weight,
            "credited": str(self.credited_wei),
            "reward": str(self.reward_wei),
            "reasons": {reason.value: slots for reason, slots in self.reasons.items()},
            "sentences": list(self.sentences),
        }


def explain(case: FundEpoch, result: FundResult, mirror: MirrorId) -> Explanation:
    """One mirror's pay for a fund's epoch.

    Raises: InvalidInput for a mirror that does not count in the epoch.
    """
    weight = next((one for one in result.weights if one.mirror == mirror), None)
    ranked = next((one for one in case.mirrors if one.mirror == mirror), None)
    if weight is None or ranked is None:
        raise InvalidInput("--mirror", f"{mirror} does not count in epoch {case.epoch} of fund {case.fund}")
    weights = {one.mirror: one.weight for one in result.weights}
    due = shares(case.reward_wei, case.target, case.fee_bps, weights) if weights else unpaid(case.reward_wei)
    credited = due.credits[mirror]
    sentences = (
        *_availability(weight, ranked, result),
        *_slots(weight),
        *_factors(case, weight),
        _pay(case, weight, due.fee, credited),
    )
    return Explanation(mirror, case.epoch, weight.weight, credited, case.reward_wei, sentences, weight.reasons)


def ending(told: Explanation, settlement: str, tx_hash: str, credited_wei: int) -> str:
    """What the chain made of it: `settlement` is one of `fold.SETTLEMENTS`."""
    settled = f"The epoch is settled as {settlement} by {tx_hash}"
    if credited_wei == told.credited_wei:
        return f"{settled}."
    reason = _UNPAID.get(settlement, f"by other weights: see `mirrorbond verify --epoch {told.epoch}`")
    return f"{settled}: {credited_wei} was credited and not {told.credited_wei}, {reason}."


def _availability(weight: Weight, ranked: RankedMirror, result: FundResult) -> list[str]:
    lines = [
        f"Mirror {weight.mirror} had rank {ranked.rank + 1} of {len(result.weights)} and was up in {weight.up_slots} "
        f"of the {weight.known_slots} slots in which it is known (the epoch has {result.slots})."
    ]
    if void := result.slots - result.counted_slots:
        lines.append(f"{_times(void)} nothing is known of any mirror: these count for and against nobody.")
    if result.outage_slots:
        lines.append(f"{_times(result.outage_slots)} the primary was down: these weigh more.")
    return lines


def _slots(weight: Weight) -> list[str]:
    return [f"{_times(slots)} {MEANINGS[reason]}." for reason, slots in weight.reasons.items() if reason in MEANINGS]


def _factors(case: FundEpoch, weight: Weight) -> list[str]:
    lines = [f"Its average count is {_share(weight.count, ONE)} of an effective mirror."]
    if weight.latency_bps < FULL_BPS:
        lines.append(
            f"It took {weight.latency_ms} ms, over the target of {case.policy.latency_target_ms} ms: "
            f"a factor of {_share(weight.latency_bps, FULL_BPS)}."
        )
    if Reason.FAILED_OUTAGES in weight.reasons or weight.tested_bps == 0:
        lines.append("It failed its last two outages, so it has no weight until it passes one.")
    elif weight.tested_bps < FULL_BPS:
        lines.append(
            "It has not served through an outage of an earlier epoch yet: "
            f"a factor of {_share(weight.tested_bps, FULL_BPS)}."
        )
    return lines


def _pay(case: FundEpoch, weight: Weight, fee: int, credited: int) -> str:
    return (
        f"Its weight is {_share(weight.weight, ONE)} of a target of {case.target}: of the reward of {case.reward_wei} "
        f"less the committee's fee of {fee} that is {credited}."
    )


def _times(slots: int) -> str:
    return f"In {slots} {'slot' if slots == 1 else 'slots'}"


def _share(part: int, whole: int) -> str:
    """A fraction cut off after four digits."""
    scaled = part * 10_000 // whole
    return f"{scaled // 10_000}.{scaled % 10_000:04d}"
