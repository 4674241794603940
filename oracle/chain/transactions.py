"""Signs here, sends, and waits: what the chain refuses is TransactionFailed, with the contract's error by name.

The nonce is read from the chain for every transaction, so nothing has to survive a restart. What may have been sent is
sent at another nonce only when a block shows another process's transaction at the first: else the chain could do it
twice. At its own nonce the same call is offered for more as time passes; if it ends in no block, it is
TransactionPending with its hash. What a block had too little gas for did nothing, and is sent again with more.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from eth_account.signers.local import LocalAccount as Account
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BlockNotFound, ContractLogicError, TransactionNotFound, Web3RPCError

from oracle.chain.client import Chain, hex0x
from oracle.chain.events import Event, decode_all
from oracle.chain.fees import FEE_CAP_WEI, Fees, current_fees, raised
from oracle.chain.refusals import failed, message_of
from oracle.errors import ChainUnreachable, FeeTooHigh, TransactionFailed, TransactionPending

__all__ = ["Account", "Call", "Receipt", "transact"]

log = structlog.get_logger(__name__)

MOST_GAS = 16_777_216
"""No transaction may ask for more (EIP-7825)."""
WAIT_S = 120
_RAISE_S = 30
"""After so long without a block more is offered."""
_RECENT = 127
"""So many blocks back any node still knows an account's nonce."""
_TRIES = 8
_SPENT_64THS = 60
"""Of its gas what runs out of it has used so much: a call within a call leaves the 64th part to each that called."""
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
    """Sends the call from the account and waits for its block, offering more for gas as time passes.

    Raises: TransactionFailed, also before anything is sent if the chain can tell already; FeeTooHigh and
    ChainUnreachable if nothing was sent; TransactionPending if it was, and is in no block after `wait_s`.
    """
    began = time.monotonic()
    gas = _gas(chain, account, call)
    fees = current_fees(chain, call.action, fee_cap_wei)
    for _ in range(_TRIES):
        sending = _Sending(chain, account, call, gas, fee_cap_wei, fees)
        sending.send()
        found, replaced = _await(sending, began + wait_s)
        if found is not None and (more := _needed(sending, found)) <= gas:
            return _receipt(chain, account, call, found)
        if found is None and not replaced:
            break
        gas = gas if found is None else more
    raise TransactionPending(call.action, sending.hashes[-1], time.monotonic() - began)


def _needed(sending: _Sending, found: Any) -> int:
    """How much gas the call wants now if it ran out of it, as where an epoch began between the estimate and the block;
    else 0. What ran out did nothing, and may be sent again.

    Raises: TransactionFailed if the chain would refuse it now.
    """
    if found["status"] or found["gasUsed"] * 64 < sending.gas * _SPENT_64THS:
        return 0
    log.warning("transaction_out_of_gas", action=sending.call.action, tx=sending.hashes[-1], gas=sending.gas)
    return _gas(sending.chain, sending.account, sending.call)


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


@dataclass(slots=True)
class _Sending:
    """A call on its way into a block: signed for one nonce, under one hash for each fee that was offered."""

    chain: Chain
    account: Account
    call: Call
    gas: int
    fee_cap_wei: int
    fees: Fees
    nonce: int = -1
    hashes: list[str] = field(default_factory=list)

    def send(self) -> None:
        """Sends it at the account's next nonce.

        Raises: TransactionFailed; ChainUnreachable, but not where it may have been sent.
        """
        for attempt in range(_TRIES):
            with _sending[self.chain.chain_id, self.account.address]:
                self.nonce = self.count("pending")
                refusal = self.offer(self.fees)
            if refusal is None:
                return
            told = message_of(refusal).lower()
            if attempt == _TRIES - 1 or not any(words in told for words in _NONCE_TAKEN):
                raise failed(self.call.action, refusal) from refusal

    def offer(self, fees: Fees) -> Web3RPCError | None:
        """Signs it for these fees and sends it, and gives the refusal; no answer may mean that it arrived."""
        fields = _fields(self.account, self.call) | {"gas": self.gas, "chainId": self.chain.chain_id, "type": 2}
        fields |= {"maxFeePerGas": fees.most_wei, "maxPriorityFeePerGas": fees.tip_wei, "nonce": self.nonce}
        signed = self.account.sign_transaction(fields)
        tx_hash = hex0x(signed.hash)
        try:
            self.chain.web3.eth.send_raw_transaction(signed.raw_transaction)
        except ChainUnreachable as error:
            log.warning("transaction_unanswered", action=self.call.action, tx=tx_hash, error=str(error))
        except Web3RPCError as error:
            there = any(words in message_of(error).lower() for words in _ALREADY_THERE)
            if not there and not self.is_known(tx_hash):
                return error
        self.fees = fees
        self.hashes = [one for one in self.hashes if one != tx_hash] + [tx_hash]
        return None

    def offer_more(self) -> None:
        """Offers more for gas, unless another transaction is at the nonce or before it: that one is not ours to
        replace, and may be a report."""
        try:
            free = self.count("pending") <= self.nonce
            if self.count("latest") == self.nonce and (free or self.is_known(self.hashes[-1])):
                now = current_fees(self.chain, self.call.action, self.fee_cap_wei)
                refusal = self.offer(raised(self.fees, now, self.fee_cap_wei))
                log.info("transaction_raised", action=self.call.action, tx=self.hashes[-1], refused=refusal is not None)
        except (ChainUnreachable, FeeTooHigh) as error:
            log.warning("transaction_not_raised", action=self.call.action, tx=self.hashes[-1], error=str(error))

    def look(self) -> tuple[Any | None, bool]:
        """The receipt, and whether the nonce is used; neither where the endpoint does not answer."""
        try:
            used = self.count("latest") > self.nonce
            return next(filter(None, map(self._receipt_of, self.hashes)), None), used
        except ChainUnreachable:
            return None, False

    def is_replaced(self) -> bool:
        """Whether a block shows another transaction at the nonce: then ours will never be in one."""
        try:
            low, high = self._recent()
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self.count(middle) > self.nonce else (middle + 1, high)
            block: Any = self.chain.web3.eth.get_block(low, full_transactions=True)
        except (ChainUnreachable, BlockNotFound):
            return False
        ours = (tx for tx in block["transactions"] if tx["from"] == self.account.address)
        return any(tx["nonce"] == self.nonce and hex0x(tx["hash"]) not in self.hashes for tx in ours)

    def _recent(self) -> tuple[int, int]:
        head = self.chain.head().number
        return max(0, head - _RECENT), head

    def is_known(self, tx_hash: str) -> bool:
        """Whether the chain may know a transaction, in a block or waiting for one."""
        try:
            self.chain.web3.eth.get_transaction(HexBytes(tx_hash))
        except TransactionNotFound:
            return False
        except ChainUnreachable:
            pass
        return True

    def count(self, block: int | Literal["latest", "pending"]) -> int:
        """The account's next nonce."""
        return self.chain.web3.eth.get_transaction_count(self.account.address, block)

    def _receipt_of(self, tx_hash: str) -> Any | None:
        try:
            return self.chain.web3.eth.get_transaction_receipt(HexBytes(tx_hash))
        except TransactionNotFound:
            return None


def _await(sending: _Sending, deadline: float) -> tuple[Any | None, bool]:
    """The receipt, or None at the deadline or when another transaction has taken the nonce: which of both."""
    pause_s = 0.02
    offered = time.monotonic()
    while True:
        found, used = sending.look()
        replaced = used and found is None and sending.is_replaced()
        now = time.monotonic()
        if found is not None or replaced or now > deadline:
            return found, replaced
        if now - offered > _RAISE_S and not used:
            sending.offer_more()
            offered = now
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
    except ChainUnreachable as error:
        log.warning("refusal_unexplained", action=call.action, error=str(error))
    return TransactionFailed(call.action, "Reverted")
