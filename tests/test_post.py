"""Posting, settling and withdrawing: by anyone, any number of times, with one effect."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from oracle import evidence, merkle, post
from oracle.attest import Domain, digest_of, members_message, report_message, sign
from oracle.chain.contracts import in_order
from oracle.chain.structs import Offer, Outcome, Reveal
from oracle.errors import TransactionFailed
from oracle.indexer import index_once
from oracle.model import (
    ONE,
    Address,
    CommitteeId,
    Digest,
    Epoch,
    FundId,
    FundResult,
    MirrorId,
    Policy,
    RankedMirror,
    Weight,
    canonical,
)
from oracle.payout import shares
from oracle.post import Answer, Posted
from oracle.store import ledger, tables
from oracle.store.db import close_store, open_store
from oracle.store.reports import save_evidence
from oracle.store.transactions import load_transactions
from tests.fixtures.chain import World

REWARD = 1_000_003
TARGET = 3
FEE_BPS = 500
MEMBERS = ("member a", "member b", "member c", "member d")
QUORUM = 3
EVIDENCE = Digest("0x" + "e1" * 32)
MERKLE_JS = Path(__file__).parent.parent / "node_modules" / "@openzeppelin" / "merkle-tree"


@dataclass
class Stage:
    """A committee of four with a quorum of three, and funds with mirrors, indexed into a store."""

    world: World
    engine: sa.Engine
    home: Path

    def index(self) -> None:
        index_once(self.engine, self.world.dev.chain, self.world.settings(self.home))

    @property
    def domain(self) -> Domain:
        return Domain(31_337, self.world.committee.address)

    @property
    def members(self) -> list[Address]:
        return [Address(one) for one in in_order([self.world.account(role).address for role in MEMBERS])]

    def fund(self, operators: int, deposit: int = 1_000 * REWARD) -> FundId:
        """A fund with so many mirrors, which count from the next epoch on."""
        world, developer = self.world, self.world.account("developer")
        offer = Offer(REWARD, TARGET, FEE_BPS, 1)
        terms = (offer, 0, "notes", canonical(Policy().to_json()), Digest("0x" + "ab" * 32), "https://notes.example/m")
        fund, _ = world.fund.create_fund(developer, world.token.address, *terms)
        world.token.mint(developer, developer.address, deposit)
        world.token.approve(developer, world.fund.address, deposit)
        world.fund.top_up(developer, fund, deposit)
        for number in range(operators):
            account = world.account(f"operator {number}")
            world.fund.register(account, fund, f"https://m{number}.example/", account.address, 0)
        return fund

    def sign(self, epoch: int, root: Digest, signers: int = QUORUM) -> dict[str, str]:
        """The signatures of the first members."""
        config = self.world.committee.config_at(1, epoch)
        message = report_message(self.domain, 1, epoch, config.digest, root, EVIDENCE)
        return {self.world.account(role).address: sign(self.world.account(role), message) for role in MEMBERS[:signers]}

    def send(self, epoch: int, root: Digest, sender: str = "member a", signers: int = QUORUM) -> Posted:
        signatures = self.sign(epoch, root, signers)
        account = self.world.account(sender)
        return post.post_report(self.engine, self.world.committee, account, 1, epoch, root, EVIDENCE, signatures)

    def report(self, epoch: int, weights: dict[FundId, list[int]], keep: bool = True) -> Digest:
        """Posts a report of the weights by position, and keeps its evidence."""
        self.index()
        panel = evidence.Panel(CommitteeId(1), tuple(self.members), QUORUM, Digest("0x" + "cc" * 32))
        outcomes = [self._outcome(fund, epoch, given) for fund, given in weights.items()]
        files = evidence.files(Epoch(epoch), panel, self.world.fund.address, [], outcomes)
        if keep:
            save_evidence(self.engine, 1, epoch, files)
        assert self.send(epoch, evidence.root(outcomes)).answer is Answer.POSTED
        return evidence.root(outcomes)

    def _outcome(self, fund: FundId, epoch: int, weights: list[int]) -> evidence.Outcome:
        counting = ledger.mirrors_at(self.engine, fund, epoch)
        ranked = tuple(RankedMirror(m.mirror, m.position, m.operator, m.url, rank) for rank, m in enumerate(counting))
        given = tuple(_weight(m.mirror, m.position, weights[m.position]) for m in counting)
        digest = ledger.mirrors_digest_at(self.engine, fund, epoch)
        case = evidence.FundEpoch(
            fund,
            Epoch(epoch),
            CommitteeId(1),
            REWARD,
            TARGET,
            FEE_BPS,
            Policy(),
            Digest("0x" + "ab" * 32),
            digest,
            ranked,
        )
        result = FundResult(fund, Epoch(epoch), 288, 288, 0, sum(weights), given, ranked)
        vector = merkle.vector(given, case.positions)
        leaf = merkle.leaf(1, self.world.fund.address, fund, epoch, digest, merkle.vector_digest(vector))
        return evidence.Outcome(case, result, vector, leaf)

    def settle(self, fund: FundId, sender: str = "anyone") -> post.Settled:
        return post.settle_ready(self.engine, self.world.fund, self.world.account(sender), fund)

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        self.index()
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]


def _weight(mirror: MirrorId, position: int, weight: int) -> Weight:
    return Weight(mirror, position, weight, weight, True, 288, 288, 10, 10_000, 10_000, {})


@pytest.fixture
def stage(world: World, tmp_path: Path) -> Iterator[Stage]:
    url = f"sqlite:///{tmp_path / 'stage.sqlite3'}"
    yield _stage(world, open_store(url), tmp_path)
    close_store(url)


@pytest.fixture
def stage_on_any_store(world: World, store: sa.Engine, tmp_path: Path) -> Stage:
    return _stage(world, store, tmp_path)


def _stage(world: World, engine: sa.Engine, home: Path) -> Stage:
    stage = Stage(world, engine, home)
    treasurer = world.account("treasurer").address
    world.committee.create_committee(world.account("developer"), stage.members, QUORUM, treasurer)
    return stage


# ---------------------------------------------------------------------------------------------------- signatures


def test_members_and_contract_sign_the_same_digest(stage: Stage) -> None:
    contract, (a, *_), root = stage.world.committee, stage.members, Digest("0x" + "12" * 32)
    config = contract.config_at(1, 7)
    message = report_message(stage.domain, 1, 7, config.digest, root, EVIDENCE)
    assert digest_of(message) == contract.report_digest(1, 7, root, EVIDENCE)
    change = members_message(stage.domain, 1, 2, [a], 1, a)
    assert digest_of(change) == contract.members_digest(1, [a], 1, a)


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
    assert run_node(script).strip() == digest_of(message)


def run_node(script: str) -> str:
    """What an ES module prints, run in the repository."""
    repository = Path(__file__).parent.parent
    node = repository / ".venv" / "node" / "bin" / "node"
    argv = [str(node), "--input-type=module", "-e", script]
    run = subprocess.run(argv, cwd=repository, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


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
    look, looked = stage.world.committee.outcome, []

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


# ---------------------------------------------------------------------------------------------------- settlement


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


def test_an_epoch_without_evidence_waits_until_it_may_be_given_up(stage: Stage) -> None:
    fund = stage.fund(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]}, keep=False)
    stage.world.next_epoch()
    waiting = stage.settle(fund)
    assert (waiting.epochs, waiting.stopped_at, waiting.reason) == ((), first, "no_evidence")
    stage.world.next_epoch(stage.world.fund.terms().settle_time)
    assert first in stage.settle(fund).epochs
    assert stage.rows(tables.settlements)[0]["settlement"] == "given_up"


def test_evidence_is_used_as_long_as_it_is_there_even_when_the_epoch_may_be_given_up(stage: Stage) -> None:
    fund = stage.fund(2)
    first = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(first, {fund: [ONE, ONE]})
    stage.world.next_epoch(stage.world.fund.terms().settle_time + 2)
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
    monkeypatch.setattr(post, "MOST_EPOCHS", 4)
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
    settle = stage.world.fund.settle

    def overtaken(account: Any, asked: int, reveals: Any) -> Any:
        monkeypatch.setattr(stage.world.fund, "settle", settle)
        settle(stage.world.account("another node"), asked, reveals)
        return settle(account, asked, reveals)

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
    settle = stage.world.fund.settle

    def refuse(account: Any, asked: int, reveals: Any) -> Any:
        if asked == broken:
            raise TransactionFailed("settle", "Reverted")
        return settle(account, asked, reveals)

    monkeypatch.setattr(stage.world.fund, "settle", refuse)
    done = post.settle_all(stage.engine, stage.world.fund, stage.world.account("anyone"))
    assert {number: settled.epochs for number, settled in done.items()} == {fund: (first, first + 1)}


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
    theirs = json.loads(run_node(script))
    root = stage.report(first, {fund: [ONE // (number + 1)] for number, fund in enumerate(funds)}, keep=False)
    assert theirs["root"] == root
    stage.world.dev.pass_time(20)
    for fund, proof in zip(funds, theirs["proofs"], strict=True):
        reveal = Reveal(vectors[fund], tuple(bytes.fromhex(one[2:]) for one in proof))
        stage.world.fund.settle(stage.world.account("anyone"), fund, [reveal])
    assert [row["settlement"] for row in stage.rows(tables.settlements)] == ["paid"] * 5


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
    fund = stage.fund(1)
    stage.index()
    monkeypatch.setattr(stage.world.fund, "credit_of", lambda mirror: 1)
    assert post.withdraw_all(stage.engine, stage.world.fund, stage.world.account("anyone"), fund) == {}
