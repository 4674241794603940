"""A fund from the proposal to the last deposit, by oracle.commands: each step by whose task it is."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from oracle.agreements.acceptance import read_acceptance
from oracle.chain.structs import Offer, Slashing
from oracle.digests import checksum_address
from oracle.errors import InvalidInput, NotAccepted, TransactionFailed, WrongPassword
from oracle.manifest import compose
from oracle.model import Address
from tests.fixtures.chain import World
from tests.fixtures.command import Person, invoke, keystore_of, of_world, read_json
from tests.fixtures.hostile import released

REWARD = 1_000
ROLES = ("member a", "member b", "member c", "member d")
TERMS = ("--reward", REWARD, "--target", 2, "--fee-bps", 250)


@dataclass
class Town:
    """A committee of four with a quorum of three, and people who give commands."""

    world: World
    folder: Path
    manifest: Path

    def person(self, role: str) -> Person:
        return Person(self.world, self.folder, role)

    def propose(self, *options: object, name: str = "asked.json") -> Path:
        file = self.folder / name
        given = options or ("--owner", self.world.account("owner").address, "--token", self.world.token.address, *TERMS)
        invoke("fund", "propose", "--out", file, *given, environment=of_world(self.world, self.folder / "home"))
        return file

    def accept(self, file: Path) -> None:
        """Three members sign one after the other, and the last one posts."""
        for role in ROLES[:2]:
            self.person(role).says("committee", "accept", file)
        self.person(ROLES[2]).says("committee", "accept", file, "--post")

    def create(self, *options: object) -> dict[str, object]:
        named = ("--app", "notes", "--manifest", self.manifest)
        return self.person("owner").told("fund", "create", *named, *options)


@pytest.fixture
def town(world: World, tmp_path: Path) -> Town:
    members = [world.account(role).address for role in ROLES]
    clerk = Person(world, tmp_path, "clerk")
    named = [option for member in members for option in ("--member", member)]
    made = clerk.told("committee", "create", *named, "--quorum", 3, "--fee-recipient", members[0])
    assert made["committee"] == 1
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(compose("notes", "1", "http://primary.example", None, [released("a", b"a")], []).canonical())
    return Town(world, tmp_path, manifest)


def test_a_fund_is_opened_with_what_the_committee_signed(town: Town) -> None:
    owner, arbiter = (Address(town.world.account(role).address) for role in ("owner", "arbiter"))
    slashing = ("--arbiter", arbiter.lower(), "--slash-epoch-bps", 500, "--slash-life-bps", 4_000)
    file = town.propose("--owner", owner, "--token", town.world.token.address, *TERMS, *slashing)
    with pytest.raises(NotAccepted, match="committee 1 has not accepted these terms"):
        town.create("--acceptance", file)
    town.accept(file)
    with pytest.raises(InvalidInput, match="--arbiter: is not what the committee agreed to"):
        town.create("--acceptance", file, "--arbiter", owner)
    made = town.create("--acceptance", file, "--min-stake", 7)
    state = town.world.fund.fund_of(1)
    assert (made["fund"], state.offer, state.min_stake_wei) == (1, Offer(REWARD, 2, 250, 1), 7)
    assert state.token == town.world.token.address
    assert town.world.fund.slashing_of(1) == Slashing(arbiter, 500, 4_000)
    with pytest.raises(NotAccepted, match="or its acceptance is used or over"):
        town.create("--acceptance", file)
    with pytest.raises(InvalidInput, match="is fixed since fund 1 was opened"):
        town.propose("--fund", 1, *TERMS, *slashing, name="another.json")
    change = town.propose("--fund", 1, *TERMS, name="change.json")
    asked = read_acceptance(change.read_bytes())
    assert (asked.fund, asked.arbiter, asked.slash_epoch_bps, asked.slash_life_bps) == (1, arbiter, 500, 4_000)
    with pytest.raises(InvalidInput, match="--acceptance: is for fund 1, not for a new fund"):
        town.create("--acceptance", change)
    town.accept(change)
    assert town.person("owner").told("fund", "announce", "--fund", 1, "--acceptance", change)["fund"] == 1


def test_a_member_is_told_of_the_arbiter_that_it_agrees_to(town: Town) -> None:
    owner, arbiter = town.world.account("owner").address, town.world.account("arbiter").address
    plain, judged = town.propose(), town.folder / "judged.json"
    town.propose("--owner", owner, *TERMS, "--arbiter", arbiter, "--slash-life-bps", 7, name=judged.name)
    member = town.person(ROLES[0])
    assert "no arbiter" in member.says("committee", "accept", plain)
    assert member.told("committee", "accept", plain)["arbiter"] is None
    assert f"arbiter {arbiter}, who may void" in member.says("committee", "accept", judged)
    told = member.told("committee", "accept", judged)
    assert (told["arbiter"], told["slash_epoch_bps"], told["slash_life_bps"]) == (arbiter, 0, 7)


def test_a_member_sees_what_is_asked_before_it_signs(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    file, home = town.propose(), of_world(town.world, town.folder / "home")
    before = file.read_bytes()
    shown = read_json(invoke("committee", "accept", file, "--json", environment=home))
    assert (shown["signatures"], shown["quorum"], shown["reward"], shown["tx"]) == (0, 3, str(REWARD), None)
    with pytest.raises(InvalidInput, match="--post: needs a --keystore"):
        invoke("committee", "accept", file, "--post", environment=home)
    keystore = keystore_of(town.world.account(ROLES[0]), town.folder)[:2]
    wrong = town.folder / "wrong"
    wrong.write_text("no password\n")
    with pytest.raises(WrongPassword):
        invoke("committee", "accept", file, *keystore, "--password-file", wrong, environment=home)
    assert f"takes on a new fund of {town.world.account('owner').address}: {REWARD} of" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_a_policy_is_shown_as_it_is_understood(town: Town) -> None:
    file = town.propose()
    policy = "{" + " " * 2_000 + '"slots":20}'
    file.write_text(json.dumps(json.loads(file.read_text()) | {"policy": policy}))
    words = invoke("committee", "accept", file, environment=of_world(town.world, town.folder / "home"))
    assert '"slots":20' in words


def test_a_fund_with_an_arbiter_needs_an_acceptance_that_names_it(town: Town) -> None:
    town.accept(town.propose())
    options = ("--token", town.world.token.address, *TERMS, "--arbiter", town.world.account("owner").address)
    with pytest.raises(NotAccepted):
        town.create(*options)


def test_the_same_options_as_were_proposed_open_it_too(town: Town) -> None:
    town.accept(town.propose())
    assert town.create("--token", town.world.token.address, *TERMS)["fund"] == 1


def test_copies_that_members_signed_apart_are_merged(town: Town) -> None:
    file = town.propose()
    copies = [town.folder / f"copy-{number}.json" for number in range(3)]
    for copy, role in zip(copies, ROLES, strict=False):
        copy.write_bytes(file.read_bytes())
        town.person(role).says("committee", "accept", copy)
    two = town.person("stranger")
    with pytest.raises(InvalidInput, match="2 members have signed, the quorum is 3"):
        two.says("committee", "accept", *copies[:2], "--post")
    told = two.told("committee", "accept", *copies, "--post")
    assert (told["signatures"], told["quorum"], told["reward"]) == (3, 3, str(REWARD))
    assert told["tx"]
    assert town.create("--acceptance", file)["fund"] == 1


def test_junk_in_a_copy_takes_the_place_of_no_signature(town: Town) -> None:
    file = town.propose()
    copies = [town.folder / f"copy-{number}.json" for number in range(3)]
    for copy, role in zip(copies, ROLES, strict=False):
        copy.write_bytes(file.read_bytes())
        town.person(role).says("committee", "accept", copy)
    junk = {town.world.account(role).address: "0x" + "11" * 65 for role in ROLES}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"signatures": junk}))
    told = town.person("stranger").told("committee", "accept", copies[0], file, copies[1], copies[2], file, "--post")
    assert told["signatures"] == 3
    assert told["tx"]


def test_a_file_full_of_strangers_signatures_can_be_signed_by_the_next_member(town: Town) -> None:
    file = town.propose()
    junk = {checksum_address(f"0x{number:040x}"): "0x" for number in range(1, 65)}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"signatures": junk}))
    town.accept(file)
    assert set(read_acceptance(file.read_bytes()).signatures) == {
        Address(town.world.account(role).address) for role in ROLES[:3]
    }


def test_what_members_cannot_or_must_not_sign_is_refused(town: Town) -> None:
    file, member = town.propose(), town.person(ROLES[0])
    with pytest.raises(InvalidInput, match="is no member of committee 1"):
        town.person("stranger").says("committee", "accept", file)
    other = town.propose(
        "--owner", town.world.account("owner").address, "--reward", 5, "--target", 2, name="other.json"
    )
    with pytest.raises(InvalidInput, match="do not ask for the same"):
        member.says("committee", "accept", file, other)
    asked = json.loads(file.read_text())
    for change, told in (
        ({"fund_contract": town.world.token.address}, "another fund contract"),
        ({"chain_id": 1}, "another chain or other contracts"),
        ({"policy": '{"slots":0}'}, "policy.slots"),
        ({"policy": "\u001b[2J"}, "policy: is not JSON"),
    ):
        file.write_text(json.dumps(asked | change))
        with pytest.raises(InvalidInput, match=told):
            member.says("committee", "accept", file)


def test_a_signature_over_something_else_does_not_count(town: Town) -> None:
    file = town.propose()
    town.person(ROLES[0]).says("committee", "accept", file)
    asked = json.loads(file.read_text())
    asked["offer"]["fee_bps"] = 2_000
    file.write_text(json.dumps(asked))
    told = town.person(ROLES[1]).told("committee", "accept", file)
    assert told["signatures"] == 1
    assert set(read_acceptance(file.read_bytes()).signatures) == {Address(town.world.account(ROLES[1]).address)}


def test_a_proposal_overwrites_nothing_and_says_whose_fund_it_is(town: Town) -> None:
    town.propose()
    with pytest.raises(InvalidInput, match="already there"):
        town.propose()
    with pytest.raises(InvalidInput, match="either the owner of a new fund or the fund to change"):
        town.propose("--reward", 5, name="nobodys.json")
    somebodys = town.propose("--owner", town.world.account("somebody").address, *TERMS, name="somebodys.json")
    with pytest.raises(InvalidInput, match="is for a fund of"):
        town.create("--acceptance", somebodys)


def test_options_that_make_no_sense_are_refused(town: Town) -> None:
    for options, told in (
        (("--slash-life-bps", 5), "need an --arbiter"),
        (("--arbiter", "0x12"), "--arbiter: is no address"),
        (("--arbiter", "0x" + "11" * 20, "--slash-epoch-bps", 5), "must be 0 <= epoch <= life <= 5000"),
        (("--min-stake", -1), "--min-stake"),
        (("--fee-bps", 10_001), "--fee-bps"),
    ):
        with pytest.raises(InvalidInput, match=told):
            town.create(*TERMS, *options)


def test_a_fund_is_changed_topped_up_by_permit_and_left(town: Town) -> None:
    world, owner, funder = town.world, town.person("owner"), town.person("funder")
    town.accept(town.propose())
    town.create("--acceptance", town.folder / "asked.json")
    changed = town.propose("--fund", 1, "--reward", 7, "--target", 3, name="changed.json")
    with pytest.raises(NotAccepted):
        owner.says("fund", "announce", "--fund", 1, "--acceptance", changed)
    town.accept(changed)
    bound = owner.told("fund", "announce", "--fund", 1, "--acceptance", changed)
    assert bound["binds_from"] == world.epoch() + world.fund.terms().change_notice
    assert world.fund.fund_of(1).next_offer == Offer(7, 3, 250, 1)
    published = owner.told("fund", "publish", "--fund", 1, "--manifest", town.manifest)
    assert published["binds_from"] == world.epoch() + 1

    account = world.account("funder")
    world.token.mint(account, account.address, 30)
    with pytest.raises(InvalidInput, match="has only 30"):
        funder.says("fund", "top-up", "--fund", 1, "--amount", 31)
    before = world.dev.chain.web3.eth.get_transaction_count(account.address)
    first = funder.told("fund", "top-up", "--fund", 1, "--amount", 10, "--permit")
    assert world.dev.chain.web3.eth.get_transaction_count(account.address) - before == 1
    assert world.token.nonce(account.address) == 1
    second = funder.told("fund", "top-up", "--fund", 1, "--amount", 20)
    assert [world.fund.deposit_of(one["deposit"]).amount_wei for one in (first, second)] == [10, 20]

    world.next_epoch()
    ready = funder.told("deposit", "notice", "--deposit", first["deposit"])["ready"]
    with pytest.raises(TransactionFailed, match="NoticeNotOver"):
        funder.says("deposit", "depart", "--deposit", first["deposit"])
    world.next_epoch(ready - world.epoch())
    world.fund.settle(account, 1, [])
    since = funder.told("deposit", "depart", "--deposit", first["deposit"])["binds_from"]
    world.next_epoch(since - world.epoch())
    world.fund.settle(account, 1, [])
    sent = town.person("stranger").told("deposit", "collect", "--deposit", first["deposit"])
    assert (sent["amount"], world.token.balance(account.address)) == ("10", 10)


def test_what_is_left_out_of_a_change_stays_as_it_was_announced_last(town: Town) -> None:
    policy, same = town.folder / "policy.json", town.folder / "same.json"
    policy.write_text('{"slots":20}')
    named = ("--owner", town.world.account("owner").address, "--token", town.world.token.address, "--policy", policy)
    town.accept(town.propose(*named, *TERMS))
    town.create("--acceptance", town.folder / "asked.json")
    others = of_world(town.world, town.folder / "home", committee=2)
    invoke("fund", "propose", "--fund", 1, "--out", same, environment=others)
    kept = read_acceptance(same.read_bytes())
    assert (kept.reward_wei, kept.target, kept.fee_bps, kept.committee) == (REWARD, 2, 250, 1)
    assert '"slots":20' in kept.policy
    change = town.propose("--fund", 1, "--reward", 7, name="change.json")
    town.accept(change)
    town.person("owner").says("fund", "announce", "--fund", 1, "--acceptance", change)
    again = read_acceptance(town.propose("--fund", 1, "--target", 3, name="again.json").read_bytes())
    assert (again.reward_wei, again.target, again.fee_bps, again.policy) == (7, 3, 250, kept.policy)


def test_a_policy_that_the_store_does_not_know_has_to_be_named(town: Town) -> None:
    town.accept(town.propose())
    town.create("--acceptance", town.folder / "asked.json")
    home = of_world(town.world, town.folder / "home", confirmations=1_000)
    given = ("fund", "propose", "--fund", 1, "--reward", 7, "--out", town.folder / "change.json")
    with pytest.raises(InvalidInput, match="--policy: a change replaces it too"):
        invoke(*given, environment=home)
    policy = town.folder / "policy.json"
    policy.write_text("{}")
    invoke(*given, "--policy", policy, environment=home)
    assert read_acceptance((town.folder / "change.json").read_bytes()).fee_bps == 250


def test_native_coin_needs_no_permit(town: Town) -> None:
    town.accept(town.propose("--owner", town.world.account("owner").address, *TERMS))
    town.create("--acceptance", town.folder / "asked.json")
    with pytest.raises(InvalidInput, match="needs none"):
        town.person("funder").says("fund", "top-up", "--fund", 1, "--amount", 5, "--permit")
    assert town.person("funder").told("fund", "top-up", "--fund", 1, "--amount", 5)["deposit"] == 1
