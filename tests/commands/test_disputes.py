"""Challenges, locks, bonds and payouts by oracle.commands, on a real chain."""

import json
from pathlib import Path
from typing import Any

import pytest

from oracle.attest import bundle_message, sign
from oracle.chain.structs import LockState, Outcome
from oracle.codec import bundle_to_json
from oracle.digests import sha256_digest
from oracle.errors import InvalidInput, TransactionFailed
from oracle.evidence import SignedBundle
from oracle.model import ONE, Address, Bundle, CommitteeId, Epoch, FundId
from tests.fixtures.chain import ARBITRATION_S, ETHER, WINDOW_S
from tests.fixtures.command import Person, invoke, keystore_of, of_world, read_json
from tests.fixtures.stage import Stage

STAKE = 1_000


def person(stage: Stage, role: str) -> Person:
    return Person(stage.world, stage.home, role)


def reported(stage: Stage) -> tuple[FundId, int]:
    """A fund with an arbiter, and an epoch that was reported just now with a leaf that slashes mirror 2."""
    fund = stage.court(2, stake=STAKE)
    epoch = stage.world.next_epoch()
    stage.world.next_epoch()
    stage.report(epoch, {fund: [ONE, ONE]}, slashed=(2,))
    return fund, epoch


def test_a_challenge_is_raised_and_voided_by_the_arbiter(stage: Stage) -> None:
    fund, epoch = reported(stage)
    place, world = ("--fund", fund, "--epoch", epoch), stage.world
    with pytest.raises(InvalidInput, match="--reason"):
        person(stage, "funder").says("challenge", "raise", *place, "--reason", " ")
    raised = person(stage, "funder").told("challenge", "raise", *place, "--reason", "all were up")
    assert raised["bond"] == str(ETHER)
    assert raised["decided_by"] > world.dev.chain.head().timestamp_s
    with pytest.raises(TransactionFailed, match="NotArbiter"):
        person(stage, "funder").says("challenge", "rule", *place, "--void")
    ruled = person(stage, "arbiter").told("challenge", "rule", *place, "--void")
    assert ruled["ruling"] == "voided"
    assert world.committee.outcome_for(1, epoch, world.fund.address, fund)[0] is Outcome.VOIDED
    assert world.wrapped.balance(world.account("funder").address) == ETHER


def test_a_challenge_that_is_not_decided_is_concluded(stage: Stage) -> None:
    fund, epoch = reported(stage)
    place = ("--fund", fund, "--epoch", epoch)
    poor = stage.world.account("poor")
    stage.world.dev.give(poor.address, ETHER - 1)
    with pytest.raises(InvalidInput, match="takes a bond of"):
        person(stage, "poor").says("challenge", "raise", *place, "--reason", "no")
    person(stage, "funder").says("challenge", "raise", *place, "--reason", "no")
    with pytest.raises(TransactionFailed, match="ArbitrationNotOver"):
        person(stage, "anyone").says("challenge", "conclude", *place)
    stage.world.dev.pass_time(WINDOW_S + ARBITRATION_S)
    assert person(stage, "anyone").told("challenge", "conclude", *place)["ruling"] == "stands"


def test_a_challenge_is_of_the_report_that_the_fund_pays_by(stage: Stage) -> None:
    fund, epoch = reported(stage)
    place = ("--fund", fund, "--epoch", epoch, "--reason", "no")
    with pytest.raises(InvalidInput, match=f"--committee: fund 1 pays epoch {epoch} by the report of committee 1"):
        person(stage, "funder").says("challenge", "raise", *place, "--committee", 2)
    with pytest.raises(InvalidInput, match="--epoch: 0 is none that fund 1 pays for"):
        person(stage, "funder").says("challenge", "raise", "--fund", fund, "--epoch", 0, "--reason", "no")
    world, funder = stage.world, stage.world.account("funder")
    signed = keystore_of(funder, stage.home)
    invoke("challenge", "raise", *place, *signed, environment=of_world(world, stage.home, committee=2))
    assert world.committee.challenge_of(1, epoch, world.fund.address, fund).challenger == Address(funder.address)


def test_a_lock_is_placed_answered_and_burned(stage: Stage) -> None:
    _, epoch = reported(stage)
    world, place = stage.world, ("--mirror", 2, "--epoch", epoch)
    world.dev.pass_time(WINDOW_S)
    settled = settle(stage, "anyone")
    assert settled["locked"] == [{"mirror": 2, "epoch": epoch}]
    assert epoch in settled["funds"][0]["epochs"]
    with pytest.raises(TransactionFailed, match="NotOperator"):
        person(stage, "operator 0").says("lock", "answer", *place, "--text", "it was not me")
    with pytest.raises(TransactionFailed, match="AnswerFirst"):
        person(stage, "arbiter").says("lock", "resolve", *place, "--burn")
    person(stage, "operator 1").says("lock", "answer", *place, "--text", "a disk failed")
    burned = person(stage, "arbiter").told("lock", "resolve", *place, "--burn")
    assert (burned["state"], burned["amount"]) == ("burned", str(STAKE // 5))
    assert world.fund.lock_of(2, epoch).state is LockState.BURNED


def settle(stage: Stage, role: str) -> dict[str, Any]:
    """What `mirrorbond settle --json` tells a node with this person's key."""
    _, file, _, password = keystore_of(stage.world.account(role), stage.home)
    variables = of_world(stage.world, stage.home, keystores=file, password_file=password)
    store = {"DATABASE_URL": f"sqlite:///{stage.home / 'stage.sqlite3'}"}
    return read_json(invoke("settle", "--json", environment=variables | store))


def test_a_mirrors_payout_and_stake_follow_its_operator(stage: Stage) -> None:
    stage.fund(1, stake=STAKE)
    world, operator = stage.world, person(stage, "operator 0")
    heir = world.account("heir").address
    changed = operator.told("mirror", "payout", "--mirror", 1, "--to", heir.lower())
    assert (changed["payout"], changed["binds_from"]) == (heir, world.epoch() + 1)
    world.next_epoch()
    assert str(world.fund.mirror_of(1).payout) == heir
    assert operator.told("mirror", "exit", "--mirror", 1)["end"] == world.epoch() + 1
    with pytest.raises(TransactionFailed, match="StillBonded"):
        operator.says("mirror", "release", "--mirror", 1)
    world.next_epoch(1 + world.fund.terms().unbonding)
    assert person(stage, "anyone").told("mirror", "release", "--mirror", 1)["amount"] == str(STAKE)


def test_anyone_removes_a_mirror_without_a_sign_of_life(stage: Stage) -> None:
    fund, world = stage.fund(1, stake=STAKE), stage.world
    with pytest.raises(TransactionFailed, match="StillAlive"):
        person(stage, "anyone").says("mirror", "remove", "--mirror", 1)
    world.next_epoch()
    for _ in range(4):
        epoch = world.next_epoch() - 1
        stage.report(epoch, {fund: [0]})
    world.dev.pass_time(WINDOW_S)
    stage.settle(fund)
    removed = person(stage, "anyone").told("mirror", "remove", "--mirror", 1)
    assert removed["end"] == world.fund.mirror_of(1).end == world.epoch() + 1


def test_a_bond_is_posted_noticed_and_taken(stage: Stage) -> None:
    member = person(stage, "member a")
    member.says("committee", "bond", "--amount", 5)
    assert member.told("committee", "bond", "--amount", 7)["amount"] == "12"
    pledged = {"amount": "12", "free_from": None, "free_until": None, "counts": True}
    assert shown_bond(stage, "member a") == pledged
    none = {"amount": "0", "free_from": None, "free_until": None, "counts": False}
    assert shown_bond(stage, "member b") == none
    lapses_s = member.told("committee", "bond-notice")["free_until"]
    stage.world.dev.pass_time(lapses_s - stage.world.dev.chain.head().timestamp_s)
    with pytest.raises(TransactionFailed, match="BondNoticeLapsed"):
        member.says("committee", "bond-take")
    assert shown_bond(stage, "member a") == pledged
    free_s = member.told("committee", "bond-notice")["free_from"]
    assert shown_bond(stage, "member a") == {
        "amount": "12",
        "free_from": free_s,
        "free_until": free_s + stage.world.committee.clock().finality_s,
        "counts": False,
    }
    words = invoke("committee", "show", environment=of_world(stage.world, stage.home))
    assert f"a bond of 12 wei, under notice, free from Unix time {free_s} on" in words
    assert "counts as none" in words
    with pytest.raises(TransactionFailed, match="BondNotFree"):
        member.says("committee", "bond-take")
    stage.world.dev.pass_time(free_s - stage.world.dev.chain.head().timestamp_s)
    assert member.told("committee", "bond-take")["amount"] == "12"
    with pytest.raises(InvalidInput, match="has only"):
        member.says("committee", "bond", "--amount", 10**30)


def shown_bond(stage: Stage, role: str) -> dict[str, Any]:
    """What `mirrorbond committee show --json` tells of a member's bond."""
    shown = read_json(invoke("committee", "show", "--json", environment=of_world(stage.world, stage.home)))
    bond: dict[str, Any] = shown["bonds"][stage.world.account(role).address]
    return bond


def test_two_bundles_of_one_epoch_burn_a_bond(stage: Stage) -> None:
    account = stage.world.account("member a")
    person(stage, "member a").says("committee", "bond", "--amount", 12)
    files = [bundle_file(stage, "member a", fund) for fund in (1, 2)]
    with pytest.raises(InvalidInput, match="two different ones of one member"):
        person(stage, "anyone").says("committee", "bond-burn", files[0], files[0])
    with pytest.raises(InvalidInput, match="two different ones of one member"):
        person(stage, "anyone").says("committee", "bond-burn", files[0], bundle_file(stage, "member b", 2))
    junk = stage.home / "junk.json"
    junk.write_text(json.dumps(json.loads(files[0].read_text()) | {"signature": "0xzz"}))
    with pytest.raises(InvalidInput, match=r"junk\.json\.signature: must be 0x and hexadecimal digits"):
        person(stage, "anyone").says("committee", "bond-burn", junk, files[1])
    burned = person(stage, "anyone").told("committee", "bond-burn", *files)
    assert (burned["member"], burned["amount"], burned["epoch"]) == (account.address, "12", 3)


def bundle_file(stage: Stage, role: str, fund: int) -> Path:
    """A bundle that a member signed for epoch 3, as evidence holds it."""
    account = stage.world.account(role)
    bundle = Bundle(CommitteeId(1), Epoch(3), Address(account.address), {FundId(fund): ()})
    digest = sha256_digest(SignedBundle(bundle, "").body)
    signature = sign(account, bundle_message(stage.domain, 1, 3, digest))
    file = stage.home / f"{role}-{fund}.json"
    file.write_text(json.dumps({"bundle": bundle_to_json(bundle), "signature": signature}))
    return file
