"""What a command works with is opened when first asked for, and what is missing is one sentence."""

from pathlib import Path
from typing import Any

import pytest

from oracle import keys
from oracle.chain import transactions
from oracle.context import Context
from oracle.errors import ChainMismatch, InvalidInput, TransactionPending, WrongPassword
from oracle.model import Address
from oracle.settings import Settings
from tests.fixtures.chain import World
from tests.fixtures.ledger import FUND_CONTRACT, Ledger


def context(home: Path, **settings: Any) -> Context:
    return Context(Settings(home=home, **settings))


def test_nothing_is_opened_before_it_is_asked_for(tmp_path: Path) -> None:
    context(tmp_path / "home", rpc_url="http://127.0.0.1:1")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [({}, "MIRRORBOND_KEYSTORES: names no keystore"), ({"keystores": "/a.json"}, "MIRRORBOND_PASSWORD_FILE: names no")],
)
def test_missing_keys_are_named_by_their_setting(tmp_path: Path, settings: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        _ = context(tmp_path, **settings).members


def test_keys_are_by_address_and_the_first_one_pays(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    files = [tmp_path / f"{number}.json" for number in range(2)]
    made = [keys.create(file, "secret", iterations=4_096) for file in files]
    opened = context(tmp_path, keystores=",".join(map(str, files)), password_file=tmp_path / "password")
    assert list(opened.members) == made
    assert Address(opened.sender.address) == made[0]
    (tmp_path / "password").write_text("wrong\n")
    with pytest.raises(WrongPassword):
        _ = context(tmp_path, keystores=str(files[0]), password_file=tmp_path / "password").members


def test_the_domain_is_that_of_the_chain_the_store_follows(tmp_path: Path) -> None:
    followed = Ledger(tmp_path / "a").context
    assert followed.domain.chain_id == 31337
    assert followed.fund_contract == FUND_CONTRACT
    fresh = context(tmp_path / "b")
    for what in ("domain", "fund_contract"):
        with pytest.raises(InvalidInput, match="mirrorbond index"):
            getattr(fresh, what)


def test_the_chain_is_as_the_settings_and_the_task_say(world: World, tmp_path: Path) -> None:
    chosen = world.settings(tmp_path, fee_cap_gwei=7)
    assert Context(chosen).chain.fee_cap_wei == 7 * 10**9
    assert Context(chosen).chain.outbox is None
    assert not (tmp_path / "store.sqlite").exists()
    assert Context(chosen, keeps_sent=True).chain.outbox is not None


def test_a_node_goes_on_with_what_it_had_sent(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    member = world.account("member")
    node = Context(world.settings(tmp_path), keeps_sent=True)
    monkeypatch.setattr(transactions, "_RAISE_S", 0.05)
    world.dev.chain.rpc("evm_setAutomine", False)
    monkeypatch.setattr(transactions.transact, "__defaults__", (0.3,))
    for _ in range(2):
        with pytest.raises(TransactionPending):
            node.committees.create_committee(member, [member.address], 1, member.address)
    assert world.dev.chain.web3.eth.get_transaction_count(member.address, "pending") == 1


@pytest.mark.parametrize(("what", "name"), [("funds", "FUND"), ("committees", "COMMITTEE")])
def test_a_contract_that_is_not_named_is_asked_for(world: World, tmp_path: Path, what: str, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"MIRRORBOND_{name}_CONTRACT: is not set"):
        getattr(context(tmp_path, rpc_url=world.dev.rpc_url), what)
    given = Context(world.settings(tmp_path))
    assert given.funds.address == world.fund.address
    assert given.committees.address == world.committee.address


def test_a_chain_of_another_number_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(ChainMismatch):
        _ = Context(world.settings(tmp_path, chain_id=1)).chain
