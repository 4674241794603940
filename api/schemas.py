"""The JSON of every answer. Amounts are decimal strings in the token's smallest unit; `weight`, `count` and `n_eff` are
integers in units of 1 / 1,000,000,000; `*_bps` are of 10,000; what this node does not know is null or "unknown"."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from api.mirror_schemas import MirrorOut, NowOut, Out, StripOut, Wei
from oracle.model import Policy, Reason, VoteState


class TokenOut(Out):
    """A token."""

    address: str
    symbol: str | None
    decimals: int | None


class OfferOut(Out):
    """The price of redundancy."""

    binds_from: int
    reward_wei: Wei
    target: int
    fee_bps: int
    committee: int
    policy: str


class TreasuryOut(Out):
    """A fund's money."""

    deposited_wei: Wei
    paid_wei: Wei
    fee_wei: Wei
    returned_wei: Wei
    balance_wei: Wei
    owed_wei: Wei
    aside_wei: Wei
    free_wei: Wei
    runway_epochs: int | None


class CommitteeOut(Out):
    """Who measures and signs; `liars` is how many members may lie or be gone without harm."""

    committee: int
    members: list[str]
    quorum: int
    fee_recipient: str
    liars: int


class ReleaseOut(Out):
    """A release."""

    sequence: int
    binds_from: int
    digest: str
    url: str
    version: str | None
    files: int | None
    cold: int | None


class DepositOut(Out):
    """A depositor's money."""

    deposit: int
    holder: str
    amount_wei: Wei
    binds_from: int
    ready_epoch: int | None
    left_epoch: int | None
    collected_wei: Wei | None
    tx_hash: str


class CreditOut(Out):
    """What a mirror was credited for an epoch."""

    mirror: int
    weight: int
    amount_wei: Wei


class ChainReportOut(Out):
    """A report as the chain accepted it."""

    committee: int
    root: str
    evidence: str
    signers: int
    tx_hash: str
    accepted_s: int
    evidence_here: bool


class ChallengeOut(Out):
    """A challenge of the fund's part of a report; `ruling` is "none", "voided" or "stands"."""

    challenger: str
    reason: str
    decided_by_s: int
    ruling: str
    tx_hash: str


class EpochOut(Out):
    """One epoch of a fund."""

    epoch: int
    start_s: int
    outcome: str
    reward_wei: Wei
    paid_wei: Wei | None
    fee_wei: Wei | None
    returned_wei: Wei | None
    n_eff: int | None
    slots: int | None
    counted_slots: int | None
    outage_slots: int | None
    credits: list[CreditOut]
    report: ChainReportOut | None
    challenge: ChallengeOut | None
    tx_hash: str | None


class MomentOut(Out):
    """When this was read, and how fresh the chain was."""

    now_ms: int
    epoch: int
    ends_in_s: int
    epoch_length_s: int
    chain_id: int | None
    indexed_block: int | None
    indexed_s: int | None


class PrimaryOut(Out):
    """The developer's own server."""

    now: NowOut
    strip: StripOut | None
    running: StripOut


class FundSummaryOut(Out):
    """A fund in the list of all."""

    fund: int
    app: str
    verdict: str
    token: TokenOut
    primary: VoteState
    live: int | None
    counting: int
    n_eff: int | None
    target: int
    reward_wei: Wei
    runway_epochs: int | None


class FundsOut(Out):
    """Funds in ascending order; `next_after` is what to ask for as `after` to go on, null at the end."""

    funds: list[FundSummaryOut]
    next_after: int | None


class FundOut(Out):
    """One fund with all that its page shows."""

    moment: MomentOut
    fund: int
    app: str
    verdict: str
    owner: str
    token: TokenOut
    min_stake_wei: Wei
    created_epoch: int
    offer: OfferOut
    next_offer: OfferOut | None
    policy: Policy
    committee: CommitteeOut | None
    treasury: TreasuryOut
    release: ReleaseOut | None
    live: int | None
    counting: int
    n_eff: int | None
    result_epoch: int | None
    primary: PrimaryOut
    mirrors: list[MirrorOut]
    epochs: list[EpochOut]
    releases: list[ReleaseOut]
    deposits: list[DepositOut]
    deposit_count: int


class MirrorsOut(Out):
    """The mirrors of a fund, by rank."""

    fund: int
    epoch: int
    mirrors: list[MirrorOut]


class EpochsOut(Out):
    """Epochs of a fund, newest first; `next_before` is what to ask for as `before` to go on, null at the end."""

    fund: int
    epochs: list[EpochOut]
    next_before: int | None


class PayoutOut(Out):
    """What one epoch paid to whom; paid = fee + credits, paid + returned = reward."""

    epoch: int
    outcome: str
    reward_wei: Wei
    paid_wei: Wei
    fee_wei: Wei
    returned_wei: Wei
    credits: list[CreditOut]
    tx_hash: str | None


class PayoutsOut(Out):
    """The settled epochs of a fund, newest first."""

    fund: int
    token: TokenOut
    payouts: list[PayoutOut]
    next_before: int | None


class VoteOut(Out):
    """One node's word on one slot."""

    node: str
    at_ms: int
    epoch: int
    slot: int
    state: VoteState
    reason: Reason
    latency_ms: int | None
    address: str | None
    path: str | None
    detail: str


class MirrorEpochOut(Out):
    """What one epoch credited to the mirror."""

    epoch: int
    weight: int
    amount_wei: Wei


class WithdrawalOut(Out):
    """What was sent to the mirror's payout address."""

    tx_hash: str
    amount_wei: Wei


class LoadOut(Out):
    """What one node has asked of a mirror in the present epoch, and until when (Unix time) its certificate is valid."""

    node: str
    requests: int
    bytes: int
    certificate_expires_s: int | None


class MirrorPageOut(Out):
    """One mirror with all that its page shows."""

    moment: MomentOut
    app: str
    token: TokenOut
    mirror: MirrorOut
    epochs: list[MirrorEpochOut]
    withdrawals: list[WithdrawalOut]
    votes: list[VoteOut]
    load: list[LoadOut]
    budget_requests: int
    budget_bytes: int


class EvidenceFileOut(Out):
    """One file of the evidence."""

    name: str
    sha256: str
    length: int


class EvidenceOut(Out):
    """The evidence of one committee's epoch that this node has."""

    committee: int
    epoch: int
    files: list[EvidenceFileOut]


class HealthOut(Out):
    """Whether this process works, and if not, why."""

    status: Literal["ok", "failing"]
    reason: str = ""


class BadgeOut(BaseModel):
    """A badge as shields.io's endpoint wants it: exactly these keys."""

    schema_version: Literal[1] = Field(default=1, serialization_alias="schemaVersion")
    label: str
    message: str
    color: str
    is_error: bool = Field(default=False, serialization_alias="isError")
    cache_seconds: int = Field(default=300, ge=300, serialization_alias="cacheSeconds")
