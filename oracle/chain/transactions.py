"""Signs here, sends, and waits: what the chain refuses is TransactionFailed, with the contract's error by name.

The nonce is read from the chain for every transaction, so nothing has to survive a restart; when another process took
it meanwhile, the next one is tried.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount as Account
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from oracle.chain.client import Chain, hex0x
from oracle.chain.events import Event, decode_all
from oracle.chain.refusals import failed, message_of
from oracle.errors import FeeTooHigh, TransactionFailed, TransactionPending

__all__ = ["Account", "Call", "Fees", "Receipt", "current_fees", "transact"]

MOST_GAS = 16_777_216
"""No transaction may ask for more (EIP-7825)."""
FEE_CAP_WEI = 500 * 10**9
WAIT_S = 120
_TRIES = 8
_NONCE_TAKEN = ("nonce too low", "nonce too high", "underpriced")
_ALREADY_THERE = ("already known", "already imported", "known transaction")

_sending: defaultdict[tuple[int, str], threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does; `action` says it in words for errors, `to` None creates a contract."""

    action: str
    to: str | None
    data: str
    value_wei: int = 0


@dataclass(frozen=True, slots=True)
class Fees:
    """The most that a unit of gas may cost, and the part of it that goes to the block's producer."""

    most_wei: int
    tip_wei: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that a block has taken."""

    tx_hash: str
    block_number: int
    gas_used: int
    cost_wei: int
    created: str | None
    events: tuple[Event, ...]

    def event(self, name: str) -> Mapping[str, Any]:
        """The arguments of the first event of this name."""
        return next(event.args for event in self.events if event.name == name)


def transact(
    chain: Chain, account: Account, call: Call, fee_cap_wei: int = FEE_CAP_WEI, wait_s: float = WAIT_S
) -> Receipt:
    """Sends the call from the account and waits for its block.

    Raises: TransactionFailed, also before anything is sent if the chain can tell already; FeeTooHigh; ChainUnreachable;
    TransactionPending after `wait_s`.
    """
    gas = _gas(chain, account, call)
    fees = current_fees(chain, call.action, fee_cap_wei)
    deadline = time.monotonic() + wait_s
    for _ in range(_TRIES):
        nonce, tx_hash = _send(chain, account, call, gas, fees)
        found = _await(chain, account.address, nonce, tx_hash, deadline)
        if found is not None:
            return _receipt(chain, account, call, found)
        if time.monotonic() > deadline:
            break
    raise TransactionPending(call.action, tx_hash, wait_s)


def current_fees(chain: Chain, action: str, cap_wei: int = FEE_CAP_WEI) -> Fees:
    """Twice the next block's base fee and the median tip of late, but never more than the cap.

    Raises: FeeTooHigh if not even the base fee is within the cap.
    """
    history: Any = chain.web3.eth.fee_history(5, "latest", [50])
    base = int(history["baseFeePerGas"][-1])
    tips = sorted(int(rewards[0]) for rewards in history.get("reward") or [] if rewards)
    tip = max(1, tips[len(tips) // 2] if tips else 1)
    if base + tip > cap_wei:
        raise FeeTooHigh(action, base, cap_wei)
    return Fees(min(2 * base + tip, cap_wei), tip)


def _fields(account: Account, call: Call) -> dict[str, Any]:
    fields = {"from": account.address, "data": call.data, "value": call.value_wei}
    return fields | ({"to": Web3.to_checksum_address(call.to)} if call.to else {})


def _gas(chain: Chain, account: Account, call: Call) -> int:
    """A quarter more than the call needs now: other transactions may come between."""
    fields: Any = _fields(account, call)
    try:
        return min(MOST_GAS, chain.web3.eth.estimate_gas(fields) * 5 // 4)
    except (ContractLogicError, Web3RPCError) as error:
        raise failed(call.action, error) from error


def _send(chain: Chain, account: Account, call: Call, gas: int, fees: Fees) -> tuple[int, str]:
    fields = _fields(account, call) | {"gas": gas, "chainId": chain.chain_id, "type": 2}
    fields |= {"maxFeePerGas": fees.most_wei, "maxPriorityFeePerGas": fees.tip_wei}
    for attempt in range(_TRIES):
        with _sending[chain.chain_id, account.address]:
            nonce = chain.web3.eth.get_transaction_count(account.address, "pending")
            signed = account.sign_transaction(fields | {"nonce": nonce})
            tx_hash = hex0x(signed.hash)
            try:
                chain.web3.eth.send_raw_transaction(signed.raw_transaction)
            except Web3RPCError as error:
                told = message_of(error).lower()
                if not any(words in told for words in _ALREADY_THERE):
                    if any(words in told for words in _NONCE_TAKEN) and attempt < _TRIES - 1:
                        continue
                    raise failed(call.action, error) from error
        return nonce, tx_hash
    raise TransactionFailed(call.action, "NonceTaken")  # pragma: no cover - the loop above raises first


def _await(chain: Chain, sender: str, nonce: int, tx_hash: str, deadline: float) -> Any | None:
    """The receipt, or None at the deadline or when another transaction has taken the nonce."""
    pause_s = 0.02
    passed_over = 0
    while True:
        taken = chain.web3.eth.get_transaction_count(Web3.to_checksum_address(sender), "latest") > nonce
        try:
            return chain.web3.eth.get_transaction_receipt(HexBytes(tx_hash))
        except TransactionNotFound:
            passed_over += taken
        # Endpoints with several machines behind them may know the nonce before the receipt.
        if passed_over >= 5 or time.monotonic() > deadline:
            return None
        time.sleep(pause_s)
        pause_s = min(1.0, pause_s * 1.5)


def _receipt(chain: Chain, account: Account, call: Call, found: Any) -> Receipt:
    if found["status"] == 0:
        raise _why(chain, account, call, found["blockNumber"])
    price = int(found.get("effectiveGasPrice", 0))
    return Receipt(
        tx_hash=hex0x(found["transactionHash"]),
        block_number=found["blockNumber"],
        gas_used=found["gasUsed"],
        cost_wei=found["gasUsed"] * price,
        created=found.get("contractAddress"),
        events=decode_all(found["logs"]),
    )


def _why(chain: Chain, account: Account, call: Call, block: int) -> TransactionFailed:
    """What the same call meets on the state that it left."""
    fields: Any = _fields(account, call)
    try:
        chain.web3.eth.call(fields, block)
    except (ContractLogicError, Web3RPCError) as error:
        return failed(call.action, error)
    return TransactionFailed(call.action, "Reverted")
