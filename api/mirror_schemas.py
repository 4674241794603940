"""The JSON of mirrors, and what all answers are made of: see api.schemas."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

from oracle.model import Reason, VoteState
from oracle.store.live import SlotState
from oracle.store.mirrors import Stage

Wei = Annotated[int, PlainSerializer(str, return_type=str, when_used="json")]
"""An amount in the token's smallest unit."""


class Out(BaseModel):
    """Anything that is answered: made from the store's values by name."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class NowOut(Out):
    """The state by the nodes' latest votes."""

    state: VoteState
    reason: Reason
    detail: str
    latency_ms: int | None
    nodes: int
    at_ms: int | None


class RunOut(Out):
    """Slots in a row that are alike."""

    state: SlotState
    slots: int


class StripOut(Out):
    """An epoch slot by slot."""

    epoch: int
    slots: int
    runs: list[RunOut]
    up: int
    down: int
    unknown: int
    pending: int


class DeductionOut(Out):
    """Why slots counted less, and how many."""

    reason: Reason
    slots: int


class WeighedOut(Out):
    """A mirror's part of the newest result."""

    epoch: int
    rank: int
    weight: int
    count: int
    up_slots: int
    known_slots: int
    counted_slots: int
    slots: int
    availability_bps: int | None
    coverage_bps: int
    latency_ms: int | None
    latency_bps: int
    tested_bps: int
    deductions: list[DeductionOut]


class EarnedOut(Out):
    """A mirror's money."""

    credited_wei: Wei
    withdrawn_wei: Wei
    available_wei: Wei


class NextPayoutOut(Out):
    """Where the mirror's credit is sent from a later epoch on."""

    payout: str
    binds_from: int


class LockOut(Out):
    """A part of the stake that was locked for wrong bytes in an epoch: "locked", "released" or "burned"."""

    epoch: int
    amount_wei: Wei
    state: str
    answer: str | None
    answer_by_s: int
    until_s: int
    tx_hash: str


class MirrorOut(Out):
    """A mirror."""

    mirror: int
    fund: int
    position: int
    url: str
    operator: str
    payout: str
    next_payout: NextPayoutOut | None
    stake_wei: Wei
    locked_wei: Wei
    slashed_wei: Wei
    locks: list[LockOut]
    start_epoch: int
    end_epoch: int | None
    stage: Stage
    now: NowOut
    release_current: bool | None
    rank: int | None
    networks: list[str]
    weighed: WeighedOut | None
    strip: StripOut | None
    running: StripOut | None
    earned: EarnedOut
