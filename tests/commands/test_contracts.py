"""`mirrorbond contracts`: anyone puts the contracts on a chain, and anyone sees whether they are this release's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from oracle import cli
from oracle.chain import code
from oracle.chain.abi import artifact
from oracle.chain.committee import CommitteeContract
from oracle.chain.contracts import deploy
from oracle.chain.endowment import EndowmentContract, deploy_endowment
from oracle.chain.fund import FundContract
from oracle.chain.structs import Terms
from oracle.errors import ChainMismatch, InvalidInput, TransactionFailed
from tests.fixtures.chain import World
from tests.fixtures.command import invoke, keystore_of, of_world, read_json, run
from tests.fixtures.node import ROOT

HOUR_S = 3_600


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def deployed(world: World, home: Path, *options: object) -> dict[str, Any]:
    signed = keystore_of(world.account("deployer"), home)
    given = ("contracts", "deploy", "--wrapped-native", world.wrapped.address, *options, *signed, "--json")
    return read_json(invoke(*given, environment=of_world(world, home / "home")))


def checked(world: World, home: Path, **settings: object) -> dict[str, Any]:
    return read_json(invoke("contracts", "check", "--json", environment=of_world(world, home / "home", **settings)))


def test_every_option_is_documented_with_its_default() -> None:
    command = cli.load("contracts").commands["deploy"]
    shared = ("--keystore", "--password-file", "--json", "--help")
    options = [one for one in command.params if one.opts[0] not in shared]
    rows = re.findall(r"^\| `(--[a-z-]+)` \| (\d*) \| ", (ROOT / "docs" / "deploying.md").read_text(), re.MULTILINE)
    assert rows == [(one.opts[0], "" if one.required else str(one.default)) for one in options]


def test_what_was_deployed_is_this_releases_and_says_what_is_fixed(world: World, home: Path) -> None:
    now_s = world.dev.chain.head().timestamp_s
    made = deployed(world, home, "--epoch-hours", 12, "--window-hours", 12, "--deposit-notice", 8)
    contracts = {
        "committee_contract": made["settings"]["MIRRORBOND_COMMITTEE_CONTRACT"],
        "fund_contract": made["settings"]["MIRRORBOND_FUND_CONTRACT"],
    }
    told = checked(world, home, **contracts)
    assert {name: one["ours"] for name, one in told["contracts"].items()} == {
        "OracleCommittee": True,
        "RedundancyFund": True,
    }
    assert told["linked"]
    assert told["clock"]["genesis_s"] == made["genesis_s"]
    assert made["genesis_s"] % 86_400 == 0 < made["genesis_s"] - now_s <= 86_400
    lengths = [told["clock"][f"{name}_s"] / HOUR_S for name in ("epoch_length", "grace", "window", "arbitration")]
    assert lengths == [12, 6, 12, 48]
    assert told["terms"] == {
        "deposit_notice": 8, "change_notice": 10, "unbonding": 7, "settle_time": 7, "min_cover": 7, "lock_time": 7,
    }  # fmt: skip
    assert told["challenge_bond"] == str(10**17)
    assert (told["wrapped_native"], made["settings"]["MIRRORBOND_CHAIN_ID"]) == (world.wrapped.address, 31_337)
    assert world.dev.chain.logs([contracts["fund_contract"]], 0, made["settings"]["MIRRORBOND_FIRST_BLOCK"] - 1) == []


def test_the_words_are_settings_to_copy(world: World, home: Path) -> None:
    signed = keystore_of(world.account("deployer"), home)
    environment = of_world(world, home / "home")
    said = invoke("contracts", "deploy", "--wrapped-native", world.wrapped.address, *signed, environment=environment)
    lines = dict(line.split("=") for line in said.splitlines() if line.startswith("MIRRORBOND_"))
    settings = {name.removeprefix("MIRRORBOND_").lower(): value for name, value in lines.items()}
    words = invoke("contracts", "check", environment=of_world(world, home / "home", **settings))
    assert words.count("the code of this release") == 2
    assert "clock, in hours: epoch_length 24, grace 6, window 24, arbitration 48" in words
    assert f"wrapped native coin: {world.wrapped.address}" in words


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--deposit-notice", 4), "--deposit-notice: is 4, but must be at least 5 epochs"),
        (("--settle-time", 4), "--settle-time: is 4, but must be at least 5 epochs"),
        (("--unbonding", 4), "--unbonding: is 4, but must be at least 5 epochs"),
        (("--change-notice", 8), "--change-notice: is 8, but must be at least 9 epochs"),
        (("--deposit-notice", 5, "--settle-time", 9, "--change-notice", 11), "--settle-time: is 9, but .* at most 8"),
        # what an epoch takes to be final is five epochs to the hour: enough for a notice, and not for the others
        (("--grace-hours", 24, "--settle-time", 5), "--settle-time: is 5, but must be at least 6 epochs"),
    ],
)  # fmt: skip
def test_terms_that_the_contract_would_refuse_are_named(
    world: World, home: Path, options: tuple[object, ...], complaint: str
) -> None:
    before = world.dev.chain.head().number
    with pytest.raises(InvalidInput, match=complaint):
        deployed(world, home, *options)
    assert world.dev.chain.head().number == before


@pytest.mark.parametrize(
    "options",
    [
        ("--deposit-notice", 5, "--settle-time", 5, "--unbonding", 5, "--change-notice", 7, "--min-cover", 1),
        ("--deposit-notice", 5, "--settle-time", 8, "--unbonding", 5, "--change-notice", 10, "--lock-time", 4),
        ("--grace-hours", 24, "--deposit-notice", 5, "--settle-time", 6, "--unbonding", 6, "--change-notice", 8),
    ],
)
def test_the_least_that_is_let_through_is_taken_by_the_contract(
    world: World, home: Path, options: tuple[object, ...]
) -> None:
    assert deployed(world, home, *options)["settings"]["MIRRORBOND_FUND_CONTRACT"]


@pytest.mark.parametrize("which", ["token", "nobody"])
def test_what_is_no_wrapped_coin_is_refused(world: World, home: Path, which: str) -> None:
    address = world.token.address if which == "token" else world.account("nobody").address
    with pytest.raises((InvalidInput, ChainMismatch), match=r"no wrapped native coin|no contract"):
        deployed(world, home, "--wrapped-native", address)


def test_a_contract_with_one_other_byte_is_not_ours(world: World, home: Path) -> None:
    """Wherever it stands: in the code, or in one of the places of a constant."""
    chain, honest = world.dev.chain, world.fund
    genuine = chain.code(honest.address)
    places = [0, len(genuine) - 1, *(where[-1] + 31 for where in artifact("RedundancyFund").immutables.values())]
    assert code.is_ours_fund(honest)
    for place in places:
        other = bytearray(genuine)
        other[place] ^= 1
        chain.rpc("hardhat_setCode", honest.address, "0x" + bytes(other).hex())
        try:
            assert not code.is_ours_fund(honest), place
        except TransactionFailed:
            assert place == 0, "only what is no code at all does not answer"
    chain.rpc("hardhat_setCode", honest.address, "0x" + genuine.hex())
    assert code.is_ours_fund(honest)


def test_the_committees_contract_is_checked_with_its_domain(world: World) -> None:
    chain, honest = world.dev.chain, world.committee
    genuine = chain.code(honest.address)
    assert code.is_ours_committee(honest)
    for name, places in artifact("OracleCommittee").immutables.items():
        other = bytearray(genuine)
        other[places[-1] + 31] ^= 1
        chain.rpc("hardhat_setCode", honest.address, "0x" + bytes(other).hex())
        assert not code.is_ours_committee(honest), name
    # the same code at another address signs for another contract
    elsewhere = world.account("elsewhere").address
    chain.rpc("hardhat_setCode", elsewhere, "0x" + genuine.hex())
    assert not code.is_ours_committee(CommitteeContract(chain, elsewhere))


def test_the_check_fails_and_says_which_it_is(world: World, home: Path) -> None:
    other = bytearray(world.dev.chain.code(world.fund.address))
    other[-1] ^= 1
    world.dev.chain.rpc("hardhat_setCode", world.fund.address, "0x" + bytes(other).hex())
    said = run("contracts", "check", environment=of_world(world, home / "home"))
    assert said.code == 1
    assert f"OracleCommittee {world.committee.address}: the code of this release" in said.out
    assert f"RedundancyFund {world.fund.address}: OTHER CODE" in said.out


def test_two_contracts_that_do_not_belong_together_are_told(world: World, home: Path) -> None:
    made = deployed(world, home)
    other = made["settings"]["MIRRORBOND_COMMITTEE_CONTRACT"]
    said = run("contracts", "check", environment=of_world(world, home / "home", committee_contract=other))
    assert said.code == 1
    assert "the two do not belong together" in said.out
    assert "OTHER CODE" not in said.out


def test_an_endowment_contract_is_checked_where_one_is_set(world: World, home: Path) -> None:
    account = world.account("deployer")
    address, _ = deploy_endowment(world.dev.chain, account, world.fund.address, 24 * HOUR_S)
    told = checked(world, home, endowment_contract=address)
    assert told["contracts"]["Endowment"] == {"address": address, "ours": True}
    other, _ = deploy(world.dev.chain, account, "Endowment", world.fund.address, 25 * HOUR_S)
    assert code.is_ours_endowment(EndowmentContract(world.dev.chain, other)), "another notice is no other code"


def test_what_is_no_contract_of_ours_is_one_sentence(world: World, home: Path) -> None:
    with pytest.raises(ChainMismatch, match="is no Mirrorbond contract: clock"):
        checked(world, home, committee_contract=world.token.address)


def test_terms_are_read_by_their_names_in_the_contract(world: World) -> None:
    constants = set(artifact("RedundancyFund").immutables)
    assert {name.upper() for name in Terms.__dataclass_fields__} < constants
    assert constants - {name.upper() for name in Terms.__dataclass_fields__} == {
        "COMMITTEE", "EPOCH_LENGTH", "GENESIS", "WRAPPED_NATIVE",
    }  # fmt: skip
    assert FundContract(world.dev.chain, world.fund.address).terms() == world.fund.terms()
