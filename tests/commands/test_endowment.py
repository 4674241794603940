"""`mirrorbond endowment`: who lends to a vault gives its yield to a fund, and gets the principal back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oracle.chain.contracts import deploy
from oracle.chain.endowment import Vault
from oracle.chain.structs import Offer
from oracle.errors import ChainMismatch, InvalidInput, MirrorbondError, TransactionFailed
from oracle.model import FundId
from tests.fixtures.chain import World
from tests.fixtures.command import invoke, keystore_of, of_world, read_json

NOTICE_S = 24 * 3_600
HELD = 10_000


class Stage:
    """A fund in a token, a vault of that token, and an endowment contract; people act by the command line."""

    def __init__(self, world: World, home: Path, token: str = "") -> None:
        self.world, self.home = world, home
        owner, self.holder = world.account("owner"), world.account("holder")
        world.committee.create_committee(owner, [owner.address], 1, owner.address)
        self.token = token or world.token.address
        self.fund: FundId = world.create_fund(owner, Offer(1_000, 2, 500, 1), self.token)
        self.vault = Vault(world.dev.chain, deploy(world.dev.chain, owner, "SavingsVault", self.token)[0])
        world.token.mint(self.holder, self.holder.address, HELD)
        self.contract = ""
        self.contract = self.told("deploy", "--notice-hours", 24)["address"]

    def told(self, command: str, *args: object, role: str = "holder") -> dict[str, Any]:
        """What a command answers with --json."""
        return read_json(self.says(command, *args, "--json", role=role))

    def says(self, command: str, *args: object, role: str = "holder") -> str:
        who = [] if command == "show" else keystore_of(self.world.account(role), self.home)
        variables = of_world(self.world, self.home / "home", endowment_contract=self.contract)
        return invoke("endowment", command, *args, *who, environment=variables)

    def open(self, **options: object) -> dict[str, Any]:
        given = {"fund": self.fund, "vault": self.vault.address, "amount": HELD} | options
        return self.told("open", *(word for name, value in given.items() for word in (f"--{name}", value)))

    def earn(self, amount: int) -> None:
        """The vault gains."""
        self.world.token.mint(self.holder, self.vault.address, amount)

    def give_notice(self, endowment: int) -> None:
        self.told("notice", "--endowment", endowment)
        self.world.dev.pass_time(NOTICE_S)


@pytest.fixture
def stage(world: World, tmp_path: Path) -> Stage:
    return Stage(world, tmp_path)


def test_the_yield_goes_to_the_fund_and_the_principal_comes_back(stage: Stage) -> None:
    made = stage.open()
    assert (made["endowment"], made["shares"]) == (1, str(HELD))
    stage.earn(500)
    before = stage.told("show", "--endowment", 1)
    assert (before["principal"], before["worth"], before["yield"]) == (str(HELD), "10499", "499")
    harvested = stage.told("harvest", "--endowment", 1, role="stranger")
    assert harvested["amount"] == "499"
    assert stage.world.fund.deposit_of(harvested["deposit"]).amount_wei == 499
    assert stage.told("show", "--endowment", 1)["yield"] == "0"
    stage.give_notice(1)
    assert stage.told("depart", "--endowment", 1)["amount"] == str(HELD)
    assert stage.world.token.balance(stage.holder.address) == HELD
    assert stage.told("show", "--endowment", 1)["principal"] == "0"


def test_people_are_told_what_it_is_worth_and_when_it_may_leave(stage: Stage) -> None:
    stage.open()
    told = stage.says("show", "--endowment", 1)
    assert f"a principal of {HELD} for fund {stage.fund}, of {stage.holder.address}" in told
    assert f"worth {HELD}\na harvest would give the fund 0\nno notice stands; one takes 24 hours" in told
    given = stage.told("notice", "--endowment", 1)
    assert given["until_s"] - given["ready_s"] == NOTICE_S
    shown = stage.told("show", "--endowment", 1)
    assert (shown["ready_s"], shown["until_s"]) == (given["ready_s"], given["until_s"])
    assert "the principal may leave from 20" in stage.says("show", "--endowment", 1)
    stage.world.dev.pass_time(2 * NOTICE_S + 1)
    assert stage.told("show", "--endowment", 1)["ready_s"] is None, "a notice that has lapsed is none"
    with pytest.raises(TransactionFailed, match="NoticeLapsed"):
        stage.told("depart", "--endowment", 1)


def test_a_loss_is_told_before_it_is_taken(stage: Stage) -> None:
    stage.open()
    stage.vault.send(stage.holder, "lose", 1_000)
    stage.give_notice(1)
    with pytest.raises(InvalidInput, match=f"--least: the vault would pay 9000 of {HELD} now"):
        stage.told("depart", "--endowment", 1)
    assert stage.told("depart", "--endowment", 1, "--least", 9_000)["amount"] == "9000"


def test_a_vault_that_is_closed_and_silent_gives_shares(stage: Stage) -> None:
    stage.open()
    stage.give_notice(1)
    stage.vault.send(stage.holder, "set", True, True)
    with pytest.raises(TransactionFailed, match="Closed"):
        stage.told("depart", "--endowment", 1)
    shown = stage.told("show", "--endowment", 1)
    assert shown["yield"] is None
    assert "a harvest would give the fund what the vault does not say now" in stage.says("show", "--endowment", 1)
    taken = stage.told("depart", "--endowment", 1, "--in-kind")
    assert (taken["shares"], taken["vault"]) == (str(HELD), stage.vault.address)
    assert int(stage.vault.call("balanceOf", stage.holder.address)) == HELD


def test_what_cannot_be_lent_is_refused_by_name_before_anything_is_approved(stage: Stage) -> None:
    other, _ = deploy(stage.world.dev.chain, stage.holder, "DemoToken", "Other", "OTHER")
    vault, _ = deploy(stage.world.dev.chain, stage.holder, "SavingsVault", other)
    refused: list[tuple[str, object, str]] = [
        ("vault", "0x12", "is no address"),
        ("vault", vault, f"takes {other}, but fund {stage.fund} pays in {stage.token}"),
        ("amount", 0, "must be above 0"),
        ("amount", HELD + 1, f"has only {HELD} of {stage.token}"),
    ]
    for option, value, told in refused:
        with pytest.raises(InvalidInput, match=f"^--{option}: .*{told}"):
            stage.open(**{option: value})
    assert stage.world.token.allowance(stage.holder.address, stage.contract) == 0
    with pytest.raises(TransactionFailed, match="TooFewShares"):
        stage.open(**{"least-shares": HELD + 1})


def test_what_is_missing_of_wrapped_native_coin_is_wrapped(world: World, tmp_path: Path) -> None:
    stage = Stage(world, tmp_path, world.wrapped.address)
    world.wrapped.wrap(stage.holder, 40)
    assert stage.open(amount=100)["shares"] == "100"
    assert world.wrapped.balance(stage.holder.address) == 0


def test_only_the_holder_gives_notice(stage: Stage) -> None:
    stage.open()
    with pytest.raises(TransactionFailed, match="NotHolder"):
        stage.told("notice", "--endowment", 1, role="stranger")
    with pytest.raises(TransactionFailed, match="NoNotice"):
        stage.told("depart", "--endowment", 1)
    with pytest.raises(TransactionFailed, match="NothingToHarvest"):
        stage.told("harvest", "--endowment", 1, role="stranger")
    with pytest.raises(TransactionFailed, match="UnknownEndowment"):
        stage.told("show", "--endowment", 2)


def test_a_contract_that_gives_to_other_funds_is_refused(stage: Stage) -> None:
    variables = of_world(stage.world, stage.home / "home", endowment_contract=stage.contract)
    variables["MIRRORBOND_FUND_CONTRACT"] = stage.world.committee.address
    with pytest.raises(ChainMismatch, match="check MIRRORBOND_ENDOWMENT_CONTRACT and MIRRORBOND_FUND_CONTRACT"):
        invoke("endowment", "show", "--endowment", 1, environment=variables)
    stage.contract = ""
    with pytest.raises(MirrorbondError, match="MIRRORBOND_ENDOWMENT_CONTRACT: is not set"):
        stage.says("show", "--endowment", 1)
