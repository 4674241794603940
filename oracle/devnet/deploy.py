"""Puts the contracts on a chain, from their committed bytecode."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from oracle.chain.client import Chain
from oracle.chain.contracts import deploy
from oracle.chain.structs import Terms
from oracle.chain.transactions import Account
from oracle.model import Address, Clock

SHORT_TERMS = Terms(deposit_notice=4, change_notice=8, unbonding=4, settle_time=6, min_cover=1, lock_time=4)
"""For demos and tests: as short as the contract allows."""
CHALLENGE_BOND_WEI = 10**18


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts are; indexing starts at `first_block`."""

    wrapped_native: Address
    demo_token: Address
    committee: Address
    fund: Address
    first_block: int


def deploy_all(chain: Chain, account: Account, clock: Clock, terms: Terms = SHORT_TERMS) -> Deployment:
    """Deploys the wrapped native coin, a token anyone can mint, and our two contracts on a development chain."""
    wrapped, _ = deploy(chain, account, "WrappedNative")
    token, _ = deploy(chain, account, "DemoToken", "Demo Dollar", "DEMO")
    committee, receipt = deploy(chain, account, "OracleCommittee", astuple(clock), wrapped, CHALLENGE_BOND_WEI)
    fund, _ = deploy(chain, account, "RedundancyFund", committee, wrapped, astuple(terms))
    return Deployment(wrapped, token, committee, fund, receipt.block_number)
