"""What was sent is gone on with at its nonce: after a time limit, after a kill, and by whoever shares the store."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from eth_account import Account as Accounts
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3

from oracle.chain.client import Chain, connect
from oracle.chain.fees import Fees
from oracle.chain.outbox import Call, Sent
from oracle.chain.sending import Sending
from oracle.chain.transactions import Account, Receipt, transact
from oracle.devnet.chain import DevChain
from oracle.errors import TransactionPending
from oracle.store.db import close_store, open_store
from oracle.store.outbox import StoredOutbox
from tests.chain.test_transactions import DEPLOYS, ETHER, PAY, PAYEE, signed, wait_for

OTHER = Call("pay", "0x" + "33" * 20, "0x", value_wei=7)


class Killed(BaseException):
    """The process ended here."""


@pytest.fixture
def member(chain: DevChain) -> Account:
    account: Account = Accounts.from_key(keccak(text="member"))
    chain.give(account.address, 100 * ETHER)
    return account


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path / 'outbox.sqlite3'}"
    yield open_store(url)
    close_store(url)


@pytest.fixture
def ours(chain: DevChain, engine: sa.Engine) -> Chain:
    """The chain as a node has it, whose store keeps what is sent; more is offered at once."""
    return another_process(chain, engine)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracle.chain.transactions._RAISE_S", 0.2)


def another_process(chain: DevChain, engine: sa.Engine) -> Chain:
    return replace(connect(chain.rpc_url), outbox=StoredOutbox(engine))


def next_nonce(chain: DevChain, member: Account, block: Any = "pending") -> int:
    return chain.chain.web3.eth.get_transaction_count(member.address, block)


def is_paid_once(chain: DevChain, member: Account, receipt: Receipt, nonce: int = 0) -> bool:
    landed = chain.chain.web3.eth.get_transaction(HexBytes(receipt.tx_hash))
    return (landed["nonce"], chain.chain.balance(PAYEE), next_nonce(chain, member)) == (nonce, 5, nonce + 1)


def wait_in_vain(ours: Chain, member: Account, call: Call = PAY) -> None:
    with pytest.raises(TransactionPending):
        transact(ours, member, call, wait_s=0.3)


def landed_when_dear(chain: DevChain, landing: Future[Receipt]) -> Receipt:
    """What lands in blocks that take only what offers five times what was asked for before."""
    base = 5 * chain.chain.web3.eth.get_block("latest")["baseFeePerGas"]
    while not landing.done():
        chain.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(base))
        chain.mine()
        time.sleep(0.3)
    receipt = landing.result()
    assert chain.chain.web3.eth.get_transaction(HexBytes(receipt.tx_hash))["maxFeePerGas"] > base
    return receipt


def test_a_call_that_no_block_took_is_gone_on_with_at_its_nonce(
    chain: DevChain, engine: sa.Engine, ours: Chain, member: Account
) -> None:
    chain.chain.rpc("evm_setAutomine", False)
    wait_in_vain(ours, member)
    wait_in_vain(replace(another_process(chain, engine), fee_cap_wei=1), member)
    assert next_nonce(chain, member) == 1
    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(transact, another_process(chain, engine), member, PAY, wait_s=20)
        assert is_paid_once(chain, member, landed_when_dear(chain, landing))
    assert ours.outbox is not None
    assert ours.outbox.at(member.address, 0) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_call_whose_process_was_killed_while_it_sent_is_made_once(
    chain: DevChain, engine: sa.Engine, ours: Chain, member: Account, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    send = ours.web3.eth.send_raw_transaction

    def die(raw: bytes) -> bytes:
        if when == "after":
            send(raw)
        raise Killed

    monkeypatch.setattr(ours.web3.eth, "send_raw_transaction", die)
    with pytest.raises(Killed):
        transact(ours, member, PAY)
    assert is_paid_once(chain, member, transact(another_process(chain, engine), member, PAY, wait_s=10))
    transact(another_process(chain, engine), member, PAY, wait_s=10)  # and this is a new wish
    assert chain.chain.balance(PAYEE) == 10


def test_what_was_done_long_ago_is_not_taken_for_what_is_asked_for_now(
    chain: DevChain, engine: sa.Engine, ours: Chain, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = ours.web3.eth.send_raw_transaction

    def die(raw: bytes) -> bytes:
        send(raw)
        raise Killed

    monkeypatch.setattr(ours.web3.eth, "send_raw_transaction", die)
    with pytest.raises(Killed):
        transact(ours, member, PAY)
    monkeypatch.setattr("oracle.chain.transactions._LONG_AGO_S", -1)
    transact(another_process(chain, engine), member, PAY, wait_s=10)
    assert chain.chain.balance(PAYEE) == 10


def test_a_call_that_reverted_while_nobody_waited_is_sent_anew(
    chain: DevChain, engine: sa.Engine, ours: Chain, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that another was before, and that is wanted again by now: here a contract that reverts at first."""
    later_s = chain.chain.head().timestamp_s + 1_000
    fickle = deployed(chain, member, f"63{later_s:08x}421015600e575f5ffd5b00")
    call = Call("try", fickle, "0x")
    with monkeypatch.context() as killed:
        killed.setattr("oracle.chain.transactions._gas", lambda *_: 100_000)
        killed.setattr("oracle.chain.transactions._await", die)
        with pytest.raises(Killed):
            transact(ours, member, call)
    wait_for(lambda: next_nonce(chain, member, "latest") == 2)
    chain.pass_time(1_000)
    receipt = transact(another_process(chain, engine), member, call, wait_s=10)
    assert chain.chain.web3.eth.get_transaction(HexBytes(receipt.tx_hash))["nonce"] == 2


@pytest.mark.parametrize(("first", "gas", "wanted"), [("0x", 30_000, "0x01"), ("0x01", 70_000, "0x")])
def test_what_is_wanted_is_sent_with_its_own_gas_where_another_call_for_it_ran_out_of_gas(
    chain: DevChain,
    engine: sa.Engine,
    ours: Chain,
    member: Account,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    gas: int,
    wanted: str,
) -> None:
    """As a batch that is another by now: here a contract stores a word, and for any data three."""
    words = "".join(f"600160{slot:02x}55" for slot in (1, 2, 3))
    store = deployed(chain, member, words[:10] + "3615601457" + words[10:] + "5b00")
    chain.chain.rpc("evm_setAutomine", False)
    with monkeypatch.context() as earlier:
        earlier.setattr("oracle.chain.transactions._gas", lambda *_: gas)
        wait_in_vain(ours, member, Call("store", store, first, purpose="store"))
    resumed, look = Event(), Sending.look

    def looked(sending: Sending) -> Any:
        found = look(sending)
        resumed.set()
        return found

    monkeypatch.setattr(Sending, "look", looked)
    with ThreadPoolExecutor(1) as pool:
        call = Call("store", store, wanted, purpose="store")
        landing = pool.submit(transact, another_process(chain, engine), member, call, wait_s=20)
        assert resumed.wait(10)
        chain.mine()
        chain.chain.rpc("evm_setAutomine", True)
        receipt = landing.result()
    landed = chain.chain.web3.eth.get_transaction(HexBytes(receipt.tx_hash))
    assert (landed["nonce"], landed["input"]) == (2, HexBytes(wanted))


def deployed(chain: DevChain, member: Account, runtime: str) -> str:
    """A contract of this code."""
    code = DEPLOYS.format(length=len(runtime) // 2) + runtime
    created = transact(chain.chain, member, Call("deploy", None, "0x" + code)).created
    assert created is not None
    return created


def die(*_: object) -> Any:
    raise Killed


def test_a_call_is_made_at_another_nonce_once_its_own_is_shown_to_be_another_transactions(
    chain: DevChain, engine: sa.Engine, ours: Chain, member: Account
) -> None:
    chain.chain.rpc("evm_setAutomine", False)
    wait_in_vain(ours, member)
    chain.chain.web3.eth.send_raw_transaction(signed(member, 0, gas_price=10**11))
    chain.mine()
    chain.chain.rpc("evm_setAutomine", True)
    assert is_paid_once(chain, member, transact(another_process(chain, engine), member, PAY, wait_s=10), nonce=1)


def test_a_call_whose_nonce_another_took_long_ago_is_made_at_another(
    chain: DevChain, ours: Chain, member: Account
) -> None:
    """So long ago that no node tells any more in which block: as after a day for which the node was off."""
    chain.mine(200)
    chain.chain.rpc("evm_setAutomine", False)
    wait_in_vain(ours, member)
    chain.chain.web3.eth.send_raw_transaction(signed(member, 0, gas_price=10**11))
    chain.mine(200)
    chain.chain.rpc("evm_setAutomine", True)
    assert is_paid_once(chain, member, transact(ours, member, PAY, wait_s=10), nonce=1)


def test_what_another_process_offered_for_more_is_not_taken_for_another_transaction(
    chain: DevChain, engine: sa.Engine, ours: Chain, member: Account
) -> None:
    """It has even forgotten it by then: it was told of the block first."""
    chain.mine(200)
    chain.chain.rpc("evm_setAutomine", False)
    sending = Sending(ours, member, PAY, 50_000, Fees(10**10, 10**9))
    sending.send()
    theirs = Sending.kept_for(another_process(chain, engine), member, PAY)
    assert theirs is not None
    assert theirs.offer(Fees(2 * 10**10, 2 * 10**9)) is None
    chain.mine()
    theirs.forget()
    assert not sending.is_replaced()
    found, _ = sending.look()
    assert found is not None
    assert found["status"] == 1


def test_of_processes_that_begin_the_same_call_at_once_all_get_one_receipt(
    chain: DevChain, engine: sa.Engine, member: Account
) -> None:
    chain.chain.rpc("evm_setAutomine", False)
    with ThreadPoolExecutor(4) as pool:
        landing = [pool.submit(transact, another_process(chain, engine), member, PAY, wait_s=20) for _ in range(4)]
        wait_for(lambda: next_nonce(chain, member) == 1)
        time.sleep(0.5)
        chain.mine()
        receipts = [one.result() for one in landing]
    assert is_paid_once(chain, member, receipts[0])
    assert len({receipt.tx_hash for receipt in receipts}) == 1


def test_for_what_waits_before_a_call_more_is_offered_too(
    chain: DevChain, engine: sa.Engine, ours: Chain, member: Account
) -> None:
    chain.chain.rpc("evm_setAutomine", False)
    wait_in_vain(ours, member, OTHER)
    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(transact, another_process(chain, engine), member, PAY, wait_s=20)
        wait_for(lambda: next_nonce(chain, member) == 2)
        assert is_paid_once(chain, member, landed_when_dear(chain, landing), nonce=1)
    assert chain.chain.balance(Web3.to_checksum_address(str(OTHER.to))) == 7


def test_one_purpose_is_one_wish_and_another_call_is_another() -> None:
    assert PAY.key == Call("pay", PAYEE, "0x", value_wei=5).key
    assert PAY.key != Call("pay", PAYEE, "0x", value_wei=6).key
    first, grown = (Call("settle", PAYEE, data, purpose="settle:3") for data in ("0x01", "0x0102"))
    assert first.key == grown.key == "settle:3"


def test_what_the_outbox_holds_reads_as_it_was_written() -> None:
    sent = Sent(PAY, 21_000, 7, Fees(3, 2), ("0x01", "0x02"), 1.5)
    assert Sent.of(sent.text()) == sent
