"""A committee's members hand it over to others: by a file that a quorum of them signs."""

import json
from pathlib import Path

import pytest

from oracle.errors import InvalidInput, TransactionFailed, WrongPassword
from oracle.model import Address
from tests.fixtures.command import Person, invoke, keystore_of, of_world, read_json
from tests.fixtures.stage import MEMBERS, Stage

HEIRS = ("member a", "heir one", "heir two")


def propose(stage: Stage, *options: object, name: str = "handover.json") -> Path:
    """A file that asks for other members, with a quorum of two."""
    file = stage.home / name
    named = [part for role in HEIRS for part in ("--member", address(stage, role))]
    given = ("--out", file, *named, "--quorum", 2, *options)
    invoke("committee", "propose", *given, environment=of_world(stage.world, stage.home))
    return file


def address(stage: Stage, role: str) -> Address:
    return Address(stage.world.account(role).address)


def person(stage: Stage, role: str) -> Person:
    return Person(stage.world, stage.home, role)


def test_members_are_replaced_by_whom_a_quorum_of_them_signed_for(stage: Stage) -> None:
    world = stage.world
    recipient = address(stage, "new treasurer")
    file = propose(stage, "--fee-recipient", recipient.lower())
    person(stage, MEMBERS[0]).says("committee", "change", file)
    second = person(stage, MEMBERS[1]).told("committee", "change", file)
    assert (second["signatures"], second["needed"], second["tx"]) == (2, 3, None)
    with pytest.raises(InvalidInput, match="2 members have signed, the quorum is 3"):
        person(stage, "anyone").says("committee", "change", file, "--post")
    done = person(stage, MEMBERS[2]).told("committee", "change", file, "--post")
    assert done["binds_from"] == world.epoch() + 1
    world.next_epoch()
    config = world.committee.config_at(1, world.epoch())
    assert set(config.members) == {address(stage, role) for role in HEIRS}
    assert (config.quorum, config.fee_recipient) == (2, recipient)


def test_copies_that_members_signed_apart_are_merged(stage: Stage) -> None:
    file = propose(stage)
    copies = [stage.home / f"copy-{number}.json" for number in range(3)]
    for copy, role in zip(copies, MEMBERS, strict=False):
        copy.write_bytes(file.read_bytes())
        person(stage, role).says("committee", "change", copy)
    done = person(stage, "anyone").told("committee", "change", *copies, "--post")
    assert (done["signatures"], done["version"]) == (3, 2)
    stage.world.next_epoch()
    config = stage.world.committee.config_at(1, stage.world.epoch())
    assert config.fee_recipient == address(stage, "treasurer")


def test_a_member_sees_what_is_asked_before_it_signs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    file, home = propose(stage), of_world(stage.world, stage.home)
    before = file.read_bytes()
    shown = read_json(invoke("committee", "change", file, "--json", environment=home))
    assert (shown["signatures"], shown["needed"], shown["quorum"], shown["tx"]) == (0, 3, 2, None)
    keystore = keystore_of(stage.world.account(MEMBERS[0]), stage.home)[:2]
    wrong = stage.home / "wrong"
    wrong.write_text("no password\n")
    with pytest.raises(WrongPassword):
        invoke("committee", "change", file, *keystore, "--password-file", wrong, environment=home)
    assert f"sign, {address(stage, 'treasurer')} is sent the fees" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_junk_in_a_copy_takes_the_place_of_no_signature(stage: Stage) -> None:
    file, junk = propose(stage), stage.home / "junk.json"
    signatures = {address(stage, role): "0x" + "11" * 65 for role in MEMBERS}
    junk.write_text(json.dumps(json.loads(file.read_text()) | {"signatures": signatures}))
    for role in MEMBERS[:2]:
        person(stage, role).says("committee", "change", file, junk)
    done = person(stage, MEMBERS[2]).told("committee", "change", file, junk, "--post")
    assert (done["signatures"], done["version"]) == (3, 2)


def test_who_is_no_member_of_today_cannot_sign(stage: Stage) -> None:
    with pytest.raises(InvalidInput, match="is no member of committee 1"):
        person(stage, "heir one").says("committee", "change", propose(stage))


def test_a_file_from_before_another_change_counts_no_more(stage: Stage) -> None:
    file, other = propose(stage), propose(stage, name="other.json")
    for role in MEMBERS[:2]:
        person(stage, role).says("committee", "change", file)
    person(stage, MEMBERS[2]).says("committee", "change", file, "--post")
    with pytest.raises(InvalidInput, match="the members have changed since it was made"):
        person(stage, MEMBERS[0]).says("committee", "change", other)


def test_signatures_count_until_their_time_is_over(stage: Stage) -> None:
    file = propose(stage, "--days", 1)
    for role in MEMBERS[:2]:
        person(stage, role).says("committee", "change", file)
    stage.world.dev.pass_time(2 * 86_400)
    with pytest.raises(TransactionFailed, match="Expired"):
        person(stage, MEMBERS[2]).says("committee", "change", file, "--post")


def test_a_quorum_that_is_no_majority_is_not_proposed(stage: Stage) -> None:
    with pytest.raises(InvalidInput, match=r"handover\.quorum"):
        propose(stage, "--quorum", 1)
    assert not (stage.home / "handover.json").exists()
    propose(stage)
    with pytest.raises(InvalidInput, match="is already there"):
        propose(stage)
