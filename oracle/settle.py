"""Settles funds: every epoch that is final, missed or voided, in order, and the deposits that wait for their price.

Any node may do it at any time: the contract refuses a second time, and that is an answer, not an error.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from oracle.errors import ChainUnreachable, InvalidInput, MirrorbondError, TransactionFailed
from oracle.evidence import REPORT, read_fund, read_leaves
from oracle.model import FundId
from oracle.store import facts, ledger
from oracle.store.reports import load_evidence_file
from oracle.store.transactions import save_transaction

if TYPE_CHECKING:
    from oracle.chain.fund import FundContract
    from oracle.chain.structs import Reveal
    from oracle.chain.transactions import Account, Receipt

log = structlog.get_logger(__name__)

MOST_EPOCHS = 64
"""So many epochs are settled in one transaction at most, and no more than `MOST_WORK` allows."""
MOST_WORK = 10_000_000
"""Gas, by a generous estimate: a block takes transactions of up to 16,777,216."""
_GAS_PER_EPOCH = 60_000
_GAS_PER_POSITION = 1_500
_NOBODYS = b"\xff" * 3
"""A vector that the contract never takes, whatever a report holds: it is no list of words of four bytes."""
_WRONG_VECTOR = ("WrongProof", "InvalidVector", "WeightsExceedTarget", "VectorNeeded")
"""What the contract says to a vector that is not the epoch's, or to none too early."""
_NO_LEAF = "0x" + "00" * 32
"""What the contract names as the leaf where the epoch takes an empty vector only: missed or voided."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What one run did for a fund: the epochs settled, by which transactions, and the epoch at which it stopped with
    the reason ("not_final", also while a challenge is not decided; "no_evidence"; both None when nothing is left). Of a
    run that failed only `error` is known."""

    epochs: tuple[int, ...] = ()
    tx_hashes: tuple[str, ...] = ()
    stopped_at: int | None = None
    reason: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    epochs: tuple[int, ...]
    reveals: tuple[Reveal, ...]
    stopped_at: int | None
    reason: str | None


def settle_ready(
    engine: sa.Engine, contract: FundContract, account: Account, fund: int, give_up_after: int | None = None
) -> Settled:
    """Settles the fund's epochs that are final, missed or voided, in order, in as many transactions as they need.

    Which epochs are funded is for the contract to say. An epoch whose weights this node does not have stops the run: it
    is given up, and pays nobody, only `give_up_after` epochs after the contract lets anyone do so (None: never), or as
    soon as it does if this node has the weights of a later one, which anyone might give up too if it waited.
    """
    epochs: list[int] = []
    hashes: list[str] = []
    while True:
        batch = _next_batch(engine, contract, fund, give_up_after)
        # The contract prices deposits as it settles, but no more in one call than a transaction has gas for.
        prices = not batch.reveals and batch.reason is None and _has_unpriced(engine, contract, fund)
        receipt = _settle(engine, contract, account, fund, batch) if batch.reveals or prices else None
        done = _settled_in(receipt) if receipt else []
        epochs += done
        hashes += [receipt.tx_hash] if receipt else []
        # What was settled may be what an earlier run had sent: then this batch is still to come.
        if receipt is None or (batch.reason is not None and done == list(batch.epochs)):
            return Settled(tuple(epochs), tuple(hashes), batch.stopped_at, batch.reason)


def settle_all(
    engine: sa.Engine, contract: FundContract, account: Account, committee: int, give_up_after: int | None = None
) -> dict[int, Settled]:
    """`settle_ready` for every fund with epochs of the committee to settle; one that fails does not hold up the others.

    Of strangers' funds there may be any number, each for the price of its creation: who wants them settled pays for it.

    Raises: ChainUnreachable.
    """
    done: dict[int, Settled] = {}
    for fund in _in_turn(engine, ledger.funds_to_settle(engine, committee)):
        facts.put(engine, facts.SETTLING, fund)
        try:
            done[fund] = settle_ready(engine, contract, account, fund, give_up_after)
        except ChainUnreachable:
            raise
        except (MirrorbondError, KeyError) as error:
            log.warning("settle_failed", fund=fund, error=str(error))
            done[fund] = Settled(error=str(error))
    return done


def _in_turn(engine: sa.Engine, funds: Sequence[FundId]) -> list[FundId]:
    """The funds, first those after the one begun last: a run that was cut short goes on at the next one."""
    begun = bisect.bisect_right(funds, facts.get(engine, facts.SETTLING) or 0)
    return [*funds[begun:], *funds[:begun]]


def _settle(engine: sa.Engine, contract: FundContract, account: Account, fund: int, batch: _Batch) -> Receipt | None:
    """Sends a batch; None if another node settled the same epochs meanwhile."""
    before = contract.fund_of(fund).cursor
    try:
        receipt = contract.settle(account, fund, batch.reveals)
    except TransactionFailed as refusal:
        if contract.fund_of(fund).cursor.epoch != before.epoch or refusal.error == "UnusedReveals":
            return None
        save_transaction(engine, f"settle:{fund}:{before.epoch}", "failed", error=str(refusal))
        raise
    epochs = _settled_in(receipt)
    what = f"{epochs[0]}-{epochs[-1]}" if epochs else f"turn-{before.turn + 1}"
    save_transaction(engine, f"settle:{fund}:{what}", "done", receipt.tx_hash)
    log.info("epochs_settled", fund=fund, epochs=epochs, tx=receipt.tx_hash, gas=receipt.gas_used)
    return receipt


def _settled_in(receipt: Receipt) -> list[int]:
    return [event.args["epoch"] for event in receipt.events if event.name == "EpochSettled"]


def _has_unpriced(engine: sa.Engine, contract: FundContract, fund: int) -> bool:
    """Whether deposits that joined or left by now have no price yet; for when no settlement of an epoch gives it."""
    cursor, clock = contract.fund_of(fund).cursor, facts.get_clock(engine)
    if cursor.turn == cursor.turns or clock is None:
        return False
    return contract.turn_of(fund, cursor.turn + 1).epoch <= clock.epoch_at(contract.chain.head().timestamp_s)


def _next_batch(engine: sa.Engine, contract: FundContract, fund: int, give_up_after: int | None) -> _Batch:
    """The reveals of the next epochs, found by asking the contract what it would say to one more."""
    from oracle.chain.structs import Reveal

    epochs: list[int] = []
    reveals: list[Reveal] = []
    positions = contract.fund_of(fund).cursor.positions
    most = min(MOST_EPOCHS, max(1, MOST_WORK // (_GAS_PER_EPOCH + positions * _GAS_PER_POSITION)))
    while len(reveals) < most:
        refusal = _refusal(contract, fund, [*reveals, Reveal(_NOBODYS)])
        if refusal is None or refusal.error == "UnusedReveals":
            break
        if refusal.error not in ("NotFinal", "WrongProof", "InvalidVector"):  # the last: a report holds even nobody's
            raise refusal
        epoch = int(str(refusal.facts["epoch"]))
        if refusal.error == "NotFinal":
            return _Batch(tuple(epochs), tuple(reveals), epoch, "not_final")
        if refusal.facts.get("leaf") == _NO_LEAF:
            candidates = [Reveal()]
        else:  # without the right vector, an empty one gives the epoch up as soon as the contract lets it
            giving_up = give_up_after is not None and _is_to_be_given_up(engine, contract, fund, epoch, give_up_after)
            candidates = [*_reveals(engine, fund, epoch), *([Reveal()] if giving_up else [])]
        taken = _fitting(contract, fund, reveals, candidates, epoch)
        if taken is None:
            log.warning("evidence_missing", fund=fund, epoch=epoch)
            return _Batch(tuple(epochs), tuple(reveals), epoch, "no_evidence")
        epochs.append(epoch)
        reveals.append(taken)
    return _Batch(tuple(epochs), tuple(reveals), None, None)


def _is_to_be_given_up(engine: sa.Engine, contract: FundContract, fund: int, epoch: int, after: int) -> bool:
    """Whether the contract has let anyone give the epoch up for so many epochs, or does, and holds up a later one whose
    weights are here: that one's time runs too."""
    clock = facts.get_clock(engine)
    if clock is None:
        return False
    today = clock.epoch_at(contract.chain.head().timestamp_s)
    waited = today - (epoch + 1 + contract.terms().settle_time)
    return waited >= max(0, after) or (
        waited >= 0 and any(_reveals(engine, fund, one) for one in range(epoch + 1, today))
    )


def _fitting(
    contract: FundContract, fund: int, reveals: list[Reveal], candidates: Sequence[Reveal], epoch: int
) -> Reveal | None:
    """The first candidate that the contract would take for the epoch after these reveals.

    Raises: TransactionFailed where one is refused for another reason than its vector: an endpoint that has no answer
    just now must not lead to the next candidate, which may give the epoch up.
    """
    for one in candidates:
        refusal = _refusal(contract, fund, [*reveals, one])
        if refusal is None:
            return one
        if refusal.error not in _WRONG_VECTOR or refusal.facts["epoch"] != epoch:
            raise refusal
    return None


def _refusal(contract: FundContract, fund: int, reveals: list[Reveal]) -> TransactionFailed | None:
    """What the contract would say to these reveals; None if it took them."""
    try:
        contract.call("settle", fund, [(one.vector, list(one.proof)) for one in reveals])
    except TransactionFailed as refusal:
        return refusal
    return None


def _reveals(engine: sa.Engine, fund: int, epoch: int) -> list[Reveal]:
    """The fund's weight vector with its proof, if this node has the evidence."""
    from oracle.chain.structs import Reveal

    offer = ledger.offer_at(engine, fund, epoch)
    if offer is None:
        return []
    report = load_evidence_file(engine, offer.committee, epoch, REPORT)
    body = load_evidence_file(engine, offer.committee, epoch, f"funds/{fund}.json")
    if report is None or body is None:
        return []
    try:
        leaves = read_leaves(report)
        return [Reveal(read_fund("fund", body).vector, leaves.proof(leaves.weights[FundId(fund)]))]
    except (InvalidInput, KeyError) as error:
        log.warning("evidence_unusable", fund=fund, epoch=epoch, error=str(error))
        return []
