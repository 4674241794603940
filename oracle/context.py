"""What a task or a command works with: the store, the chain and the members' keys, each opened when first asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oracle.errors import ChainMismatch, InvalidInput
from oracle.model import Address
from oracle.settings import Settings
from oracle.store import facts
from oracle.store.db import open_store
from oracle.store.outbox import StoredOutbox

if TYPE_CHECKING:  # web3 takes a second to import, and a worker that only measures never needs it
    from eth_account.signers.local import LocalAccount

    from oracle.attest import Domain
    from oracle.chain.client import Chain
    from oracle.chain.committee import CommitteeContract
    from oracle.chain.endowment import EndowmentContract
    from oracle.chain.fund import FundContract


@dataclass
class Context:
    """Not to be carried over a fork: a child process makes its own."""

    settings: Settings
    keeps_sent: bool = False
    """Whether what is sent is kept in the store until a block decides it: only for what contracts refuse a second time,
    as a new wish for the same is not told from the old one."""

    @cached_property
    def store(self) -> sa.Engine:
        """The store, migrated."""
        return open_store(self.settings.store_url())

    @cached_property
    def chain(self) -> Chain:
        """The chain behind MIRRORBOND_RPC_URL.

        Raises: ChainUnreachable; ChainMismatch.
        """
        from oracle.chain.client import connect

        chain = connect(self.settings.rpc_url, self.settings.chain_id)
        outbox = StoredOutbox(self.store) if self.keeps_sent else None
        return replace(chain, fee_cap_wei=self.settings.fee_cap_gwei * 10**9, outbox=outbox)

    @cached_property
    def funds(self) -> FundContract:
        """The RedundancyFund of the settings."""
        from oracle.chain.fund import FundContract

        return FundContract(self.chain, _named(self.settings.fund_contract, "MIRRORBOND_FUND_CONTRACT"))

    @cached_property
    def committees(self) -> CommitteeContract:
        """The OracleCommittee of the settings."""
        from oracle.chain.committee import CommitteeContract

        return CommitteeContract(self.chain, _named(self.settings.committee_contract, "MIRRORBOND_COMMITTEE_CONTRACT"))

    @cached_property
    def endowments(self) -> EndowmentContract:
        """The Endowment of the settings.

        Raises: ChainMismatch if its yields go to funds of another contract than that of the settings.
        """
        from oracle.chain.endowment import EndowmentContract

        address = _named(self.settings.endowment_contract, "MIRRORBOND_ENDOWMENT_CONTRACT")
        contract = EndowmentContract(self.chain, address)
        if (theirs := contract.fund_contract()) != self.funds.address:
            raise ChainMismatch(
                f"the endowment contract {address} gives to funds of {theirs}, not of {self.funds.address}: "
                "check MIRRORBOND_ENDOWMENT_CONTRACT and MIRRORBOND_FUND_CONTRACT"
            )
        return contract

    @cached_property
    def members(self) -> dict[Address, LocalAccount]:
        """The keys of the members that this node signs for, by address.

        Raises: InvalidInput without a keystore or password file; WrongPassword.
        """
        from oracle.keys import load, read_password

        if not self.settings.keystores:
            raise InvalidInput("MIRRORBOND_KEYSTORES", "names no keystore, so this node cannot sign")
        if self.settings.password_file is None:
            raise InvalidInput("MIRRORBOND_PASSWORD_FILE", "names no file, so the keystores cannot be opened")
        password = read_password(self.settings.password_file)
        accounts = [load(path, password) for path in self.settings.keystores]
        return {Address(account.address): account for account in accounts}

    @property
    def sender(self) -> LocalAccount:
        """The account that pays for this node's transactions: that of the first keystore."""
        return next(iter(self.members.values()))

    @cached_property
    def domain(self) -> Domain:
        """For which chain and contract this node signs, as the store knows them.

        Raises: InvalidInput before the chain was first indexed.
        """
        from oracle.attest import Domain

        chain_id, contracts = facts.get(self.store, facts.CHAIN_ID), facts.get(self.store, facts.CONTRACTS)
        if chain_id is None or contracts is None:
            raise InvalidInput("store", "holds no chain yet; run `mirrorbond index` first")
        return Domain(chain_id, Address(contracts["committee"]))

    @cached_property
    def fund_contract(self) -> Address:
        """The address of the RedundancyFund that the store follows."""
        contracts = facts.get(self.store, facts.CONTRACTS)
        if contracts is None:
            raise InvalidInput("store", "holds no chain yet; run `mirrorbond index` first")
        return Address(contracts["fund"])


def _named(address: str, name: str) -> str:
    if not address:
        raise InvalidInput(name, "is not set; give the contract's address")
    return address
