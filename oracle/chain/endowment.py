"""Endowment as Python calls it, and the ERC-4626 vaults that it lends to, which are anyone's code."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.chain.client import Chain
from oracle.chain.contracts import Contract, deploy
from oracle.chain.transactions import Account, Receipt
from oracle.errors import ChainMismatch, TransactionFailed
from oracle.model import Address


@dataclass(frozen=True, slots=True)
class Holding:
    """One endowment: the principal is owed to the holder (0: it has left), the shares of the vault are held for both.
    From `ready_s` on, a Unix time, the holder may depart; 0 without a notice."""

    holder: Address
    fund: int
    ready_s: int
    vault: Address
    token: Address
    principal: int
    shares: int


class Vault(Contract):
    """Any ERC-4626 vault. What it says is taken for what it is: the word of a stranger's code."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "SavingsVault")

    def asset(self) -> Address:
        """The token that it takes."""
        return Address(self.call("asset"))

    def shares_for(self, assets: int) -> int:
        """The shares that it would give now for this much of its token."""
        return int(self.call("previewDeposit", assets))

    def worth(self, shares: int) -> int | None:
        """What it would pay now for these shares; None if it does not say."""
        try:
            return int(self.call("previewRedeem", shares))
        except (TransactionFailed, ChainMismatch):
            return None


class EndowmentContract(Contract):
    """Endowment: principal lent to vaults, whose yield goes to funds."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "Endowment")

    def fund_contract(self) -> Address:
        """The RedundancyFund whose funds get the yield."""
        return Address(self.call("FUND"))

    def notice_s(self) -> int:
        """After how many seconds a principal may leave, and for how many."""
        return int(self.call("NOTICE"))

    def holding(self, endowment: int) -> Holding:
        """An endowment. Raises: TransactionFailed for a number that there is not."""
        return Holding(*self.call("endowmentOf", endowment))

    def endow(
        self, account: Account, vault: str, fund: int, assets: int, least_shares: int
    ) -> tuple[int, int, Receipt]:
        """Lends what the account has approved: the endowment's number, and the shares that it got."""
        receipt = self.send(account, "endow", vault, fund, assets, least_shares)
        endowed = receipt.event("Endowed")
        return int(endowed["endowment"]), int(endowed["shares"]), receipt

    def give_notice(self, account: Account, endowment: int) -> tuple[int, Receipt]:
        """Announces that the principal will leave, and gives the Unix time from which on it may."""
        receipt = self.send(account, "giveNotice", endowment)
        return int(receipt.event("NoticeGiven")["ready"]), receipt

    def harvest(self, account: Account, endowment: int) -> tuple[int, int, Receipt]:
        """Sends the yield to the fund: its amount, and the number of the deposit that it became."""
        receipt = self.send(account, "harvest", endowment)
        harvested = receipt.event("Harvested")
        return int(harvested["amount"]), int(harvested["deposit"]), receipt

    def depart(self, account: Account, endowment: int, least: int) -> tuple[int, Receipt]:
        """Takes the principal back, of which no less than `least` may come."""
        receipt = self.send(account, "depart", endowment, least)
        return int(receipt.event("Departed")["amount"]), receipt

    def depart_in_kind(self, account: Account, endowment: int, least: int) -> tuple[int, Receipt]:
        """Takes shares of the vault instead, no fewer than `least`."""
        receipt = self.send(account, "departInKind", endowment, least)
        return int(receipt.event("DepartedInKind")["shares"]), receipt

    def would_pay(self, function: str, *args: int, caller: str) -> int:
        """What `harvest`, `depart` or `departInKind` would give the caller now.

        Raises: TransactionFailed with the reason if it would be refused.
        """
        return int(self.call(function, *args, caller=caller))


def deploy_endowment(chain: Chain, account: Account, fund_contract: str, notice_s: int) -> tuple[Address, Receipt]:
    """A new contract for the funds of this RedundancyFund. Anyone may: it has no owner."""
    return deploy(chain, account, "Endowment", fund_contract, notice_s)
