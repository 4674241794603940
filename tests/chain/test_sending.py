"""What is offered for a call on its way: more when blocks leave it out, and only at a nonce that is still its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account as Accounts
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from structlog.testing import capture_logs

from oracle.chain.client import Chain, connect
from oracle.chain.fees import Fees
from oracle.chain.outbox import Call, Sent
from oracle.chain.sending import Sending
from oracle.chain.transactions import Account, transact
from oracle.devnet.chain import DevChain
from oracle.errors import TransactionFailed
from oracle.store.db import close_store, open_store
from oracle.store.outbox import StoredOutbox
from tests.chain.test_transactions import ETHER, PAY, PAYEE, signed
from tests.fixtures.relay import Relay, relaying

GWEI = 10**9
OFFER = Fees(5 * GWEI, GWEI)
SEND = "eth_sendRawTransaction"


@pytest.fixture
def member(chain: DevChain) -> Account:
    account: Account = Accounts.from_key(keccak(text="member"))
    chain.give(account.address, 100 * ETHER)
    chain.chain.rpc("evm_setAutomine", False)
    return account


@pytest.fixture
def relay(chain: DevChain) -> Iterator[Relay]:
    with relaying(chain.rpc_url) as between:
        yield between


@pytest.fixture
def ours(relay: Relay, tmp_path: Path) -> Iterator[Chain]:
    """The chain as a node has it, whose store keeps what is sent."""
    url = f"sqlite:///{tmp_path / 'outbox.sqlite3'}"
    yield replace(connect(relay.url), outbox=StoredOutbox(open_store(url)))
    close_store(url)


@pytest.fixture
def sending(ours: Chain, member: Account) -> Sending:
    """A call that waits for a block."""
    sent = Sending(ours, member, PAY, 50_000, OFFER, ours.head().number)
    sent.send()
    return sent


def row(ours: Chain, member: Account) -> Sent:
    """What the outbox has of the call."""
    assert ours.outbox is not None
    text = ours.outbox.find(member.address, PAY.key)
    assert text is not None
    return Sent.of(text)


def mine_without_it(chain: DevChain, base_gwei: int = 40) -> None:
    """A block that is too dear for the offer."""
    chain.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_gwei * GWEI))
    chain.mine()


def is_waiting(chain: DevChain, tx_hash: str) -> bool:
    waiting = chain.chain.rpc("eth_getTransactionByHash", tx_hash)
    return waiting is not None and waiting["blockNumber"] is None


def test_while_no_block_comes_the_same_is_told_again_and_more_when_one_has_come(
    chain: DevChain, ours: Chain, member: Account, sending: Sending
) -> None:
    first = sending.hashes[0]
    for _ in range(3):
        chain.chain.rpc("anvil_dropTransaction", first)
        sending.offer_more(0)
        assert is_waiting(chain, first)
        sending.offer_more(0)
    after_a_kill = Sending.kept_for(ours, member, PAY)
    assert after_a_kill is not None
    after_a_kill.offer_more(0)
    assert (row(ours, member).fees, row(ours, member).hashes) == (OFFER, (first,))
    mine_without_it(chain)
    after_a_kill.offer_more(0)
    offered = row(ours, member)
    assert offered.fees.most_wei > 40 * GWEI
    assert offered.head == chain.chain.head().number
    sending.offer_more(0)  # by the store it learns what the other offered, and when
    assert (row(ours, member).fees, sending.hashes) == (offered.fees, list(offered.hashes))


def test_what_was_kept_before_heads_were_is_offered_for_more(
    chain: DevChain, ours: Chain, member: Account, sending: Sending
) -> None:
    assert ours.outbox is not None
    old = row(ours, member).text().replace(f'"head": {sending.head}, ', "")
    assert "head" not in old
    assert ours.outbox.keep(member.address, PAY.key, 0, old, sending.kept)
    mine_without_it(chain)
    sending.offer_more(0)
    assert sending.fees.most_wei > 40 * GWEI


def test_a_raise_that_was_refused_was_not_offered_and_its_reason_is_logged(
    chain: DevChain, ours: Chain, member: Account, sending: Sending, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.chain.sending._MOST_HASHES", 3)
    first = sending.hashes[0]
    relay.refused = {SEND: {"code": -32000, "message": "insufficient\nfunds: see https://node.example/v3/secret"}}
    for base_gwei in range(40, 45):
        mine_without_it(chain, base_gwei)
        with capture_logs() as logged:
            sending.offer_more(0)
        assert [(one["event"], one["refused"]) for one in logged] == [("transaction_raised", "insufficient funds: see")]
        assert (row(ours, member).fees, sending.fees) == (OFFER, OFFER)
        assert (row(ours, member).hashes[-1], len(set(row(ours, member).hashes))) == (first, len(sending.hashes))
    assert len(sending.hashes) == 3
    asked = relay.asked.count(SEND)
    sending.offer_more(0)  # no block since: what was accepted is told again
    assert (relay.asked.count(SEND), sending.hashes[-1]) == (asked + 1, first)
    relay.refused = {}
    mine_without_it(chain)
    sending.offer_more(0)
    assert 40 * GWEI < row(ours, member).fees.most_wei < 100 * GWEI
    assert is_waiting(chain, sending.hashes[-1])


def test_a_transaction_that_is_not_ours_is_not_replaced_at_our_nonce(
    chain: DevChain, member: Account, sending: Sending
) -> None:
    """It may be a report. Ours was lost before."""
    chain.chain.rpc("anvil_dropTransaction", sending.hashes[0])
    theirs = HexBytes(chain.chain.web3.eth.send_raw_transaction(signed(member, 0, gas_price=2 * GWEI))).to_0x_hex()
    sending.offer_more(0)
    assert is_waiting(chain, theirs)


def test_nothing_is_offered_at_a_nonce_from_which_another_process_has_moved_the_call(
    chain: DevChain, ours: Chain, member: Account, sending: Sending
) -> None:
    """It saw a block with another transaction there, which is undone by now."""
    assert ours.outbox is not None
    moved = replace(row(ours, member), nonce=1, hashes=("0x" + "11" * 32,)).text()
    assert ours.outbox.keep(member.address, PAY.key, 1, moved, sending.kept)
    mine_without_it(chain)
    sending.offer_more(0)
    assert row(ours, member).nonce == 1
    assert len(sending.hashes) == 1


def test_what_offers_too_little_for_the_pool_is_refused_at_once(ours: Chain, member: Account, relay: Relay) -> None:
    relay.refused = {SEND: {"code": -32000, "message": "transaction underpriced: gas tip cap 1, minimum needed 9"}}
    with pytest.raises(TransactionFailed, match="pay was refused: transaction underpriced: gas tip cap 1"):
        transact(ours, member, PAY)
    assert relay.asked.count(SEND) == 1
    assert ours.outbox is not None
    assert ours.outbox.find(member.address, PAY.key) is None


@pytest.mark.parametrize("words", ["nonce too low", "Replacement transaction underpriced. A gasPrice of 2 is needed"])
def test_a_nonce_that_another_process_took_is_left_to_it(
    ours: Chain, member: Account, relay: Relay, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.chain.sending._TRIES", 3)
    relay.refused = {SEND: {"code": -32000, "message": words}}
    with pytest.raises(TransactionFailed):
        transact(ours, member, Call("pay", PAYEE, "0x"))
    assert relay.asked.count(SEND) == 3
