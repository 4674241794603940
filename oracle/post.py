"""What goes to the chain once an epoch is over: the report, the settlement of each fund, the withdrawals.

Any node may do any of it at any time: the contract refuses a second time, and that is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from oracle import merkle
from oracle.digests import to_bytes32
from oracle.errors import InvalidInput, TransactionFailed
from oracle.evidence import REPORT, read_fund
from oracle.fields import parse_json
from oracle.model import Digest
from oracle.store import ledger
from oracle.store.reports import load_evidence_file
from oracle.store.transactions import save_transaction

if TYPE_CHECKING:
    from oracle.chain.committee import CommitteeContract
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
_NOBODYS = b"\xff" * 4
"""A vector that no report holds, for one weight exceeds any target."""


# ---------------------------------------------------------------------------------------------------- the report


class Answer(StrEnum):
    """What the chain says to a report. `TOO_FEW` signatures and `TOO_EARLY` may change, the others are final."""

    POSTED = "posted"
    TOO_FEW = "too_few"
    ALREADY_REPORTED = "already_reported"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"


_ANSWERS = {
    "AlreadyReported": Answer.ALREADY_REPORTED,
    "EpochNotOver": Answer.TOO_EARLY,
    "GraceOver": Answer.TOO_LATE,
    "TooFewSignatures": Answer.TOO_FEW,
}


@dataclass(frozen=True, slots=True)
class Posted:
    """The chain's answer, and the root that it holds for the epoch now (None while there is none)."""

    answer: Answer
    root: Digest | None = None
    tx_hash: str | None = None


def post_report(
    engine: sa.Engine,
    contract: CommitteeContract,
    account: Account,
    committee: int,
    epoch: int,
    root: Digest,
    evidence: Digest,
    signatures: Mapping[str, str],
) -> Posted:
    """Posts a report that a quorum has signed; `signatures` are 0x-hex by member.

    Raises: TransactionFailed if the contract refuses it for another reason than time, as for a wrong signature.
    """
    from oracle.chain.structs import Outcome

    outcome, known = contract.outcome(committee, epoch)
    if outcome is Outcome.MISSED:
        return Posted(Answer.TOO_LATE)
    if outcome is not Outcome.OPEN:
        return Posted(Answer.ALREADY_REPORTED, known)
    signed = _by_index(contract, committee, epoch, signatures)
    purpose = f"report:{committee}:{epoch}"
    try:
        receipt = contract.report(account, committee, epoch, root, evidence, signed)
    except TransactionFailed as refusal:
        answer = _ANSWERS.get(refusal.error)
        if answer is None:
            save_transaction(engine, purpose, "failed", error=str(refusal))
            raise
        known = contract.outcome(committee, epoch)[1]
        return Posted(answer, known if answer is Answer.ALREADY_REPORTED else None)
    save_transaction(engine, purpose, "done", receipt.tx_hash)
    log.info("report_posted", committee=committee, epoch=epoch, root=root, tx=receipt.tx_hash)
    return Posted(Answer.POSTED, root, receipt.tx_hash)


def _by_index(
    contract: CommitteeContract, committee: int, epoch: int, signatures: Mapping[str, str]
) -> dict[int, bytes]:
    """A quorum of the signatures, by index of the members; more would only cost gas."""
    config = contract.config_at(committee, epoch)
    given = {member.lower(): signature for member, signature in signatures.items()}
    signed = {
        index: bytes.fromhex(given[member.lower()].removeprefix("0x"))
        for index, member in enumerate(config.members)
        if member.lower() in given
    }
    return dict(list(signed.items())[: config.quorum])


# ------------------------------------------------------------------------------------------------ the settlement


@dataclass(frozen=True, slots=True)
class Settled:
    """What one run did for a fund: the epochs settled, by which transactions, and the epoch at which it stopped with
    the reason ("not_final", "no_evidence"; both None when nothing is left)."""

    epochs: tuple[int, ...] = ()
    tx_hashes: tuple[str, ...] = ()
    stopped_at: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    reveals: tuple[Reveal, ...]
    stopped_at: int | None
    reason: str | None
    full: bool


def settle_ready(engine: sa.Engine, contract: FundContract, account: Account, fund: int) -> Settled:
    """Settles the fund's epochs that are final or missed, in order, in as many transactions as they need.

    Which epochs are funded is for the contract to say. An epoch whose weights this node does not have stops the run,
    unless it may be given up.
    """
    epochs: list[int] = []
    hashes: list[str] = []
    while True:
        batch = _next_batch(engine, contract, fund)
        receipt = _settle(engine, contract, account, fund, batch) if batch.reveals else None
        if receipt is not None:
            epochs += [event.args["epoch"] for event in receipt.events if event.name == "EpochSettled"]
            hashes.append(receipt.tx_hash)
        if receipt is None or not batch.full:
            return Settled(tuple(epochs), tuple(hashes), batch.stopped_at, batch.reason)


def settle_all(engine: sa.Engine, contract: FundContract, account: Account) -> dict[int, Settled]:
    """`settle_ready` for every fund that the store knows; one that fails does not hold up the others."""
    done: dict[int, Settled] = {}
    for fund in ledger.all_funds(engine):
        try:
            done[fund] = settle_ready(engine, contract, account, fund)
        except TransactionFailed as refusal:
            log.warning("settle_failed", fund=fund, error=str(refusal))
    return done


def _settle(engine: sa.Engine, contract: FundContract, account: Account, fund: int, batch: _Batch) -> Receipt | None:
    """Sends a batch; None if another node settled the same epochs meanwhile."""
    before = contract.fund_of(fund).cursor.epoch
    try:
        receipt = contract.settle(account, fund, batch.reveals)
    except TransactionFailed as refusal:
        if contract.fund_of(fund).cursor.epoch != before or refusal.error == "UnusedReveals":
            return None
        save_transaction(engine, f"settle:{fund}:{before}", "failed", error=str(refusal))
        raise
    epochs = [event.args["epoch"] for event in receipt.events if event.name == "EpochSettled"]
    save_transaction(engine, f"settle:{fund}:{epochs[0]}-{epochs[-1]}", "done", receipt.tx_hash)
    log.info("epochs_settled", fund=fund, epochs=epochs, tx=receipt.tx_hash, gas=receipt.gas_used)
    return receipt


def _next_batch(engine: sa.Engine, contract: FundContract, fund: int) -> _Batch:
    """The reveals of the next epochs, found by asking the contract what it would say to one more."""
    from oracle.chain.structs import Reveal

    reveals: list[Reveal] = []
    positions = contract.fund_of(fund).cursor.positions
    most = min(MOST_EPOCHS, max(1, MOST_WORK // (_GAS_PER_EPOCH + positions * _GAS_PER_POSITION)))
    while len(reveals) < most:
        refusal = _refusal(contract, fund, [*reveals, Reveal(_NOBODYS)])
        if refusal is None:  # missed: it takes any reveal
            reveals.append(Reveal())
            continue
        if refusal.error == "UnusedReveals":
            return _Batch(tuple(reveals), None, None, full=False)
        if refusal.error == "NotFinal":
            return _Batch(tuple(reveals), int(str(refusal.facts["epoch"])), "not_final", full=False)
        if refusal.error != "WrongProof":
            raise refusal
        epoch = int(str(refusal.facts["epoch"]))
        # Without the right vector, an empty one gives the epoch up as soon as the contract lets it.
        candidates = [*_reveals(engine, fund, epoch), Reveal()]
        taken = [one for one in candidates if _refusal(contract, fund, [*reveals, one]) is None][:1]
        if not taken:
            return _Batch(tuple(reveals), epoch, "no_evidence", full=False)
        reveals += taken
    return _Batch(tuple(reveals), None, None, full=True)


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
        return [Reveal(read_fund("fund", body).vector, _proof(report, fund))]
    except (InvalidInput, KeyError, ValueError) as error:
        log.warning("evidence_unusable", fund=fund, epoch=epoch, error=str(error))
        return []


def _proof(report: bytes, fund: int) -> tuple[bytes, ...]:
    """The proof of the fund's leaf among the leaves that a report names."""
    named = parse_json(REPORT, report)
    leaves = named["leaves"] if isinstance(named, dict) else {}
    if not isinstance(leaves, dict):
        raise InvalidInput(f"{REPORT}.leaves", "must be an object")
    tree = merkle.Tree(to_bytes32(str(leaf)) for leaf in leaves.values())
    return tuple(tree.proof(to_bytes32(str(leaves[str(fund)]))))


# ----------------------------------------------------------------------------------------------- the withdrawals


def withdraw(engine: sa.Engine, contract: FundContract, account: Account, mirror: int) -> int:
    """Sends a mirror its credit and says how much; 0 if there was none.

    Raises: TransactionFailed if the token refuses the transfer; the credit stays.
    """
    if contract.credit_of(mirror) == 0:
        return 0
    try:
        receipt = contract.withdraw(account, mirror)
    except TransactionFailed as refusal:
        if refusal.error == "NothingToWithdraw":  # another was first
            return 0
        save_transaction(engine, f"withdraw:{mirror}", "failed", error=str(refusal))
        raise
    save_transaction(engine, f"withdraw:{mirror}", "done", receipt.tx_hash)
    return int(receipt.event("Withdrawn")["amount"])


def withdraw_all(engine: sa.Engine, contract: FundContract, account: Account, fund: int) -> dict[int, int]:
    """Sends every mirror of a fund its credit, also those that have left; gives the amounts sent, by mirror.

    A transfer that the token refuses is logged and keeps nobody else from theirs.
    """
    sent: dict[int, int] = {}
    for mirror in ledger.mirrors_of(engine, fund):
        try:
            amount = withdraw(engine, contract, account, mirror.mirror)
        except TransactionFailed as refusal:
            log.warning("withdrawal_failed", mirror=mirror.mirror, error=str(refusal))
        else:
            sent |= {mirror.mirror: amount} if amount else {}
    return sent


def withdraw_fee(engine: sa.Engine, contract: FundContract, account: Account, committee: int, token: str) -> int:
    """Sends a committee its fees in one token and says how much; 0 if there were none."""
    if contract.fees(committee, token) == 0:
        return 0
    try:
        receipt = contract.withdraw_fee(account, committee, token)
    except TransactionFailed as refusal:
        if refusal.error == "NothingToWithdraw":
            return 0
        raise
    save_transaction(engine, f"withdraw-fee:{committee}:{token}", "done", receipt.tx_hash)
    return int(receipt.event("FeeWithdrawn")["amount"])
