"""Any node locks stakes that reports ask for and ends what nobody decided: once, and never before its time."""

import json
from typing import Any

import pytest

from oracle import disputes
from oracle.chain.structs import LockState, Outcome
from oracle.disputes import conclude_challenges, due_locks, follow_disputes, place_locks, release_locks, segments_of
from oracle.errors import ChainUnreachable, TransactionPending
from oracle.model import ONE, FundId, canonical
from oracle.store import dispute_tables, tables
from oracle.store.reports import load_evidence_file, save_evidence
from oracle.store.transactions import load_transactions
from tests.fixtures.chain import ARBITRATION_S, ETHER, WINDOW_S
from tests.fixtures.stage import REWARD, Stage

STAKE = 1_000


def place(stage: Stage, sender: str = "anyone") -> list[tuple[int, int]]:
    """The locks that a node placed, by mirror and epoch."""
    stage.index()
    world = stage.world
    placed = place_locks(stage.engine, world.committee, world.fund, world.account(sender), 1)
    return [(slash.mirror, slash.epoch) for slash in placed]


def reported(stage: Stage, operators: int = 2, slashed: tuple[int, ...] = (2,)) -> tuple[FundId, int]:
    """A fund with an arbiter, and an epoch of it that was reported just now."""
    fund = stage.court(operators, stake=STAKE)
    epoch = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(epoch, {fund: [ONE] * operators}, slashed=slashed)
    return fund, epoch


def challenge(stage: Stage, fund: int, epoch: int) -> None:
    stage.world.committee.raise_challenge(stage.world.account("funder"), 1, epoch, stage.world.fund.address, fund, "no")


def test_a_stake_is_locked_once_when_the_report_is_final(stage: Stage) -> None:
    _, epoch = reported(stage)
    assert place(stage) == []
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == [(2, epoch)]
    assert place(stage) == []
    lock = stage.world.fund.lock_of(2, epoch)
    assert (lock.amount_wei, lock.state) == (STAKE // 5, LockState.LOCKED)
    assert stage.world.fund.lock_of(1, epoch).state is LockState.NONE
    assert [row["mirror"] for row in stage.rows(dispute_tables.locks)] == [2]


def test_two_nodes_that_lock_at_once_lock_once(stage: Stage) -> None:
    _, epoch = reported(stage)
    stage.world.dev.pass_time(WINDOW_S)
    stage.index()
    world = stage.world
    [slash] = due_locks(stage.engine, 1)
    assert place(stage) == [(2, epoch)]
    late = disputes._place(stage.engine, world.committee, world.fund, world.account("late"), 1, slash)
    assert late is False
    assert [one.state for one in load_transactions(stage.engine, "lock:")] == ["done"]


def test_a_challenged_report_locks_nothing_and_a_voided_one_never_will(stage: Stage) -> None:
    fund, epoch = reported(stage)
    challenge(stage, fund, epoch)
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == []
    assert load_transactions(stage.engine, "lock:") == []
    stage.world.committee.rule(stage.world.account("arbiter"), 1, epoch, stage.world.fund.address, fund, True)
    assert place(stage) == []
    [sent] = load_transactions(stage.engine, "lock:")
    assert (sent.purpose, sent.state, sent.error) == (f"lock:2:{epoch}", "refused", "voided")
    assert list(due_locks(stage.engine, 1)) == []


def test_a_stake_that_is_locked_as_far_as_it_may_be_is_locked_again_when_a_lock_is_released(stage: Stage) -> None:
    fund, epoch = reported(stage, slashed=(1, 2))
    arbiter, operator = stage.world.account("arbiter"), stage.world.account("operator 1")
    stage.world.fund.exit(operator, 2)
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == [(1, epoch), (2, epoch)]
    again = stage.world.next_epoch() - 1
    stage.report(again, {fund: [ONE, ONE]}, slashed=(1,))
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == [(1, again)]
    third = stage.world.next_epoch() - 1
    stage.report(third, {fund: [ONE]}, slashed=(1,))
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == [(1, third)]  # half of the stake in all: a fifth, a fifth, and the tenth that is left
    assert stage.world.fund.lock_of(1, third).amount_wei == STAKE // 10
    fourth = stage.world.next_epoch() - 1
    stage.report(fourth, {fund: [ONE]}, slashed=(1,))
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == []
    assert load_transactions(stage.engine, f"lock:1:{fourth}") == []
    stage.world.fund.resolve_lock(arbiter, 1, third, burned=False)
    assert place(stage) == [(1, fourth)]


def test_what_the_contract_will_never_take_is_not_tried_again(stage: Stage) -> None:
    fund = stage.court(1)  # without any stake
    epoch = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(epoch, {fund: [ONE]}, slashed=(1,))
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == []
    [refused] = load_transactions(stage.engine, "lock:")
    assert (refused.state, "NothingToLock" in (refused.error or "")) == ("refused", True)
    assert list(due_locks(stage.engine, 1)) == []


def test_a_node_that_could_not_pay_for_a_lock_places_it_later(stage: Stage) -> None:
    _, epoch = reported(stage)
    stage.world.dev.pass_time(WINDOW_S)
    purse = stage.world.account("anyone").address
    stage.world.dev.give(purse, 0)
    assert place(stage) == []
    stage.world.dev.give(purse, ETHER)
    assert place(stage) == [(2, epoch)]


def test_a_lock_that_cannot_be_placed_now_does_not_hold_up_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, epoch = reported(stage, slashed=(1, 2))
    stage.world.dev.pass_time(WINDOW_S)
    send = stage.world.fund.lock_stake

    def late(account: Any, mirror: int, *args: Any) -> Any:
        if mirror == 1:
            raise TransactionPending("lockStake", "0x" + "11" * 32, 1)
        return send(account, mirror, *args)

    monkeypatch.setattr(stage.world.fund, "lock_stake", late)
    assert place(stage) == [(2, epoch)]


def test_an_endpoint_that_does_not_answer_ends_the_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    reported(stage)
    stage.world.dev.pass_time(WINDOW_S)

    def silent(*_: Any) -> Any:
        raise ChainUnreachable("no answer")

    monkeypatch.setattr(stage.world.fund, "lock_stake", silent)
    with pytest.raises(ChainUnreachable):
        place(stage)


def test_disputes_of_other_committees_are_left_to_them(stage: Stage) -> None:
    fund, _ = reported(stage)
    world, anyone = stage.world, stage.world.account("anyone")
    stage.world.dev.pass_time(WINDOW_S)
    place(stage)
    world.next_epoch(world.fund.terms().lock_time)
    later = world.epoch() - 1
    stage.report(later, {fund: [ONE, ONE]})
    challenge(stage, fund, later)
    world.dev.pass_time(WINDOW_S + 1 + ARBITRATION_S)
    stage.index()
    sent = world.dev.chain.web3.eth.get_transaction_count(anyone.address)
    follow_disputes(stage.engine, world.committee, world.fund, anyone, 2)
    assert world.dev.chain.web3.eth.get_transaction_count(anyone.address) == sent
    assert [lock.mirror for lock in release_locks(stage.engine, world.fund, anyone, 1)] == [2]
    assert len(conclude_challenges(stage.engine, world.committee, world.fund, anyone, 1)) == 1


def test_an_epoch_that_nobody_pays_for_locks_nothing(stage: Stage) -> None:
    fund = stage.court(1, stake=STAKE, deposit=REWARD)
    stage.world.next_epoch(2)
    dry = stage.world.epoch()
    stage.world.next_epoch()
    stage.report(dry, {fund: [ONE]}, slashed=(1,))
    stage.world.dev.pass_time(WINDOW_S)
    assert place(stage) == []
    [refused] = load_transactions(stage.engine, "lock:")
    assert "NotFunded" in (refused.error or "")


def test_a_stake_is_locked_for_an_epoch_that_the_contract_has_not_written_down_as_funded(stage: Stage) -> None:
    fund = stage.court(1, stake=STAKE, deposit=REWARD)
    stage.world.next_epoch(3)
    stage.settle(fund)
    stage.top_up(fund, REWARD)
    epoch = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(epoch, {fund: [ONE]}, slashed=(1,))
    stage.world.dev.pass_time(WINDOW_S)
    assert stage.world.fund.fund_of(fund).segments == 1
    assert place(stage) == [(1, epoch)]


def test_evidence_that_is_none_locks_nothing(stage: Stage) -> None:
    _, epoch = reported(stage)
    stage.world.dev.pass_time(WINDOW_S)
    save_evidence(stage.engine, 1, epoch, {"report.json": b"[]"})
    assert place(stage) == []
    save_evidence(stage.engine, 1, epoch, {})
    assert place(stage) == []


def test_evidence_of_another_report_than_the_chain_has_locks_nothing(stage: Stage) -> None:
    fund, epoch = reported(stage)
    stage.world.dev.pass_time(WINDOW_S)
    sound = load_evidence_file(stage.engine, 1, epoch, "report.json") or b""
    other = json.loads(sound)
    other["leaves"][str(fund)] = "0x" + "11" * 32
    save_evidence(stage.engine, 1, epoch, {"report.json": canonical(other)})
    failures: dict[str, str] = {}
    stage.index()
    world = stage.world
    assert place_locks(stage.engine, world.committee, world.fund, world.account("anyone"), 1, failures) == []
    assert failures == {}
    save_evidence(stage.engine, 1, epoch, {"report.json": sound})
    assert place(stage) == [(2, epoch)]


def test_a_stake_is_not_locked_for_what_is_too_long_ago(stage: Stage) -> None:
    reported(stage)
    stage.world.next_epoch(stage.world.fund.terms().unbonding + 1)
    stage.index()
    assert list(due_locks(stage.engine, 1)) == []


def test_a_lock_that_nobody_confirms_is_released(stage: Stage) -> None:
    _, epoch = reported(stage)
    stage.world.dev.pass_time(WINDOW_S)
    place(stage)
    world, anyone = stage.world, stage.world.account("anyone")
    world.next_epoch(world.fund.terms().lock_time - 1)
    stage.index()
    assert release_locks(stage.engine, world.fund, anyone, 1) == []
    world.next_epoch()
    stage.index()
    assert [lock.mirror for lock in release_locks(stage.engine, world.fund, anyone, 1)] == [2]
    assert world.fund.lock_of(2, epoch).state is LockState.RELEASED
    assert release_locks(stage.engine, world.fund, anyone, 1) == []  # not indexed yet, and refused
    assert [row["state"] for row in stage.rows(dispute_tables.locks)] == ["released"]


def test_a_challenge_that_nobody_decides_is_concluded_and_the_report_pays(stage: Stage) -> None:
    fund, epoch = reported(stage)
    challenge(stage, fund, epoch)
    world, anyone = stage.world, stage.world.account("anyone")
    world.dev.pass_time(WINDOW_S + 1)
    waiting = stage.settle(fund)
    assert (waiting.stopped_at, waiting.reason) == (epoch, "not_final")
    stage.index()
    assert conclude_challenges(stage.engine, world.committee, world.fund, anyone, 1) == []
    world.dev.pass_time(ARBITRATION_S)
    stage.index()
    follow_disputes(stage.engine, world.committee, world.fund, anyone, 1)
    assert [row["ruling"] for row in stage.rows(dispute_tables.challenges)] == ["stands"]
    assert world.committee.outcome_for(1, epoch, world.fund.address, fund)[0] is Outcome.FINAL
    assert world.fund.lock_of(2, epoch).state is LockState.LOCKED
    assert stage.settle(fund).epochs[-1] == epoch
    assert world.wrapped.balance("0x000000000000000000000000000000000000dEaD") == world.committee.challenge_bond()


def test_a_voided_epoch_settles_and_pays_nobody(stage: Stage) -> None:
    fund, epoch = reported(stage)
    challenge(stage, fund, epoch)
    world = stage.world
    world.committee.rule(world.account("arbiter"), 1, epoch, world.fund.address, fund, True)
    world.dev.pass_time(WINDOW_S)
    assert stage.settle(fund).epochs[-1] == epoch
    last = stage.rows(tables.settlements)[-1]
    assert (last["settlement"], last["paid_wei"], last["returned_wei"]) == ("voided", 0, REWARD)


def test_the_run_of_funded_epochs_is_found_before_and_after_the_contract_wrote_it(stage: Stage) -> None:
    fund = stage.fund(1, deposit=3 * REWARD)
    world, anyone = stage.world, stage.world.account("anyone")
    first = world.next_epoch()
    world.next_epoch(6)
    stage.settle(fund)
    stage.top_up(fund, 2 * REWARD)
    again = world.next_epoch()
    assert list(segments_of(world.fund, fund, again)) == [1, 2, 3]
    world.next_epoch(3)
    world.fund.settle(anyone, fund, [])
    found = {epoch: list(segments_of(world.fund, fund, epoch)) for epoch in range(first - 1, again + 2)}
    assert [epoch for epoch, numbers in found.items() if numbers == [1]] == [first, first + 1, first + 2]
    assert [epoch for epoch, numbers in found.items() if numbers == [2]] == [again, again + 1]
    assert [epoch for epoch, numbers in found.items() if not numbers] == [first - 1, *range(first + 3, again)]
