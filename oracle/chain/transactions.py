"""Signs here, sends, and waits: what the chain refuses is TransactionFailed, with the contract's error by name.

What may have been sent is sent at another nonce only when a block shows another transaction at the first: else the
chain could do it twice. At its own nonce the same call is offered for more as blocks pass; if it ends in no block, it
is TransactionPending with its hash. Where the chain has an outbox, whoever makes the same call next goes on from there,
after a kill too, and what waits behind it has more offered for it; without one the nonce is read from the chain each
time, and nothing is known of what was sent before. What a block had too little gas for did nothing, and is sent again
with more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from eth_account.signers.local import LocalAccount as Account
from web3.exceptions import ContractLogicError, Web3RPCError

from oracle.chain.client import Chain, hex0x
from oracle.chain.events import Event, decode_all
from oracle.chain.fees import current_fees
from oracle.chain.outbox import Call
from oracle.chain.refusals import failed
from oracle.chain.sending import Overtaken, Sending, fields_of
from oracle.errors import ChainUnreachable, TransactionFailed, TransactionPending

__all__ = ["Account", "Call", "Receipt", "transact"]

log = structlog.get_logger(__name__)

MOST_GAS = 16_777_216
"""No transaction may ask for more (EIP-7825)."""
WAIT_S = 120
_RAISE_S = 30
"""After so long without a receipt more is offered."""
_LONG_AGO_S = 86_400
_TRIES = 8
_SPENT_64THS = 60
"""Of its gas what runs out of it has used so much: a call within a call leaves the 64th part to each that called."""


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


def transact(chain: Chain, account: Account, call: Call, wait_s: float = WAIT_S) -> Receipt:
    """Sends the call from the account, or goes on with it where it was sent before, and waits for its block, offering
    more for gas as blocks pass.

    Raises: TransactionFailed, also before anything is sent if the chain can tell already; FeeTooHigh and
    ChainUnreachable if nothing was sent; TransactionPending if it was, and is in no block after `wait_s`.
    """
    began = time.monotonic()
    sending, gas = _resumed(chain, account, call), 0
    for _ in range(_TRIES):
        sending = sending or _begun(chain, account, call, gas)
        if sending is None:  # another process was first: it has our wish in hand, or is done with it
            sending = _resumed(chain, account, call)
            continue
        found, replaced = _await(sending, began + wait_s)
        if found is None and not replaced:
            break
        sending.forget()
        if found is not None and not (gas := _needed(sending, found, call)):
            return _receipt(chain, account, sending.call, found)
        sending = None
    raise TransactionPending(call.action, sending.hashes[-1] if sending else "", time.monotonic() - began)


def _resumed(chain: Chain, account: Account, call: Call) -> Sending | None:
    """What the outbox has of the call, unless it is decided that it did nothing and never will, or that it was done so
    long ago that whoever asks now asks for another one."""
    sending = Sending.kept_for(chain, account, call)
    if sending is None:
        return None
    found, used = sending.look()
    if sending.is_gone() if used and found is None else found is not None and _is_over(sending, found):
        sending.forget()
        return None
    log.info("transaction_resumed", action=call.action, nonce=sending.nonce, tx=sending.hashes[-1])
    return sending


def _is_over(sending: Sending, found: Any) -> bool:
    return not found["status"] or time.time() - sending.offered_s > _LONG_AGO_S


def _begun(chain: Chain, account: Account, call: Call, gas: int) -> Sending | None:
    """The call, sent for the first time; None if the outbox has it by now."""
    gas = gas or _gas(chain, account, call)
    head = chain.web3.eth.block_number
    sending = Sending(chain, account, call, gas, current_fees(chain, call.action, chain.fee_cap_wei), head)
    try:
        sending.send()
    except Overtaken:
        return None
    return sending


def _needed(sending: Sending, found: Any, call: Call) -> int:
    """How much gas the call wants now if what was sent for it ran out of gas, as where an epoch began between the
    estimate and the block; else 0. What ran out did nothing: it may be sent again, or what is wanted in its place.

    Raises: TransactionFailed if the chain would refuse it now.
    """
    if found["status"] or found["gasUsed"] * 64 < sending.gas * _SPENT_64THS:
        return 0
    log.warning("transaction_out_of_gas", action=sending.call.action, tx=sending.hashes[-1], gas=sending.gas)
    gas = _gas(sending.chain, sending.account, call)
    return gas if gas > sending.gas or call != sending.call else 0


def _gas(chain: Chain, account: Account, call: Call) -> int:
    """A quarter more than the call needs now: other transactions may come between."""
    fields: Any = fields_of(account, call)
    try:
        return min(MOST_GAS, chain.web3.eth.estimate_gas(fields) * 5 // 4)
    except (ContractLogicError, Web3RPCError) as error:
        raise failed(call.action, error) from error


def _await(sending: Sending, deadline: float) -> tuple[Any | None, bool]:
    """The receipt, or None at the deadline or when another transaction has taken the nonce: which of both."""
    pause_s = 0.02
    offered_s = sending.offered_s
    while True:
        found, used = sending.look()
        replaced = used and found is None and sending.is_replaced()
        now = time.monotonic()
        if found is not None or replaced or now > deadline:
            return found, replaced
        if not used and not 0 <= time.time() - offered_s <= _RAISE_S:
            sending.offer_more(_RAISE_S)
            offered_s = time.time()
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
    fields: Any = fields_of(account, call)
    try:
        chain.web3.eth.call(fields, block)
    except (ContractLogicError, Web3RPCError) as error:
        return failed(call.action, error)
    except ChainUnreachable as error:
        log.warning("refusal_unexplained", action=call.action, error=str(error))
    return TransactionFailed(call.action, "Reverted")
