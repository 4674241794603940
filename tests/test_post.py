"""Posting a report and withdrawing: by anyone, any number of times, with one effect."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from oracle import post
from oracle.attest import digest_of, members_message, report_message
from oracle.chain.committee import CommitteeContract
from oracle.chain.fund import FundContract
from oracle.chain.structs import Outcome
from oracle.errors import TransactionFailed
from oracle.model import ONE, Digest, FundId
from oracle.post import Answer, Posted
from oracle.store import ledger, tables
from oracle.store.outbox import StoredOutbox
from oracle.store.transactions import load_transactions
from tests.fixtures.node import run_module
from tests.fixtures.stage import EVIDENCE, FEE_BPS, QUORUM, REWARD, Stage

# ---------------------------------------------------------------------------------------------------- signatures


def test_members_and_contract_sign_the_same_digest(stage: Stage) -> None:
    contract, (a, *_), root = stage.world.committee, stage.members, Digest("0x" + "12" * 32)
    config = contract.config_at(1, 7)
    message = report_message(stage.domain, 1, 7, config.digest, root, EVIDENCE)
    assert digest_of(message) == contract.report_digest(1, 7, root, EVIDENCE)
    change = members_message(stage.domain, 1, 2, [a], 1, a, 9)
    assert digest_of(change) == contract.members_digest(1, [a], 1, a, 9)


def test_the_digest_is_that_of_ethers(stage: Stage) -> None:
    config, root = stage.world.committee.config_at(1, 7), Digest("0x" + "12" * 32)
    fields = [("committee", "uint256"), ("epoch", "uint256"), ("config", "bytes32"), ("root", "bytes32")]
    types = {"Report": [{"name": name, "type": kind} for name, kind in [*fields, ("evidence", "bytes32")]]}
    domain = {"name": "Mirrorbond", "version": "1", "chainId": 31337, "verifyingContract": stage.domain.contract}
    value = {"committee": 1, "epoch": 7, "config": config.digest, "root": root, "evidence": EVIDENCE}
    script = (
        "import { TypedDataEncoder } from 'ethers';"
        f"console.log(TypedDataEncoder.hash({json.dumps(domain)}, {json.dumps(types)}, {json.dumps(value)}))"
    )
    message = report_message(stage.domain, 1, 7, config.digest, root, EVIDENCE)
    assert run_module(script).strip() == digest_of(message)


# -------------------------------------------------------------------------------------------------------- report


def test_a_report_is_posted_once_whoever_tries(stage: Stage) -> None:
    root, other = Digest("0x" + "12" * 32), Digest("0x" + "34" * 32)
    epoch = stage.world.epoch()
    assert stage.send(epoch, root).answer is Answer.TOO_EARLY
    stage.world.next_epoch()
    assert stage.send(epoch, root, signers=2).answer is Answer.TOO_FEW
    first = stage.send(epoch, root)
    assert (first.answer, first.root) == (Answer.POSTED, root)
    assert stage.send(epoch, root, sender="member b") == Posted(Answer.ALREADY_REPORTED, root)
    assert stage.send(epoch, other, sender="member b") == Posted(Answer.ALREADY_REPORTED, root)
    assert stage.world.committee.outcome(1, epoch) == (Outcome.PENDING, root)
    assert [one["root"] for one in stage.rows(tables.chain_reports)] == [root]
    assert [(one.purpose, one.state) for one in load_transactions(stage.engine)] == [(f"report:1:{epoch}", "done")]


def test_a_report_that_loses_the_race_is_answered_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another node's report comes after we looked and before ours arrives."""
    root, other = Digest("0x" + "12" * 32), Digest("0x" + "34" * 32)
    epoch = stage.world.epoch()
    stage.world.next_epoch()
    look = stage.world.committee.outcome
    looked: list[int] = []

    def outcome(committee: int, asked: int) -> Any:
        answer = look(committee, asked)
        if not looked:
            looked.append(asked)
            stage.world.committee.report(stage.world.account("member d"), 1, epoch, other, EVIDENCE, signed)
        return answer

    config = stage.world.committee.config_at(1, epoch)
    theirs = stage.sign(epoch, other)
    signed = {i: bytes.fromhex(theirs[m][2:]) for i, m in enumerate(config.members) if m in theirs}
    monkeypatch.setattr(stage.world.committee, "outcome", outcome)
    assert stage.send(epoch, root) == Posted(Answer.ALREADY_REPORTED, other)


def test_a_report_after_the_grace_is_too_late(stage: Stage) -> None:
    epoch = stage.world.epoch()
    stage.world.next_epoch(2)
    assert stage.send(epoch, Digest("0x" + "12" * 32)).answer is Answer.TOO_LATE


def test_a_strangers_signature_is_refused_by_name(stage: Stage) -> None:
    epoch, root = stage.world.epoch(), Digest("0x" + "12" * 32)
    stage.world.next_epoch()
    signatures = stage.sign(epoch, root)
    signatures[stage.members[0]] = next(iter(stage.sign(epoch + 1, root).values()))
    account = stage.world.account("member a")
    if len(signatures) < QUORUM + 1:
        signatures |= stage.sign(epoch, root, 4) | {stage.members[0]: signatures[stage.members[0]]}
    with pytest.raises(TransactionFailed, match="report was refused: WrongSignature"):
        post.post_report(stage.engine, stage.world.committee, account, 1, epoch, root, EVIDENCE, signatures)


# --------------------------------------------------------------------------------------------------- withdrawals


def test_everyone_is_sent_their_credit_once(stage: Stage) -> None:
    fund = stage.fund(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, 0]})
    stage.world.next_epoch()
    stage.settle(fund)
    stage.index()
    mirrors = ledger.mirrors_of(stage.engine, fund)
    credit = stage.world.fund.credit_of(mirrors[0].mirror)
    anyone = stage.world.account("anyone")
    assert post.withdraw_all(stage.engine, stage.world.fund, anyone, fund) == {mirrors[0].mirror: credit}
    assert post.withdraw_all(stage.engine, stage.world.fund, anyone, fund) == {}
    assert stage.world.token.balance(mirrors[0].payout) == credit > 0
    assert [row["amount_wei"] for row in stage.rows(tables.withdrawals)] == [credit]
    fee = REWARD * FEE_BPS // 10_000
    for sent in (fee, 0):
        assert post.withdraw_fee(stage.engine, stage.world.fund, anyone, 1, stage.world.token.address) == sent
    assert stage.world.token.balance(stage.world.account("treasurer").address) == fee
    assert [row["amount_wei"] for row in stage.rows(tables.fee_withdrawals)] == [fee]


def test_a_withdrawal_that_loses_the_race_sends_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.fund(1)
    stage.index()
    anyone, contract = stage.world.account("anyone"), stage.world.fund
    for owed in ("credit_of", "fees"):
        monkeypatch.setattr(contract, owed, lambda *_: 1)
    assert post.withdraw(stage.engine, contract, anyone, 1) == 0
    assert post.withdraw_fee(stage.engine, contract, anyone, 1, stage.world.token.address) == 0
    assert load_transactions(stage.engine) == []


class Killed(BaseException):
    """The process ended between the block and its receipt."""


def die(*_: object) -> Any:
    raise Killed


def pay(stage: Stage, fund: FundId) -> None:
    """One more epoch of a fund with one mirror."""
    epoch = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(epoch, {fund: [ONE]})
    stage.world.next_epoch()
    stage.settle(fund)


def test_what_a_killed_run_had_sent_does_not_stand_for_what_is_owed_since(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund, anyone, token = stage.fund(1), stage.world.account("anyone"), stage.world.token
    node = FundContract(replace(stage.world.dev.chain, outbox=StoredOutbox(stage.engine)), stage.world.fund.address)
    pay(stage, fund)
    (mirror,) = ledger.mirrors_of(stage.engine, fund)
    payouts = (mirror.payout, stage.world.account("treasurer").address)
    sends: tuple[Callable[[], int], ...] = (
        lambda: post.withdraw(stage.engine, node, anyone, mirror.mirror),
        lambda: post.withdraw_fee(stage.engine, node, anyone, 1, token.address),
    )
    with monkeypatch.context() as killed:
        killed.setattr("oracle.chain.transactions._await", die)
        for send in sends:
            with pytest.raises(Killed):
                send()
    stage.world.dev.mine()
    first = [token.balance(payout) for payout in payouts]
    pay(stage, fund)
    owed = [node.credit_of(mirror.mirror), node.fees(1, token.address)]
    assert min(first + owed) > 0
    assert [send() for send in sends] == [then + now for then, now in zip(first, owed, strict=True)]
    assert [token.balance(payout) for payout in payouts] == [then + now for then, now in zip(first, owed, strict=True)]
    assert [send() for send in sends] == [0, 0]


def test_what_a_reorganisation_undid_is_done_again_though_its_receipt_was_seen(stage: Stage) -> None:
    fund, anyone, rpc = stage.fund(1), stage.world.account("anyone"), stage.world.dev.chain.rpc
    pay(stage, fund)
    (mirror,) = ledger.mirrors_of(stage.engine, fund)
    chain = replace(stage.world.dev.chain, outbox=StoredOutbox(stage.engine))
    node = FundContract(chain, stage.world.fund.address)
    stage.world.committee = CommitteeContract(chain, stage.world.committee.address)
    epoch, root, credit = stage.world.epoch() - 1, Digest("0x" + "12" * 32), node.credit_of(mirror.mirror)

    def is_done() -> None:
        assert stage.send(epoch, root).answer is Answer.POSTED
        assert post.withdraw(stage.engine, node, anyone, mirror.mirror) == credit > 0
        assert stage.world.token.balance(mirror.payout) == credit
        assert stage.rows(tables.chain_reports)[-1]["root"] == root

    before = rpc("evm_snapshot")
    is_done()
    rpc("evm_revert", before)
    assert stage.world.token.balance(mirror.payout) == 0
    is_done()
    assert [row["amount_wei"] for row in stage.rows(tables.withdrawals)] == [credit]
