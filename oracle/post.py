"""What goes to the chain once an epoch is over: the report, and in the end the withdrawals.

Any node may do any of it at any time: the contract refuses a second time, and that is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from oracle.errors import TransactionFailed
from oracle.model import Digest
from oracle.store import ledger
from oracle.store.transactions import save_transaction

if TYPE_CHECKING:
    from oracle.chain.committee import CommitteeContract
    from oracle.chain.fund import FundContract
    from oracle.chain.transactions import Account

log = structlog.get_logger(__name__)

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


# ----------------------------------------------------------------------------------------------- the withdrawals

_NOTHING = "NothingToWithdraw"


def withdraw(engine: sa.Engine, contract: FundContract, account: Account, mirror: int) -> int:
    """Sends a mirror its credit and says how much; 0 if there was none.

    Raises: TransactionFailed if the token refuses the transfer; the credit stays.
    """

    def send() -> int:
        try:
            receipt = contract.withdraw(account, mirror)
        except TransactionFailed as refusal:
            if refusal.error != _NOTHING:
                save_transaction(engine, f"withdraw:{mirror}", "failed", error=str(refusal))
            raise
        save_transaction(engine, f"withdraw:{mirror}", "done", receipt.tx_hash)
        return int(receipt.event("Withdrawn")["amount"])

    return _send_owed(lambda: contract.credit_of(mirror), send)


def _send_owed(owed: Callable[[], int], send: Callable[[], int]) -> int:
    """Sends what is owed and says how much. What is told first may be what an earlier run had sent: then what came to
    be owed since is sent too."""
    sent = 0
    for _ in range(2):
        if owed() == 0:
            break
        try:
            sent += send()
        except TransactionFailed as refusal:
            if refusal.error != _NOTHING:  # another was first
                raise
    return sent


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

    def send() -> int:
        receipt = contract.withdraw_fee(account, committee, token)
        save_transaction(engine, f"withdraw-fee:{committee}:{token}", "done", receipt.tx_hash)
        return int(receipt.event("FeeWithdrawn")["amount"])

    return _send_owed(lambda: contract.fees(committee, token), send)
