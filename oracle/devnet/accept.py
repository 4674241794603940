"""The members of a development chain's committee agree to a fund, so that its owner may open or change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple

from oracle.attest import Domain, acceptance_message, sign, terms_digest
from oracle.chain.committee import CommitteeContract
from oracle.chain.structs import NO_SLASHING, Offer, Slashing
from oracle.chain.transactions import Account, Receipt
from oracle.model import Address

VALID_S = 3_600
"""How long an acceptance counts: much longer than a set-up takes."""


def accept(
    contract: CommitteeContract,
    members: Iterable[Account],
    fund_contract: Address,
    owner: Account,
    token: str,
    offer: Offer,
    policy: bytes,
    slashing: Slashing = NO_SLASHING,
    valid_s: int = VALID_S,
    fund: int = 0,
) -> Receipt:
    """Let as many of the members as a quorum needs sign that their committee takes on these terms, and post it.

    The owner pays. `fund` is the one to change, 0 a new one. The same terms are accepted again with another `valid_s`.
    """
    committee = offer.committee
    terms = terms_digest(fund, owner.address, token, astuple(offer), astuple(slashing), policy)
    config = contract.config_at(committee, contract.current_epoch())
    until_s = contract.chain.head().timestamp_s + valid_s
    domain = Domain(contract.chain.chain_id, contract.address)
    message = acceptance_message(domain, committee, config.digest, fund_contract, terms, until_s)
    keys = {Address(member.address): member for member in members}
    signing = [(index, keys[member]) for index, member in enumerate(config.members) if member in keys]
    signed = {index: bytes.fromhex(sign(account, message)[2:]) for index, account in signing[: config.quorum]}
    return contract.accept(owner, committee, fund_contract, terms, until_s, signed)
