"""Transactions: signed here, in order whoever else uses the account, and refused by name."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account as Accounts
from eth_utils.crypto import keccak
from web3 import Web3

from oracle.chain.committee import CommitteeContract
from oracle.chain.contracts import deploy
from oracle.chain.transactions import Account, Call, current_fees, transact
from oracle.devnet.chain import DevChain
from oracle.errors import FeeTooHigh, TransactionFailed, TransactionPending

ETHER = 10**18


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


def test_an_account_without_money_gets_a_sentence(committee: CommitteeContract) -> None:
    poor: Account = Accounts.from_key(keccak(text="poor"))
    with pytest.raises(TransactionFailed, match="createCommittee was refused: InsufficientFunds"):
        committee.create_committee(poor, [poor.address], 1, poor.address)


def test_threads_that_share_an_account_do_not_take_each_others_nonce(
    committee: CommitteeContract, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.chain.transactions._TRIES", 1)

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
    chain.chain.rpc("evm_setAutomine", False)
    mine = chain.chain.web3.eth.get_transaction_count(member.address)
    replaced = False
    send = chain.chain.web3.eth.send_raw_transaction

    def replace_the_first(raw: bytes) -> bytes:
        nonlocal replaced
        sent = send(raw)
        if not replaced:
            replaced = True
            chain.chain.rpc("anvil_dropTransaction", Web3.to_hex(sent))
            fields = {"to": member.address, "value": 1, "gas": 21_000, "nonce": mine, "chainId": 31_337}
            send(member.sign_transaction(fields | {"gasPrice": 10**11}).raw_transaction)
            chain.chain.rpc("evm_setAutomine", True)
            chain.mine()
        return sent

    monkeypatch.setattr(chain.chain.web3.eth, "send_raw_transaction", replace_the_first)
    receipt = transact(chain.chain, member, Call("pay", "0x" + "22" * 20, "0x", value_wei=5))
    assert chain.chain.balance("0x" + "22" * 20) == 5
    assert chain.chain.web3.eth.get_transaction(receipt.tx_hash)["nonce"] == mine + 1  # type: ignore[arg-type]


def test_a_transaction_that_no_block_takes_is_pending_not_lost(chain: DevChain, member: Account) -> None:
    chain.chain.rpc("evm_setAutomine", False)
    with pytest.raises(TransactionPending) as pending:
        transact(chain.chain, member, Call("pay", "0x" + "22" * 20, "0x", value_wei=5), wait_s=0.3)
    assert pending.value.tx_hash in str(pending.value)
    chain.mine()
    assert chain.chain.balance("0x" + "22" * 20) == 5


def test_fees_follow_the_base_fee_up_to_the_cap(chain: DevChain) -> None:
    chain.chain.rpc("hardhat_setNextBlockBaseFeePerGas", hex(10 * 10**9))
    chain.mine()
    fees = current_fees(chain.chain, "pay", cap_wei=10**12)
    assert 10**9 < fees.most_wei < 25 * 10**9
    capped = current_fees(chain.chain, "pay", cap_wei=fees.most_wei * 3 // 4)
    assert capped.most_wei == fees.most_wei * 3 // 4
    with pytest.raises(FeeTooHigh, match="pay: gas costs"):
        current_fees(chain.chain, "pay", cap_wei=10**9)
