"""RedundancyFund as Python calls it: funds, stakes, mirrors, credits and locks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import astuple

from oracle.chain import structs
from oracle.chain.client import Chain
from oracle.chain.contracts import Contract
from oracle.chain.structs import (
    DepositState,
    FundState,
    Lock,
    MirrorState,
    NewFund,
    Offer,
    Permit,
    Reveal,
    Slashing,
    Terms,
)
from oracle.chain.transactions import Account, Receipt
from oracle.model import Address, Digest, FundId, MirrorId


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

    def committee_at(self, fund: int, epoch: int) -> int | None:
        """Whose report a fund pays an epoch by, once it has started; None where it owes nothing for it."""
        state = self.fund_of(fund)
        if epoch >= state.accrued:
            return _due(state, epoch)
        runs = range(1, state.segments + 1)
        later = bisect_left(runs, epoch, key=lambda run: self.segment_of(fund, run).last)
        run = self.segment_of(fund, runs[later]) if later < len(runs) else None
        return run.offer.committee if run and run.first <= epoch else None

    def turn_of(self, fund: int, turn: int) -> structs.Turn:
        """Deposits that join and leave at the start of one epoch."""
        return structs.turn(self.call("turnOf", fund, turn))

    def lock_of(self, mirror: int, epoch: int) -> Lock:
        """The lock on a mirror's stake for one epoch."""
        return structs.lock(self.call("lockOf", mirror, epoch))

    def slashing_of(self, fund: int) -> Slashing:
        """Who arbitrates a fund, and of how much of a stake."""
        return Slashing(*self.call("slashingOf", fund))

    def credit_of(self, mirror: int) -> int:
        """What a mirror can withdraw now, in the fund's token."""
        return int(self.call("creditOf", mirror))

    def fees(self, committee: int, token: str) -> int:
        """What a committee can withdraw now."""
        return int(self.call("fees", committee, token))

    def worth_of(self, deposit: int) -> int:
        """The most that a deposit can be worth when it leaves."""
        return int(self.call("worthOf", deposit))

    def mirrors_digest(self, fund: int, block: int | None = None) -> Digest:
        """The digest of the mirror set that the next registration or exit builds on; that after `block`, if given."""
        return Digest("0x" + self.call("mirrorsDigest", fund, block=block).hex())

    def release_of(self, fund: int, block: int | None = None) -> Digest:
        """The digest of the release that was published last; that after `block`, if given."""
        return Digest("0x" + self.call("releaseOf", fund, block=block).hex())

    def counts(self, block: int | None = None) -> dict[str, int]:
        """How many funds, deposits and mirrors there ever were; those after `block`, if given."""
        return {name: int(self.call(name, block=block)) for name in ("funds", "deposits", "mirrors")}

    def create_fund(self, account: Account, made: NewFund) -> tuple[FundId, Receipt]:
        """Opens a fund, which the offer's committee has accepted."""
        receipt = self.send(account, "createFund", structs.new_fund(made))
        return FundId(receipt.event("FundCreated")["fund"]), receipt

    def publish_release(self, account: Account, fund: int, digest: Digest, url: str) -> Receipt:
        """Publishes a release, which counts from the next epoch's start."""
        return self.send(account, "publishRelease", fund, digest, url)

    def announce_change(self, account: Account, fund: int, offer: Offer, policy: bytes) -> Receipt:
        """Announces other terms, which the offer's committee has accepted."""
        return self.send(account, "announceChange", fund, astuple(offer), policy)

    def top_up(self, account: Account, fund: int, amount_wei: int, value_wei: int = 0) -> tuple[int, Receipt]:
        """Adds to a fund and gives the deposit's number. The account has approved the amount, or sends it as value."""
        receipt = self.send(account, "topUp", fund, amount_wei, value_wei=value_wei)
        return int(receipt.event("Deposited")["deposit"]), receipt

    def top_up_with_permit(self, account: Account, fund: int, amount_wei: int, permit: Permit) -> tuple[int, Receipt]:
        """Adds to a fund in a token with EIP-2612, without an approval before."""
        args = (fund, amount_wei, permit.deadline_s, permit.v, permit.r, permit.s)
        receipt = self.send(account, "topUpWithPermit", *args)
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
        """Changes where a mirror's credit is sent, from the next epoch's start."""
        return self.send(account, "changePayout", mirror, payout)

    def release_stake(self, account: Account, mirror: int) -> Receipt:
        """Sends the stake of an ended mirror, but for what is locked, back to its operator."""
        return self.send(account, "releaseStake", mirror)

    def lock_stake(
        self, account: Account, mirror: int, epoch: int, segment: int, mirror_set: int, proof: Sequence[bytes]
    ) -> Receipt:
        """Locks a part of a stake for which a final report has a leaf of kind slash."""
        return self.send(account, "lockStake", mirror, epoch, segment, mirror_set, list(proof))

    def answer_lock(self, account: Account, mirror: int, epoch: int, answer: str) -> Receipt:
        """The operator's answer to a lock."""
        return self.send(account, "answerLock", mirror, epoch, answer)

    def resolve_lock(self, account: Account, mirror: int, epoch: int, burned: bool) -> Receipt:
        """Burns or releases what is locked."""
        return self.send(account, "resolveLock", mirror, epoch, burned)

    def settle(self, account: Account, fund: int, reveals: Sequence[Reveal]) -> Receipt:
        """Settles funded epochs in order, one for each reveal; without any it gives deposits their price."""
        given = [(one.vector, list(one.proof)) for one in reveals]
        return self.send(account, "settle", fund, given, purpose=f"settle:{fund}")

    def withdraw(self, account: Account, mirror: int) -> Receipt:
        """Sends a mirror's credit to its payout address."""
        return self.send(account, "withdraw", mirror)

    def withdraw_fee(self, account: Account, committee: int, token: str) -> Receipt:
        """Sends a committee its fees in one token."""
        return self.send(account, "withdrawFee", committee, token)


def _due(state: FundState, epoch: int) -> int | None:
    """Whose report will pay an epoch that the contract has not come to: as it will decide it, from the money free."""
    at, free, offer = state.accrued, max(0, state.free_wei), state.offer
    if 0 < state.changes_at <= epoch:
        before = max(0, state.changes_at - at)
        free -= min(free // offer.reward_wei, before) * offer.reward_wei
        at, offer = at + before, state.next_offer
    return offer.committee if epoch - at < free // offer.reward_wei else None
