"""One class for each contract: its calls, and its transactions by the account that signs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from web3 import Web3
from web3.exceptions import BadFunctionCallOutput, ContractLogicError, Web3RPCError

from oracle.chain import structs
from oracle.chain.abi import artifact
from oracle.chain.client import Chain, origin
from oracle.chain.refusals import failed
from oracle.chain.structs import CommitteeConfig, DepositState, FundState, MirrorState, Offer, Outcome, Reveal, Terms
from oracle.chain.transactions import Account, Call, Receipt, transact
from oracle.errors import ChainMismatch, InvalidInput
from oracle.model import Address, Clock, CommitteeId, Digest, FundId, MirrorId


class Contract:
    """A deployed contract: `call` reads at the newest block, `send` signs, sends and waits."""

    def __init__(self, chain: Chain, address: str, name: str) -> None:
        if not Web3.is_address(address):
            raise InvalidInput("address", f"{address!r} is no contract's address (0x and 40 hexadecimal digits)")
        self.chain = chain
        self.address = Address(Web3.to_checksum_address(address))
        if not chain.has_code(self.address):
            raise ChainMismatch(
                f"chain {chain.chain_id} at {origin(chain.rpc_url)} has no contract at {self.address}: "
                "check the address and MIRRORBOND_RPC_URL"
            )
        entries: Any = artifact(name).entries
        self._contract = chain.web3.eth.contract(Web3.to_checksum_address(address), abi=entries, decode_tuples=True)
        self._name = name

    def call(self, function: str, *args: Any) -> Any:
        """What a function would return now.

        Raises: TransactionFailed with the contract's error if it refuses.
        """
        try:
            return self._contract.functions[function](*args).call()
        except (ContractLogicError, Web3RPCError) as error:
            raise failed(function, error) from error
        except BadFunctionCallOutput as error:
            raise ChainMismatch(f"the contract at {self.address} is no {self._name}: check the address") from error

    def send(self, account: Account, function: str, *args: Any, value_wei: int = 0) -> Receipt:
        """Makes a transaction of a function.

        Raises: TransactionFailed with the contract's error if it refuses; see `transactions.transact`.
        """
        data = self._contract.encode_abi(function, args=list(args))
        return transact(self.chain, account, Call(function, self.address, data, value_wei))


class CommitteeContract(Contract):
    """OracleCommittee: members, quorums and reports."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "OracleCommittee")

    def clock(self) -> Clock:
        """The time that all epochs follow."""
        return Clock(*self.call("clock"))

    def current_epoch(self) -> int:
        """The epoch of the newest block."""
        return int(self.call("currentEpoch"))

    def outcome(self, committee: int, epoch: int) -> tuple[Outcome, Digest]:
        """What became of an epoch, and the root of its report (zero where there is none)."""
        outcome, root = self.call("outcome", committee, epoch)
        return structs.OUTCOMES[outcome], Digest("0x" + root.hex())

    def config_at(self, committee: int, epoch: int) -> CommitteeConfig:
        """The configuration in force at the epoch's start."""
        return structs.committee_config(self.call("configAt", committee, epoch))

    def report_digest(self, committee: int, epoch: int, root: Digest, evidence: Digest) -> Digest:
        """The EIP-712 digest that members sign for a report."""
        return Digest("0x" + self.call("reportDigest", committee, epoch, root, evidence).hex())

    def members_digest(self, committee: int, members: Sequence[str], quorum: int, fee_recipient: str) -> Digest:
        """The EIP-712 digest that members sign for a change of members."""
        return Digest("0x" + self.call("membersDigest", committee, list(members), quorum, fee_recipient).hex())

    def create_committee(
        self, account: Account, members: Sequence[str], quorum: int, fee_recipient: str
    ) -> tuple[CommitteeId, Receipt]:
        """Opens a committee; `members` are put in the order that the contract wants."""
        receipt = self.send(account, "createCommittee", in_order(members), quorum, fee_recipient)
        return CommitteeId(receipt.event("CommitteeConfigured")["committee"]), receipt

    def change_members(
        self,
        account: Account,
        committee: int,
        members: Sequence[str],
        quorum: int,
        fee_recipient: str,
        signatures: Mapping[int, bytes],
    ) -> Receipt:
        """Replaces the members from the next epoch's start; `signatures` by index of today's members."""
        ordered = in_order(members)
        signed = sorted(signatures.items())
        return self.send(account, "changeMembers", committee, ordered, quorum, fee_recipient, signed)

    def report(
        self,
        account: Account,
        committee: int,
        epoch: int,
        root: Digest,
        evidence: Digest,
        signatures: Mapping[int, bytes],
    ) -> Receipt:
        """Posts the report of an epoch; `signatures` by index of the members of its configuration."""
        return self.send(account, "report", committee, epoch, root, evidence, sorted(signatures.items()))


class FundContract(Contract):
    """RedundancyFund: funds, stakes, mirrors and credits."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "RedundancyFund")

    def committee_contract(self) -> Address:
        """The OracleCommittee whose reports it settles by."""
        return Address(self.call("COMMITTEE"))

    def wrapped_native(self) -> Address:
        """The token of all stakes."""
        return Address(self.call("WRAPPED_NATIVE"))

    def terms(self) -> Terms:
        """What holds for all funds of this contract."""
        return Terms(*self.call("terms"))

    def funds(self) -> int:
        """How many funds there are; they are numbered from 1."""
        return int(self.call("funds"))

    def fund_of(self, fund: int) -> FundState:
        """A fund as it is stored: brought up to date only by the transactions that touch it."""
        return structs.fund_state(self.call("fundOf", fund))

    def mirror_of(self, mirror: int) -> MirrorState:
        """A mirror."""
        return structs.mirror_state(self.call("mirrorOf", mirror))

    def deposit_of(self, deposit: int) -> DepositState:
        """A deposit."""
        return structs.deposit_state(self.call("depositOf", deposit))

    def segment_of(self, fund: int, segment: int) -> structs.Segment:
        """A run of funded epochs."""
        return structs.segment(self.call("segmentOf", fund, segment))

    def credit_of(self, mirror: int) -> int:
        """What a mirror can withdraw now, in the fund's token."""
        return int(self.call("creditOf", mirror))

    def fees(self, committee: int, token: str) -> int:
        """What a committee can withdraw now."""
        return int(self.call("fees", committee, token))

    def worth_of(self, deposit: int) -> int:
        """The most that a deposit can be worth when it leaves."""
        return int(self.call("worthOf", deposit))

    def mirrors_digest(self, fund: int) -> Digest:
        """The digest of the mirror set that the next registration or exit builds on."""
        return Digest("0x" + self.call("mirrorsDigest", fund).hex())

    def create_fund(
        self,
        account: Account,
        token: str,
        offer: Offer,
        min_stake_wei: int,
        app: str,
        policy: bytes,
        release: Digest,
        release_url: str,
    ) -> tuple[FundId, Receipt]:
        """Opens a fund; `policy` is the canonical JSON of a `Policy`."""
        args = (token, astuple(offer), min_stake_wei, app, policy, release, release_url)
        receipt = self.send(account, "createFund", *args)
        return FundId(receipt.event("FundCreated")["fund"]), receipt

    def publish_release(self, account: Account, fund: int, digest: Digest, url: str) -> Receipt:
        """Publishes a release, which counts from the next epoch's start."""
        return self.send(account, "publishRelease", fund, digest, url)

    def announce_change(self, account: Account, fund: int, offer: Offer, policy: bytes) -> Receipt:
        """Announces other terms."""
        return self.send(account, "announceChange", fund, astuple(offer), policy)

    def top_up(self, account: Account, fund: int, amount_wei: int, value_wei: int = 0) -> tuple[int, Receipt]:
        """Adds to a fund and gives the deposit's number. The account has approved the amount, or sends it as value."""
        receipt = self.send(account, "topUp", fund, amount_wei, value_wei=value_wei)
        return int(receipt.event("Deposited")["deposit"]), receipt

    def register(
        self,
        account: Account,
        fund: int,
        url: str,
        payout: str,
        stake_wei: int,
        former: int = 0,
        value_wei: int = 0,
    ) -> tuple[MirrorId, Receipt]:
        """Registers a mirror. The account has approved the stake in wrapped native coin, or sends it as value."""
        args = (fund, url, payout, stake_wei, former)
        receipt = self.send(account, "register", *args, value_wei=value_wei)
        return MirrorId(receipt.event("MirrorRegistered")["mirror"]), receipt

    def give_notice(self, account: Account, deposit: int) -> Receipt:
        """Announces that a deposit will leave."""
        return self.send(account, "giveNotice", deposit)

    def depart(self, account: Account, deposit: int) -> Receipt:
        """Takes a deposit out of the free money from the next epoch's start."""
        return self.send(account, "depart", deposit)

    def collect(self, account: Account, deposit: int) -> Receipt:
        """Sends a deposit that has left what it is worth."""
        return self.send(account, "collect", deposit)

    def exit(self, account: Account, mirror: int) -> Receipt:
        """Ends a mirror with the current epoch."""
        return self.send(account, "exit", mirror)

    def remove_dead(self, account: Account, mirror: int) -> Receipt:
        """Ends a mirror that has shown no sign of life for long enough."""
        return self.send(account, "removeDead", mirror)

    def change_payout(self, account: Account, mirror: int, payout: str) -> Receipt:
        """Changes where a mirror's credit is sent."""
        return self.send(account, "changePayout", mirror, payout)

    def release_stake(self, account: Account, mirror: int) -> Receipt:
        """Sends the stake of an ended mirror back to its operator."""
        return self.send(account, "releaseStake", mirror)

    def settle(self, account: Account, fund: int, reveals: Sequence[Reveal]) -> Receipt:
        """Settles funded epochs in order, one for each reveal."""
        return self.send(account, "settle", fund, [(one.vector, list(one.proof)) for one in reveals])

    def withdraw(self, account: Account, mirror: int) -> Receipt:
        """Sends a mirror's credit to its payout address."""
        return self.send(account, "withdraw", mirror)

    def withdraw_fee(self, account: Account, committee: int, token: str) -> Receipt:
        """Sends a committee its fees in one token."""
        return self.send(account, "withdrawFee", committee, token)


class Token(Contract):
    """Any ERC-20 token; only those of development chains let anyone `mint`."""

    def __init__(self, chain: Chain, address: str, name: str = "DemoToken") -> None:
        super().__init__(chain, address, name)

    def balance(self, account: str) -> int:
        """An account's tokens in the smallest unit."""
        return int(self.call("balanceOf", Web3.to_checksum_address(account)))

    def symbol(self) -> str:
        """The token's short name."""
        return str(self.call("symbol"))

    def decimals(self) -> int:
        """How many digits of an amount stand behind the point."""
        return int(self.call("decimals"))

    def approve(self, account: Account, spender: str, amount_wei: int) -> Receipt:
        """Lets a contract take this much."""
        return self.send(account, "approve", spender, amount_wei)

    def transfer(self, account: Account, to: str, amount_wei: int) -> Receipt:
        """Sends tokens."""
        return self.send(account, "transfer", to, amount_wei)

    def mint(self, account: Account, to: str, amount_wei: int) -> Receipt:
        """Makes tokens of the development chain."""
        return self.send(account, "mint", to, amount_wei)


class WrappedNative(Token):
    """The chain's native coin as a token: what stakes are in."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "WrappedNative")

    def wrap(self, account: Account, value_wei: int) -> Receipt:
        """Turns native coin into tokens."""
        return self.send(account, "deposit", value_wei=value_wei)


def in_order(members: Sequence[str]) -> list[str]:
    """Members in the order that the contract wants: by number, ascending."""
    return sorted((Web3.to_checksum_address(member) for member in members), key=lambda member: int(member, 16))


def deploy(chain: Chain, account: Account, name: str, *args: Any) -> tuple[Address, Receipt]:
    """Creates a contract from its committed bytecode."""
    found = artifact(name)
    entries: Any = found.entries
    factory = chain.web3.eth.contract(abi=entries, bytecode=found.bytecode)
    data = factory.constructor(*args).data_in_transaction
    receipt = transact(chain, account, Call(f"deploy {name}", None, data))
    return Address(Web3.to_checksum_address(str(receipt.created))), receipt
