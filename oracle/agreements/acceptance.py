"""A fund that a committee is asked to take on, which a quorum of its members signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from eth_account.messages import SignableMessage

from oracle.agreements.agreement import Agreement, read_signatures
from oracle.attest import Domain, acceptance_message, terms_digest
from oracle.errors import InvalidInput
from oracle.fields import address_of, integer, object_of, parse_json, text_of
from oracle.model import Address, CommitteeId, Digest

NAME = "acceptance"
_MOST_POLICY = 64 * 1024
_UINT96 = (1 << 96) - 1
_OFFER = ("reward", "target", "fee_bps", "committee")
_SLASHING = ("arbiter", "epoch_bps", "life_bps")
_FIELDS = (
    "chain_id",
    "committee_contract",
    "fund_contract",
    "fund",
    "owner",
    "token",
    "offer",
    "slashing",
    "policy",
    "until",
    "signatures",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance(Agreement):
    """What a committee is asked to agree to; `policy` is the text that goes on the chain.

    `fund` is the number of the fund that it is for, 0 for one that its owner is still to open.
    `arbiter` may void epochs of the fund that somebody challenges; it is the zero address where nobody may.
    """

    name: ClassVar[str] = NAME
    fund_contract: Address
    fund: int
    owner: Address
    token: Address
    reward_wei: int
    target: int
    fee_bps: int
    arbiter: Address
    slash_epoch_bps: int
    slash_life_bps: int
    policy: str

    @property
    def terms(self) -> Digest:
        """What the fund contract asks the committee's contract for."""
        offer = (self.reward_wei, self.target, self.fee_bps, self.committee)
        slashing = (self.arbiter, self.slash_epoch_bps, self.slash_life_bps)
        return terms_digest(self.fund, self.owner, self.token, offer, slashing, self.policy.encode())

    def message(self, config: Digest, /) -> SignableMessage:
        """What the members of a configuration sign."""
        return acceptance_message(self.domain, self.committee, config, self.fund_contract, self.terms, self.until_s)

    def content(self) -> dict[str, Any]:
        """The content of the file but for the signatures."""
        return {
            "chain_id": self.domain.chain_id,
            "committee_contract": self.domain.contract,
            "fund_contract": self.fund_contract,
            "fund": self.fund,
            "owner": self.owner,
            "token": self.token,
            "offer": {
                "reward": str(self.reward_wei),
                "target": self.target,
                "fee_bps": self.fee_bps,
                "committee": self.committee,
            },
            "slashing": {
                "arbiter": self.arbiter,
                "epoch_bps": self.slash_epoch_bps,
                "life_bps": self.slash_life_bps,
            },
            "policy": self.policy,
            "until": self.until_s,
        }


def read_acceptance(body: bytes) -> Acceptance:
    """The content of a file, of which nothing is believed but what the members see.

    Raises: InvalidInput naming the field.
    """
    fields = object_of(NAME, parse_json(NAME, body), _FIELDS)
    offer = object_of(f"{NAME}.offer", fields["offer"], _OFFER)
    slashing = object_of(f"{NAME}.slashing", fields["slashing"], _SLASHING)
    contract = address_of(f"{NAME}.committee_contract", fields["committee_contract"])
    return Acceptance(
        domain=Domain(integer(f"{NAME}.chain_id", fields["chain_id"], 1), contract),
        fund_contract=address_of(f"{NAME}.fund_contract", fields["fund_contract"]),
        fund=integer(f"{NAME}.fund", fields["fund"], 0, 0xFFFFFFFF),
        owner=address_of(f"{NAME}.owner", fields["owner"]),
        token=address_of(f"{NAME}.token", fields["token"]),
        reward_wei=_reward(f"{NAME}.offer.reward", offer["reward"]),
        target=integer(f"{NAME}.offer.target", offer["target"], 1, 256),
        fee_bps=integer(f"{NAME}.offer.fee_bps", offer["fee_bps"], 0, 10_000),
        committee=CommitteeId(integer(f"{NAME}.offer.committee", offer["committee"], 1, 0xFFFFFFFF)),
        arbiter=address_of(f"{NAME}.slashing.arbiter", slashing["arbiter"]),
        slash_epoch_bps=integer(f"{NAME}.slashing.epoch_bps", slashing["epoch_bps"], 0, 10_000),
        slash_life_bps=integer(f"{NAME}.slashing.life_bps", slashing["life_bps"], 0, 10_000),
        policy=text_of(f"{NAME}.policy", fields["policy"], _MOST_POLICY),
        until_s=integer(f"{NAME}.until", fields["until"]),
        signatures=read_signatures(NAME, fields["signatures"]),
    )


def _reward(name: str, value: Any) -> int:
    text = text_of(name, value, 30)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _UINT96:
        raise InvalidInput(name, "must be an amount above 0 in decimal digits")
    return int(text)
