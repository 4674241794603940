"""Settling: by anyone, any number of times, with one effect."""

import json
from dataclasses import replace
from typing import Any

import pytest

from oracle import evidence, merkle, settle
from oracle.chain import transactions
from oracle.chain.fund import FundContract
from oracle.chain.structs import Offer, Reveal
from oracle.digests import to_digest
from oracle.errors import ChainUnreachable, FeeTooHigh, TransactionFailed, TransactionPending
from oracle.model import ONE, CommitteeId, Epoch, Policy, canonical
from oracle.payout import shares
from oracle.store import ledger, tables
from oracle.store.outbox import StoredOutbox
from oracle.store.reports import save_evidence
from tests.fixtures.node import run_module
from tests.fixtures.stage import EVIDENCE, FEE_BPS, QUORUM, REWARD, TARGET, Stage


def test_epochs_settle_in_order_and_credits_are_those_of_the_contract(stage_on_any_store: Stage) -> None:
    stage = stage_on_any_store
    fund, other = stage.fund(3), stage.fund(2)
    first = stage.world.next_epoch()
    weights = {first: [ONE, ONE // 2, 7], first + 1: [ONE, 0, ONE // 3], first + 2: [1, 2, 3]}
    for epoch, given in weights.items():
        stage.world.next_epoch()
        stage.report(epoch, {fund: given, other: [ONE, ONE]})
    assert stage.settle(fund).epochs == (first, first + 1)
    waiting = stage.settle(fund)
    assert (waiting.epochs, waiting.stopped_at, waiting.reason) == ((), first + 2, "not_final")
    stage.world.next_epoch()
    assert stage.settle(fund).epochs == (first + 2,)
    assert stage.settle(fund, sender="another node").epochs == ()
    rows = stage.rows(tables.credits)
    expected = [
        shares(REWARD, TARGET, FEE_BPS, dict(enumerate(given))).credits[position]
        for position in range(3)
        for given in weights.values()
    ]
    assert [row["amount_wei"] for row in rows if row["fund"] == fund] == expected
    for mirror in ledger.mirrors_of(stage.engine, fund):
        credited = sum(row["amount_wei"] for row in rows if row["mirror"] == mirror.mirror)
        assert stage.world.fund.credit_of(mirror.mirror) == credited > 0
    settlements = [row for row in stage.rows(tables.settlements) if row["fund"] == fund]
    assert all(row["paid_wei"] + row["returned_wei"] == REWARD for row in settlements)
    assert {row["settlement"] for row in settlements} == {"paid"}


def test_a_missed_epoch_pays_nothing_and_does_not_hold_up_the_next(stage: Stage) -> None:
    fund = stage.fund(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch(3)
    stage.report(first + 2, {fund: [ONE, ONE]})
    stage.world.dev.pass_time(20)
    assert stage.settle(fund).epochs == (first, first + 1, first + 2)
    settlements = stage.rows(tables.settlements)
    assert [row["settlement"] for row in settlements] == ["missed", "missed", "paid"]
    assert [row["paid_wei"] for row in settlements[:2]] == [0, 0]


def test_an_epoch_without_evidence_waits_until_it_may_be_given_up_and_whoever_asks_is_patient_no_more(
    stage: Stage,
) -> None:
    fund, patience = stage.fund(2), 3
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]}, keep=False)
    stage.world.next_epoch()
    waiting = stage.settle(fund, give_up_after=0)
    assert (waiting.epochs, waiting.stopped_at, waiting.reason) == ((), first, "no_evidence")
    assert (
        stage.world.next_epoch(stage.world.fund.terms().settle_time - 1)
        == first + 1 + stage.world.fund.terms().settle_time
    )
    for not_yet in (None, patience):
        assert stage.settle(fund, give_up_after=not_yet).epochs == ()
    stage.world.next_epoch(patience - 1)
    assert stage.settle(fund, give_up_after=patience).reason == "no_evidence"
    stage.world.next_epoch()
    assert stage.settle(fund).reason == "no_evidence"
    assert first in stage.settle(fund, give_up_after=patience).epochs
    assert stage.rows(tables.settlements)[0]["settlement"] == "given_up"


def test_an_epoch_without_evidence_is_given_up_at_once_where_it_holds_up_one_that_can_be_paid(stage: Stage) -> None:
    """Else anyone, to whose deposit it returns, could give up the later one too, and those after it."""
    fund, settle_time = stage.fund(2), stage.world.fund.terms().settle_time
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]}, keep=False)
    stage.world.next_epoch()
    stage.report(first + 1, {fund: [ONE, ONE]})
    stage.world.next_epoch(settle_time - 2)
    assert stage.settle(fund, give_up_after=settle_time).epochs == (), "not before the contract lets anyone"
    assert stage.world.next_epoch() == first + 1 + settle_time
    assert stage.settle(fund).reason == "no_evidence", "nor for who gives nothing up"
    assert stage.settle(fund, give_up_after=settle_time).epochs[:2] == (first, first + 1)
    assert [row["settlement"] for row in stage.rows(tables.settlements)[:2]] == ["given_up", "paid"]


@pytest.mark.parametrize("vector", [b"\xff" * 4, b"\xff" * 3])
def test_a_report_of_a_vector_that_cannot_be_paid_is_no_end_of_the_work(stage: Stage, vector: bytes) -> None:
    fund, settle_time = stage.fund(2), stage.world.fund.terms().settle_time
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.index()
    digest, payload = ledger.mirrors_digest_at(stage.engine, fund, first), merkle.vector_digest(vector)
    leaf = merkle.leaf(merkle.WEIGHTS, stage.world.fund.address, fund, first, digest, payload)
    stage.send(first, to_digest(leaf))
    stage.world.next_epoch()
    waiting = stage.settle(fund)
    assert (waiting.stopped_at, waiting.reason) == (first, "no_evidence")
    stage.world.next_epoch(settle_time)
    assert first in stage.settle(fund, give_up_after=0).epochs
    assert stage.rows(tables.settlements)[0]["settlement"] == "given_up"


def test_evidence_is_used_as_long_as_it_is_there_even_when_the_epoch_may_be_given_up(stage: Stage) -> None:
    fund = stage.fund(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]})
    stage.world.next_epoch(stage.world.fund.terms().settle_time + 2)
    assert first in stage.settle(fund, give_up_after=0).epochs
    assert stage.rows(tables.settlements)[0]["settlement"] == "paid"


def test_an_endpoint_without_an_answer_just_now_makes_no_epoch_be_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund, anyone = stage.fund(2), stage.world.account("anyone")
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]})
    stage.world.next_epoch(stage.world.fund.terms().settle_time + 2)
    call, asked = stage.world.fund.call, []

    def limited(function: str, *args: Any) -> Any:
        asked.append(function)
        # the first one asks which epoch is next, the second whether the vector is right
        if function == "settle" and asked.count("settle") == 2:
            raise TransactionFailed(function, "rate limited")
        return call(function, *args)

    monkeypatch.setattr(stage.world.fund, "call", limited)
    with pytest.raises(TransactionFailed, match="rate limited"):
        stage.settle(fund, give_up_after=0)
    assert stage.world.dev.chain.web3.eth.get_transaction_count(anyone.address) == 0
    assert first in stage.settle(fund).epochs
    assert stage.rows(tables.settlements)[0]["settlement"] == "paid"


def test_evidence_of_another_set_than_the_one_reported_is_not_used(stage: Stage) -> None:
    fund = stage.fund(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]})
    files = evidence.files(
        Epoch(first),
        evidence.Panel(CommitteeId(1), tuple(stage.members), QUORUM, EVIDENCE),
        stage.world.fund.address,
        [],
        [stage._outcome(fund, first, [ONE, 0])],
    )
    save_evidence(stage.engine, 1, first, files)
    stage.world.next_epoch()
    assert stage.settle(fund).reason == "no_evidence"
    save_evidence(stage.engine, 1, first, {"report.json": b"[]", f"funds/{fund}.json": b"{}"})
    assert stage.settle(fund).reason == "no_evidence"


def test_dry_epochs_are_passed_over(stage: Stage) -> None:
    fund = stage.fund(1, deposit=2 * REWARD)
    first = stage.world.next_epoch()
    stage.world.next_epoch(5)
    settled = stage.settle(fund)
    assert settled.epochs == (first, first + 1)
    assert (settled.stopped_at, settled.reason) == (None, None)


def test_a_fund_without_mirrors_owes_nobody(stage: Stage) -> None:
    fund = stage.fund(0)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: []})
    stage.world.dev.pass_time(20)
    assert stage.settle(fund).epochs == (first,)
    assert [(row["settlement"], row["paid_wei"]) for row in stage.rows(tables.settlements)] == [("paid", 0)]


def test_many_epochs_settle_in_batches_that_a_block_takes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "MOST_EPOCHS", 4)
    fund = stage.fund(1)
    first = stage.world.next_epoch()
    stage.world.next_epoch(10)
    settled = stage.settle(fund)
    assert settled.epochs == tuple(range(first, first + 9))
    assert len(settled.tx_hashes) == 3


def test_two_nodes_that_settle_at_once_settle_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    fund = stage.fund(1)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE]})
    stage.world.next_epoch()
    send = stage.world.fund.settle

    def overtaken(account: Any, asked: int, reveals: Any) -> Any:
        monkeypatch.setattr(stage.world.fund, "settle", send)
        send(stage.world.account("another node"), asked, reveals)
        return send(account, asked, reveals)

    monkeypatch.setattr(stage.world.fund, "settle", overtaken)
    assert stage.settle(fund).epochs == ()
    assert len(stage.rows(tables.settlements)) == 1


def test_one_fund_that_cannot_be_settled_does_not_hold_up_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fund = stage.fund(1), stage.fund(1)
    first = stage.world.next_epoch()
    stage.world.next_epoch(3)
    stage.index()
    send = stage.world.fund.settle

    def refuse(account: Any, asked: int, reveals: Any) -> Any:
        if asked == broken:
            raise TransactionFailed("settle", "Reverted")
        return send(account, asked, reveals)

    monkeypatch.setattr(stage.world.fund, "settle", refuse)
    done = settle.settle_all(stage.engine, stage.world.fund, stage.world.account("anyone"), 1)
    assert {number: settled.epochs for number, settled in done.items()} == {broken: (), fund: (first, first + 1)}
    assert (done[broken].error, done[fund].error) == ("settle was refused: Reverted", None)


def test_strangers_funds_are_settled_at_their_own_expense(stage: Stage) -> None:
    world, anyone = stage.world, stage.world.account("anyone")
    world.committee.create_committee(anyone, [anyone.address], 1, anyone.address)
    theirs = world.create_fund(anyone, Offer(1, 1, 0, 2), token=world.token.address)
    stage.top_up(theirs, 10)
    first = world.next_epoch()
    world.next_epoch(3)
    stage.index()
    sent = world.dev.chain.web3.eth.get_transaction_count(anyone.address)
    assert settle.settle_all(stage.engine, world.fund, anyone, 1) == {}
    assert world.dev.chain.web3.eth.get_transaction_count(anyone.address) == sent
    assert settle.settle_all(stage.engine, world.fund, anyone, 2)[theirs].epochs == (first, first + 1)


def test_a_fund_that_went_to_another_committee_is_settled_as_far_as_it_was_ours(stage: Stage) -> None:
    fund, world = stage.fund(0), stage.world
    stage.index()
    world.committee.create_committee(world.account("rival"), [world.account("rival").address], 1, world.token.address)
    world.next_epoch()
    world.announce_change(world.account("developer"), fund, Offer(1, 1, 0, 2), canonical(Policy().to_json()))
    world.next_epoch(world.fund.terms().change_notice + 3)
    stage.index()
    for committee in (1, 2):
        assert ledger.funds_to_settle(stage.engine, committee) == (fund,)
    assert settle.settle_all(stage.engine, world.fund, world.account("anyone"), 1)[fund].epochs
    stage.index()
    assert ledger.funds_to_settle(stage.engine, 1) == ()
    assert ledger.funds_to_settle(stage.engine, 2) == (fund,)


def test_a_run_that_was_cut_short_is_taken_up_at_the_next_fund(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    funds = [stage.fund(0) for _ in range(3)]
    stage.index()
    asked: list[int] = []
    passing = [TransactionPending("settle", "0x", 1), FeeTooHigh("settle", 2, 1), KeyError("epoch")]

    def cut(*args: Any) -> Any:
        asked.append(args[3])
        raise [ChainUnreachable("no answer"), *passing][len(asked) - 1]

    monkeypatch.setattr(settle, "settle_ready", cut)
    anyone = stage.world.account("anyone")
    with pytest.raises(ChainUnreachable):
        settle.settle_all(stage.engine, stage.world.fund, anyone, 1)
    done = settle.settle_all(stage.engine, stage.world.fund, anyone, 1)
    assert all(one.error and not one.epochs for one in done.values())
    assert asked == [funds[0], funds[1], funds[2], funds[0]]


def test_proofs_made_by_openzeppelins_library_settle(stage: Stage) -> None:
    funds = [stage.fund(1) for _ in range(5)]
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.index()
    rows, vectors = [], {}
    for number, fund in enumerate(funds):
        outcome = stage._outcome(fund, first, [ONE // (number + 1)])
        vectors[fund] = outcome.vector
        payload = merkle.vector_digest(outcome.vector)
        rows.append(["1", stage.world.fund.address, str(fund), str(first), outcome.case.mirrors_digest, payload])
    types = ["uint8", "address", "uint256", "uint256", "bytes32", "bytes32"]
    script = (
        "import { StandardMerkleTree } from '@openzeppelin/merkle-tree';"
        f"const tree = StandardMerkleTree.of({json.dumps(rows)}, {json.dumps(types)});"
        "console.log(JSON.stringify({root: tree.root, proofs: [...tree.entries()].map(([i]) => tree.getProof(i))}))"
    )
    theirs = json.loads(run_module(script))
    root = stage.report(first, {fund: [ONE // (number + 1)] for number, fund in enumerate(funds)}, keep=False)
    assert theirs["root"] == root
    stage.world.dev.pass_time(20)
    for fund, proof in zip(funds, theirs["proofs"], strict=True):
        reveal = Reveal(vectors[fund], tuple(bytes.fromhex(one[2:]) for one in proof))
        stage.world.fund.settle(stage.world.account("anyone"), fund, [reveal])
    assert [row["settlement"] for row in stage.rows(tables.settlements)] == ["paid"] * 5


def test_a_settlement_that_landed_after_its_time_limit_is_told_by_the_next_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund, dev = stage.fund(1), stage.world.dev
    node = FundContract(replace(dev.chain, outbox=StoredOutbox(stage.engine)), stage.world.fund.address)
    monkeypatch.setattr(stage.world, "fund", node)
    monkeypatch.setattr(transactions.transact, "__defaults__", (0.3,))
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE]})
    dev.pass_time(20)
    dev.chain.rpc("evm_setAutomine", False)
    for _ in range(2):
        with pytest.raises(TransactionPending):
            stage.settle(fund)
    assert dev.chain.web3.eth.get_transaction_count(stage.world.account("anyone").address, "pending") == 1
    dev.mine()
    dev.chain.rpc("evm_setAutomine", True)
    stage.world.next_epoch()
    stage.report(first + 1, {fund: [ONE]})
    dev.pass_time(20)
    settled = stage.settle(fund)
    assert (settled.epochs, len(settled.tx_hashes)) == ((first, first + 1), 2)


def test_deposits_of_an_idle_fund_get_their_price(stage: Stage) -> None:
    """No epoch of it is funded, so no settlement would ever give them one."""
    world, developer = stage.world, stage.world.account("developer")
    fund, deposit = stage.fund(0, deposit=REWARD - 1), 1
    stage.index()
    assert stage.settle(fund) == settle.Settled()  # it joins with the next epoch
    world.next_epoch()
    assert [len(stage.settle(fund).tx_hashes) for _ in range(2)] == [1, 0]
    world.fund.give_notice(developer, deposit)
    world.next_epoch(world.fund.terms().deposit_notice)
    world.fund.depart(developer, deposit)
    assert stage.settle(fund) == settle.Settled()
    world.next_epoch()
    left = stage.settle(fund)
    assert (left.epochs, len(left.tx_hashes), left.reason) == ((), 1, None)
    world.fund.collect(developer, deposit)
    assert world.token.balance(developer.address) == REWARD - 1
