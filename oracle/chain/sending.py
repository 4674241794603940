"""One call on its way into a block: signed for one nonce, and offered there for more and more."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from eth_account.signers.local import LocalAccount as Account
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BlockNotFound, TransactionNotFound, Web3RPCError

from oracle.chain.client import Chain, hex0x
from oracle.chain.fees import Fees, current_fees, raised
from oracle.chain.outbox import Call, Sent
from oracle.chain.refusals import failed, message_of, sentence_of
from oracle.errors import ChainUnreachable, FeeTooHigh

log = structlog.get_logger(__name__)

_RECENT = 127
"""So many blocks back any node still knows an account's nonce."""
_TRIES = 8
_MOST_HASHES = 32
_NONCE_TAKEN = ("nonce too low", "nonce too high", "replacement transaction underpriced")
_ALREADY_THERE = ("already known", "already imported", "known transaction")

_sending: defaultdict[tuple[int, str], threading.Lock] = defaultdict(threading.Lock)


class Overtaken(Exception):
    """Another process has written the same call into the outbox meanwhile."""


def fields_of(account: Account, call: Call) -> dict[str, Any]:
    """What the call is for an endpoint."""
    fields = {"from": account.address, "data": call.data, "value": call.value_wei}
    return fields | ({"to": Web3.to_checksum_address(call.to)} if call.to else {})


@dataclass(slots=True)
class Sending:
    """A call with its nonce, and a hash for each fee that was offered; `head` is the newest block when that was done
    last, `kept` what the outbox says of it."""

    chain: Chain
    account: Account
    call: Call
    gas: int
    fees: Fees
    head: int = 0
    nonce: int = -1
    hashes: list[str] = field(default_factory=list)
    offered_s: float = 0.0
    kept: str | None = None

    @classmethod
    def kept_for(cls, chain: Chain, account: Account, call: Call) -> Sending | None:
        """What the outbox has of the call; None without an outbox."""
        text = chain.outbox.find(account.address, call.key) if chain.outbox else None
        return cls._of(chain, account, text) if text else None

    @classmethod
    def _of(cls, chain: Chain, account: Account, text: str) -> Sending:
        sent = Sent.of(text)
        where = (sent.fees, sent.head, sent.nonce, list(sent.hashes), sent.offered_s, text)
        return cls(chain, account, sent.call, sent.gas, *where)

    def send(self) -> None:
        """Sends it at the account's next nonce.

        Raises: TransactionFailed; Overtaken; ChainUnreachable, but not where it may have been sent.
        """
        for attempt in range(_TRIES):
            with _sending[self.chain.chain_id, self.account.address]:
                self.nonce, self.hashes = self.count("pending"), []
                refusal = self.offer(self.fees)
            if refusal is None:
                return
            told = message_of(refusal).lower()
            if attempt == _TRIES - 1 or not any(words in told for words in _NONCE_TAKEN):
                self.forget()
                raise failed(self.call.action, refusal) from refusal

    def offer(self, fees: Fees) -> Web3RPCError | None:
        """Signs it for these fees and sends it, and gives the refusal; no answer may mean that it arrived.

        Raises: Overtaken.
        """
        fields = fields_of(self.account, self.call) | {"gas": self.gas, "chainId": self.chain.chain_id, "type": 2}
        fields |= {"maxFeePerGas": fees.most_wei, "maxPriorityFeePerGas": fees.tip_wei, "nonce": self.nonce}
        signed = self.account.sign_transaction(fields)
        tx_hash = hex0x(signed.hash)
        self.hashes = [one for one in self.hashes if one != tx_hash] + [tx_hash]
        self._keep(fees)
        try:
            self.chain.web3.eth.send_raw_transaction(signed.raw_transaction)
        except ChainUnreachable as error:
            log.warning("transaction_unanswered", action=self.call.action, tx=tx_hash, error=str(error))
        except Web3RPCError as error:
            there = any(words in message_of(error).lower() for words in _ALREADY_THERE)
            if not there and not self.is_known(tx_hash):
                return error
        self.fees = fees
        return None

    def _keep(self, fees: Fees) -> None:
        """Writes down what is about to be sent, or what stands after a refusal. Raises: Overtaken."""
        self.offered_s = time.time()
        if self.chain.outbox is None:
            return
        text = Sent(self.call, self.gas, self.nonce, fees, tuple(self.hashes), self.offered_s, self.head).text()
        if not self.chain.outbox.keep(self.account.address, self.call.key, self.nonce, text, self.kept):
            raise Overtaken
        self.kept = text

    def forget(self) -> None:
        """Takes it out of the outbox: a block has decided it, or it was never sent."""
        if self.chain.outbox is not None:
            self.chain.outbox.drop(self.account.address, self.call.key, self.nonce)

    def offer_more(self, patience_s: float) -> None:
        """Offers more for gas, or for what the outbox says is before it, where nobody has for so long; but not where
        another transaction is in the way: that one is not ours to replace, and may be a report."""
        try:
            first = self.count("latest")
            for one in [self] if first == self.nonce else self._before(first):
                one._raise(patience_s)
        except (ChainUnreachable, FeeTooHigh, Overtaken) as error:
            log.warning("transaction_not_raised", action=self.call.action, tx=self.hashes[-1], error=str(error))

    def _before(self, nonce: int) -> Iterator[Sending]:
        if self.chain.outbox is not None and nonce < self.nonce:
            for text in self.chain.outbox.at(self.account.address, nonce):
                yield self._of(self.chain, self.account, text)

    def _raise(self, patience_s: float) -> None:
        if not self._is_ours() or 0 <= time.time() - self.offered_s < patience_s:
            return
        if self.count("pending") > self.nonce and not any(map(self.is_known, reversed(self.hashes))):
            return
        before, fees = self.fees, self._next_fees()
        refusal = self.offer(fees)
        if refusal is not None and fees != before:
            self._take_back()
        event = "transaction_raised" if fees != before else "transaction_told_again"
        told = {"most_wei": fees.most_wei, "tip_wei": fees.tip_wei, "refused": refusal and sentence_of(refusal)}
        log.info(event, action=self.call.action, tx=self.hashes[-1], **told)

    def _next_fees(self) -> Fees:
        """More, where a block has come since the last offer and has not taken it; else the same, which may be lost."""
        head, cap_wei = self.chain.web3.eth.block_number, self.chain.fee_cap_wei
        if head <= self.head:
            return self.fees
        now = current_fees(self.chain, self.call.action, cap_wei)
        self.head = head
        return raised(self.fees, now, cap_wei)

    def _take_back(self) -> None:
        """What was refused was not offered. Some hashes of it are kept: endpoints may refuse what they passed on."""
        *accepted, refused = self.hashes
        self.hashes = [refused, *accepted] if len(accepted) < _MOST_HASHES else accepted
        self._keep(self.fees)

    def _is_ours(self) -> bool:
        """Whether the outbox still has it at this nonce; what other processes offered for it meanwhile is learnt."""
        if self.kept is None:
            return True
        now = self.kept_for(self.chain, self.account, self.call)
        if now is None or now.nonce != self.nonce:
            return False
        self.fees, self.head, self.kept, self.offered_s = now.fees, now.head, now.kept, now.offered_s
        self.hashes += [one for one in now.hashes if one not in self.hashes]
        return True

    def look(self) -> tuple[Any | None, bool]:
        """The receipt, and whether the nonce is used; neither where the endpoint does not answer."""
        try:
            used = self.count("latest") > self.nonce
            return next(filter(None, map(self._receipt_of, self.hashes)), None), used
        except ChainUnreachable:
            return None, False

    def is_replaced(self) -> bool:
        """Whether a block shows another transaction at the nonce: then ours will never be in one. One that does what
        ours does is ours, where an outbox lets another process offer it for more."""
        try:
            low, high = self._recent()
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self.count(middle) > self.nonce else (middle + 1, high)
            block: Any = self.chain.web3.eth.get_block(low, full_transactions=True)
        except (ChainUnreachable, BlockNotFound):
            return False
        ours = (tx for tx in block["transactions"] if tx["from"] == self.account.address)
        there = next((tx for tx in ours if tx["nonce"] == self.nonce), None)
        if (
            there is not None
            and self.kept is not None
            and self._does(there)
            and hex0x(there["hash"]) not in self.hashes
        ):
            self.hashes.append(hex0x(there["hash"]))
        return there is not None and hex0x(there["hash"]) not in self.hashes

    def _does(self, there: Any) -> bool:
        """Whether a transaction is this call."""
        to = Web3.to_checksum_address(self.call.to) if self.call.to else None
        made = (there.get("to"), HexBytes(there["input"]), there["value"])
        return made == (to, HexBytes(self.call.data), self.call.value_wei)

    def is_gone(self) -> bool:
        """Whether a block shows another transaction at the nonce, or it was used long ago and no hash is known."""
        try:
            low, head = self._recent()
            long_ago = head - low == _RECENT and self.count(low) > self.nonce
        except ChainUnreachable:
            return False
        return self.is_replaced() or (long_ago and not any(map(self.is_known, self.hashes)))

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
