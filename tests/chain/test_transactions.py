"""Transactions: signed here, in order whoever else uses the account, and refused by name."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eth_account import Account as Accounts
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3

from oracle.chain.client import connect
from oracle.chain.committee import CommitteeContract
from oracle.chain.contracts import deploy
from oracle.chain.transactions import Account, Call, transact
from oracle.devnet.chain import DevChain
from oracle.errors import ChainUnreachable, TransactionFailed, TransactionPending
from tests.fixtures.relay import relaying

ETHER = 10**18
PAYEE = "0x" + "22" * 20
PAY = Call("pay", PAYEE, "0x", value_wei=5)


@pytest.fixture
def member(chain: DevChain) -> Account:
    account: Account = Accounts.from_key(keccak(text="member"))
    chain.give(account.address, 100 * ETHER)
    return account


@pytest.fixture
def committee(chain: DevChain, member: Account) -> CommitteeContract:
    clock = (chain.chain.head().timestamp_s, 100, 100, 10, 10)
    address, _ = deploy(chain.chain, member, "OracleCommittee", clock, member.address, 0)
    return CommitteeContract(chain.chain, address)


def test_a_receipt_tells_what_happened_and_what_it_cost(committee: CommitteeContract, member: Account) -> None:
    before = committee.chain.balance(member.address)
    number, receipt = committee.create_committee(member, [member.address], 1, member.address)
    assert number == 1
    assert [event.name for event in receipt.events] == ["CommitteeConfigured"]
    assert receipt.events[0].contract == committee.address
    assert receipt.cost_wei == before - committee.chain.balance(member.address) > 0


def test_a_refusal_names_the_contracts_error_and_its_facts(committee: CommitteeContract, member: Account) -> None:
    with pytest.raises(TransactionFailed) as refusal:
        committee.create_committee(member, [member.address], 2, member.address)
    assert refusal.value.error == "QuorumNotMajority"
    assert refusal.value.facts == {"quorum": 2, "members": 1}
    assert str(refusal.value) == "createCommittee was refused: QuorumNotMajority (quorum 2, members 1)"


def test_a_refused_call_names_the_contracts_error(committee: CommitteeContract) -> None:
    with pytest.raises(TransactionFailed) as refusal:
        committee.config_at(7, 0)
    assert (refusal.value.error, refusal.value.facts) == ("UnknownCommittee", {"committee": 7})


def test_a_transaction_that_fails_only_in_its_block_is_explained(
    committee: CommitteeContract, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the chain changed between the estimate and the block: here the estimate is left out."""
    monkeypatch.setattr("oracle.chain.transactions._gas", lambda *_: 1_000_000)
    with pytest.raises(TransactionFailed) as refusal:
        committee.create_committee(member, [member.address], 2, member.address)
    assert refusal.value.error == "QuorumNotMajority"


DEPLOYS = "60{length:02x}600c60003960{length:02x}6000f3"
"""Deploys what follows."""


def test_what_needs_more_gas_in_its_block_than_before_is_sent_again(chain: DevChain, member: Account) -> None:
    """As at an epoch's start: here a contract that stores two words from some second on, and nothing before."""
    later_s = chain.chain.head().timestamp_s + 1_000
    runtime = f"63{later_s:08x}4210601457600160015560016002555b00"
    code = DEPLOYS.format(length=len(runtime) // 2) + runtime
    burner = transact(chain.chain, member, Call("deploy", None, "0x" + code)).created
    assert burner is not None
    chain.chain.rpc("evm_setAutomine", False)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(transact, chain.chain, member, Call("burn", burner, "0x"))
        wait_for(lambda: chain.chain.web3.eth.get_transaction_count(member.address, "pending") == 2)
        chain.chain.rpc("evm_setNextBlockTimestamp", later_s)
        chain.mine()
        chain.chain.rpc("evm_setAutomine", True)
        receipt = sent.result(30)
    assert chain.chain.web3.eth.get_transaction_count(member.address) == 3
    assert receipt.gas_used > 60_000
    assert int.from_bytes(chain.chain.web3.eth.get_storage_at(Web3.to_checksum_address(burner), 2)) == 1


def test_an_account_without_money_gets_a_sentence(committee: CommitteeContract) -> None:
    poor: Account = Accounts.from_key(keccak(text="poor"))
    with pytest.raises(TransactionFailed, match="createCommittee was refused: InsufficientFunds"):
        committee.create_committee(poor, [poor.address], 1, poor.address)


def test_threads_that_share_an_account_do_not_take_each_others_nonce(
    committee: CommitteeContract, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.chain.sending._TRIES", 1)

    def create(_: int) -> int:
        return committee.create_committee(member, [member.address], 1, member.address)[0]

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(create, range(24))) == list(range(1, 25))


IN_ANOTHER_PROCESS = """
import sys
from eth_account import Account
from oracle.chain.client import connect
from oracle.chain.committee import CommitteeContract
url, address, key, recipient = sys.argv[1:]
contract, account = CommitteeContract(connect(url), address), Account.from_key(key)
for _ in range(10):
    contract.create_committee(account, [account.address], 1, recipient)
"""


def test_processes_that_share_an_account_do_not_take_each_others_nonce(
    committee: CommitteeContract, member: Account
) -> None:
    argv = [sys.executable, "-c", IN_ANOTHER_PROCESS, committee.chain.rpc_url, committee.address, member.key.hex()]
    # Two processes that sign the very same call at one nonce have signed one transaction: these calls differ.
    recipients = [Accounts.from_key(keccak(text=f"recipient {index}")).address for index in range(3)]
    processes = [subprocess.Popen([*argv, recipient]) for recipient in recipients]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert committee.call("committees") == 30


def test_another_transaction_with_our_nonce_makes_us_send_again(
    chain: DevChain, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process of the same account, whose transaction the block took in place of ours."""
    chain.mine(200)
    chain.chain.rpc("evm_setAutomine", False)
    replaced = False
    send = chain.chain.web3.eth.send_raw_transaction

    def replace_the_first(raw: bytes) -> bytes:
        nonlocal replaced
        sent = send(raw)
        if not replaced:
            replaced = True
            chain.chain.rpc("anvil_dropTransaction", Web3.to_hex(sent))
            send(signed(member, 0, gas_price=10**11))
            chain.chain.rpc("evm_setAutomine", True)
            chain.mine(3)
        return sent

    monkeypatch.setattr(chain.chain.web3.eth, "send_raw_transaction", replace_the_first)
    receipt = transact(chain.chain, member, PAY)
    assert chain.chain.balance(PAYEE) == 5
    assert chain.chain.web3.eth.get_transaction(HexBytes(receipt.tx_hash))["nonce"] == 1


def test_what_no_block_shows_another_transaction_in_place_of_is_not_sent_again(
    chain: DevChain, member: Account
) -> None:
    with relaying(chain.rpc_url) as relay:
        relay.null = {"eth_getTransactionReceipt": 99, "eth_getTransactionByHash": 99, "eth_getBlockByNumber": 99}
        with pytest.raises(TransactionPending):
            transact(connect(relay.url), member, PAY, wait_s=1)
    assert chain.chain.balance(PAYEE) == 5
    assert chain.chain.web3.eth.get_transaction_count(member.address) == 1


def signed(member: Account, nonce: int, gas_price: int) -> bytes:
    """A transaction of another process: it sends the account a wei of its own."""
    fields: dict[str, Any] = {
        "to": member.address,
        "value": 1,
        "gas": 21_000,
        "nonce": nonce,
        "chainId": 31_337,
        "gasPrice": gas_price,
    }
    return bytes(member.sign_transaction(fields).raw_transaction)


def test_an_endpoint_that_knows_the_nonce_before_the_receipt_is_waited_for(chain: DevChain, member: Account) -> None:
    with relaying(chain.rpc_url) as relay:
        relay.null["eth_getTransactionReceipt"] = 10
        receipt = transact(connect(relay.url), member, PAY)
    assert chain.chain.balance(PAYEE) == 5
    assert chain.chain.web3.eth.get_transaction(HexBytes(receipt.tx_hash))["nonce"] == 0
    assert chain.chain.web3.eth.get_transaction_count(member.address) == 1


def test_a_transaction_that_arrived_though_nobody_said_so_is_sent_once(chain: DevChain, member: Account) -> None:
    with relaying(chain.rpc_url) as relay:
        relay.unanswered = {"eth_sendRawTransaction": 1, "eth_getTransactionReceipt": 2}
        transact(connect(relay.url), member, PAY)
    assert chain.chain.balance(PAYEE) == 5
    assert relay.asked.count("eth_sendRawTransaction") == 1


def test_a_transaction_that_may_have_arrived_is_pending_with_its_hash(chain: DevChain, member: Account) -> None:
    with relaying(chain.rpc_url) as relay:
        relay.unanswered = {"eth_sendRawTransaction": 1, "eth_getTransactionReceipt": 99}
        with pytest.raises(TransactionPending) as pending:
            transact(connect(relay.url), member, PAY, wait_s=0.3)
    assert chain.chain.web3.eth.get_transaction(HexBytes(pending.value.tx_hash))["value"] == 5


def test_a_transaction_that_did_not_arrive_is_sent_again_at_its_nonce(
    chain: DevChain, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.chain.transactions._RAISE_S", 0.1)
    send = chain.chain.web3.eth.send_raw_transaction
    lost: list[bytes] = []

    def lose_the_first(raw: bytes) -> bytes:
        if lost:
            return send(raw)
        lost.append(raw)
        raise ChainUnreachable("no answer")

    monkeypatch.setattr(chain.chain.web3.eth, "send_raw_transaction", lose_the_first)
    transact(chain.chain, member, PAY, wait_s=10)
    assert chain.chain.balance(PAYEE) == 5
    assert chain.chain.web3.eth.get_transaction_count(member.address) == 1


def test_a_transaction_that_blocks_leave_out_is_offered_for_more_at_the_same_nonce(
    chain: DevChain, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.chain.transactions._RAISE_S", 0.3)
    eth = chain.chain.web3.eth
    base = eth.get_block("latest")["baseFeePerGas"]
    chain.chain.rpc("evm_setAutomine", False)
    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(transact, chain.chain, member, PAY, wait_s=20)
        wait_for(lambda: eth.get_transaction_count(member.address, "pending") == 1)
        while not landing.done():
            chain.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(5 * base))
            chain.mine()
            time.sleep(0.1)
    receipt = landing.result()
    landed = eth.get_transaction(HexBytes(receipt.tx_hash))
    assert (landed["nonce"], landed["value"]) == (0, 5)
    assert landed["maxFeePerGas"] > 5 * base
    assert eth.get_transaction_count(member.address, "pending") == 1


def wait_for(holds: Callable[[], bool]) -> None:
    """Until it holds, for ten seconds at most."""
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_nothing_is_offered_for_what_waits_behind_another_transaction(
    chain: DevChain, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell what that one is: it may be a report."""
    monkeypatch.setattr("oracle.chain.transactions._RAISE_S", 0.05)
    chain.chain.rpc("evm_setAutomine", False)
    first = chain.chain.web3.eth.send_raw_transaction(signed(member, 0, gas_price=10**10))
    with relaying(chain.rpc_url) as relay, pytest.raises(TransactionPending):
        transact(connect(relay.url), member, PAY, wait_s=1)
    assert relay.asked.count("eth_sendRawTransaction") == 1
    chain.mine()
    assert chain.chain.web3.eth.get_transaction_receipt(first)["status"] == 1
    assert chain.chain.balance(PAYEE) == 5


def test_a_transaction_that_no_block_takes_is_pending_not_lost(chain: DevChain, member: Account) -> None:
    chain.chain.rpc("evm_setAutomine", False)
    with pytest.raises(TransactionPending) as pending:
        transact(chain.chain, member, PAY, wait_s=0.3)
    assert pending.value.tx_hash in str(pending.value)
    chain.mine()
    assert chain.chain.balance(PAYEE) == 5
