"""What a demo is made of, in numbers. Amounts are in the token's smallest unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from oracle.chain.structs import Terms
from oracle.model import Policy

TOKEN = 10**18


@dataclass(frozen=True, slots=True)
class Plan:
    """The default is the whole demo: three epochs of 20 seconds, a committee of 4 of which 3 sign.

    The fund has an arbiter, so that a part of the altering mirror's stake is locked; nobody decides it in the demo.
    `target` is above the number of mirrors that are worth anything, so that a part of every reward returns.
    In the last epoch the primary is off from slot `outage_first` for `outage_slots` slots.
    """

    epochs: int = 3
    symbol: str = "DEMO"
    epoch_length_s: int = 20
    grace_s: int = 40
    window_s: int = 3
    arbitration_s: int = 10
    members: int = 4
    quorum: int = 3
    reward_wei: int = 100 * TOKEN
    target: int = 6
    fee_bps: int = 500
    slash_epoch_bps: int = 1_000
    slash_life_bps: int = 5_000
    min_stake_wei: int = TOKEN // 10
    top_ups_wei: tuple[int, ...] = (1_500 * TOKEN, 500 * TOKEN)
    outage_first: int = 9
    outage_slots: int = 8
    set_up_s: int = 12
    """How long the set-up takes at most between the contracts' deployment and the first measured epoch."""
    restart_s: int = 5
    """How long a part of the node that was killed takes at most to work again: no longer than all of it to start."""
    policy: Policy = field(
        default_factory=lambda: Policy(slots=20, outage_weight=10, latency_target_ms=400, release_grace_epochs=0)
    )
    terms: Terms = field(
        default_factory=lambda: Terms(
            deposit_notice=16, change_notice=32, unbonding=4, settle_time=30, min_cover=3, lock_time=4
        )
    )

    @property
    def slot_s(self) -> float:
        """The length of a slot."""
        return self.epoch_length_s / self.policy.slots

    @property
    def patience_s(self) -> int:
        """How long after the last epoch's end its settlement may take before the demo gives up."""
        return self.grace_s + self.window_s + 4 * self.restart_s
