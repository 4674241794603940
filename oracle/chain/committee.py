"""OracleCommittee as Python calls it: members, quorums, reports, acceptances, challenges and bonds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from web3 import Web3

from oracle.chain import structs
from oracle.chain.client import Chain
from oracle.chain.contracts import Contract
from oracle.chain.structs import Bond, Challenge, CommitteeConfig, Outcome
from oracle.chain.transactions import Account, Receipt
from oracle.model import Address, Clock, CommitteeId, Digest


class CommitteeContract(Contract):
    """OracleCommittee: members, quorums and reports."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "OracleCommittee")

    def clock(self) -> Clock:
        """The time that all epochs follow."""
        return Clock(*self.call("clock"))

    def wrapped_native(self) -> Address:
        """The token of all bonds."""
        return Address(self.call("WRAPPED_NATIVE"))

    def current_epoch(self) -> int:
        """The epoch of the newest block."""
        return int(self.call("currentEpoch"))

    def outcome(self, committee: int, epoch: int) -> tuple[Outcome, Digest]:
        """What became of an epoch, and the root of its report (zero where there is none)."""
        outcome, root = self.call("outcome", committee, epoch)
        return structs.OUTCOMES[outcome], Digest("0x" + root.hex())

    def outcome_for(self, committee: int, epoch: int, fund_contract: str, fund: int) -> tuple[Outcome, Digest]:
        """What became of an epoch for one fund, whose part of the report may be challenged or voided."""
        outcome, root = self.call("outcomeFor", committee, epoch, fund_contract, fund)
        return structs.OUTCOMES[outcome], Digest("0x" + root.hex())

    def challenge_of(self, committee: int, epoch: int, fund_contract: str, fund: int) -> Challenge:
        """The challenge of one fund's part of a report."""
        return structs.challenge(self.call("challengeOf", committee, epoch, fund_contract, fund))

    def challenge_bond(self) -> int:
        """What a challenge costs its challenger if the report stands, in native coin."""
        return int(self.call("CHALLENGE_BOND"))

    def bond_of(self, committee: int, member: str) -> Bond:
        """What a member pledges to sign one bundle an epoch."""
        return structs.bond(self.call("bondOf", committee, member))

    def config_at(self, committee: int, epoch: int) -> CommitteeConfig:
        """The configuration in force at the epoch's start."""
        return structs.committee_config(self.call("configAt", committee, epoch))

    def versions(self, committee: int, block: int | None = None) -> int:
        """How many configurations the committee has had, with the one that binds next."""
        return int(self.call("versions", committee, block=block))

    def report_digest(self, committee: int, epoch: int, root: Digest, evidence: Digest) -> Digest:
        """The EIP-712 digest that members sign for a report."""
        return Digest("0x" + self.call("reportDigest", committee, epoch, root, evidence).hex())

    def members_digest(
        self, committee: int, members: Sequence[str], quorum: int, fee_recipient: str, until_s: int
    ) -> Digest:
        """The EIP-712 digest that members sign for a change of members."""
        args = (committee, list(members), quorum, fee_recipient, until_s)
        return Digest("0x" + self.call("membersDigest", *args).hex())

    def acceptance_digest(self, committee: int, fund_contract: str, terms: Digest, until_s: int) -> Digest:
        """The EIP-712 digest that today's members sign to take on a fund."""
        return Digest("0x" + self.call("acceptanceDigest", committee, fund_contract, terms, until_s).hex())

    def bundle_digest(self, committee: int, epoch: int, digest: Digest) -> Digest:
        """The EIP-712 digest that a member signs for its bundle of an epoch."""
        return Digest("0x" + self.call("bundleDigest", committee, epoch, digest).hex())

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
        until_s: int,
        signatures: Mapping[int, bytes],
    ) -> Receipt:
        """Replaces the members from the next epoch's start; `signatures` by index of today's members."""
        ordered = in_order(members)
        signed = sorted(signatures.items())
        return self.send(account, "changeMembers", committee, ordered, quorum, fee_recipient, until_s, signed)

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
        args = (committee, epoch, root, evidence, sorted(signatures.items()))
        return self.send(account, "report", *args, purpose=f"report:{committee}:{epoch}")

    def accept(
        self,
        account: Account,
        committee: int,
        fund_contract: str,
        terms: Digest,
        until_s: int,
        signatures: Mapping[int, bytes],
    ) -> Receipt:
        """Posts that a committee takes on a fund; `signatures` by index of today's members."""
        return self.send(account, "accept", committee, fund_contract, terms, until_s, sorted(signatures.items()))

    def raise_challenge(
        self, account: Account, committee: int, epoch: int, fund_contract: str, fund: int, reason: str
    ) -> Receipt:
        """Asks the fund's arbiter to void a report for it, with the bond."""
        args = (committee, epoch, fund_contract, fund, reason)
        return self.send(account, "challenge", *args, value_wei=self.challenge_bond())

    def rule(
        self, account: Account, committee: int, epoch: int, fund_contract: str, fund: int, voided: bool
    ) -> Receipt:
        """Decides a challenge: for the fund's arbiter alone."""
        return self.send(account, "rule", committee, epoch, fund_contract, fund, voided)

    def conclude(self, account: Account, committee: int, epoch: int, fund_contract: str, fund: int) -> Receipt:
        """Ends a challenge that was not decided in time: the report stands."""
        return self.send(account, "conclude", committee, epoch, fund_contract, fund)

    def post_bond(self, account: Account, committee: int, value_wei: int) -> Receipt:
        """Adds native coin to what the account pledges."""
        return self.send(account, "postBond", committee, value_wei=value_wei)

    def give_bond_notice(self, account: Account, committee: int) -> Receipt:
        """Announces that the account will take its bond back."""
        return self.send(account, "giveBondNotice", committee)

    def take_bond(self, account: Account, committee: int) -> Receipt:
        """Sends the account its bond back."""
        return self.send(account, "takeBond", committee)

    def burn_bond(
        self,
        account: Account,
        committee: int,
        epoch: int,
        member: str,
        digests: Sequence[Digest],
        signatures: Sequence[bytes],
    ) -> Receipt:
        """Burns the bond of a member that signed two bundles for one epoch."""
        return self.send(account, "burnBond", committee, epoch, member, list(digests), list(signatures))


def in_order(members: Sequence[str]) -> list[str]:
    """Members in the order that the contract wants: by number, ascending."""
    return sorted((Web3.to_checksum_address(member) for member in members), key=lambda member: int(member, 16))
