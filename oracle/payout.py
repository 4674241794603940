"""What one epoch of one fund pays, to the last unit: the same integers as `RedundancyFund.settle`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from oracle.errors import InvalidInput
from oracle.model import FULL_BPS, ONE

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Payout(Generic[Key]):
    """`paid` is `fee` and all `credits`; `returned` goes back to the fund; paid + returned is the reward."""

    paid: int
    fee: int
    returned: int
    credits: Mapping[Key, int]


def shares(reward: int, target: int, fee_bps: int, weights: Mapping[Key, int]) -> Payout[Key]:
    """Split an epoch's reward: fee = reward * fee_bps / 10,000, then (reward - fee) * weight / (target * ONE) each.

    Divisions round down and the fund keeps the dust. `weights` are by mirror or by position; an epoch in which none
    counted pays nothing, not even the fee.

    Raises: InvalidInput if the weights exceed the target, as the contract would.
    """
    if target < 1 or min(weights.values(), default=0) < 0:
        raise InvalidInput("weights", f"need a target above 0 and no weight below 0, target {target}")
    if sum(weights.values()) > target * ONE:
        raise InvalidInput("weights", f"their sum {sum(weights.values())} exceeds the target's {target * ONE}")
    fee = reward * fee_bps // FULL_BPS if weights else 0
    parts = {key: (reward - fee) * weight // (target * ONE) for key, weight in weights.items()}
    paid = fee + sum(parts.values())
    return Payout(paid=paid, fee=fee, returned=reward - paid, credits=parts)


def unpaid(reward: int) -> Payout[Key]:
    """An epoch that was missed or given up: all of it returns."""
    return Payout(paid=0, fee=0, returned=reward, credits={})
