"""What any node does about disputes: locks stakes that a report has a leaf for, and ends what nobody decided in time.

The contracts refuse a second time, and that is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from oracle import merkle
from oracle.digests import to_bytes32
from oracle.errors import ChainUnreachable, InvalidInput, MirrorbondError, TransactionFailed
from oracle.evidence import REPORT, read_leaves
from oracle.model import Epoch, FundId, MirrorId
from oracle.store import facts, ledger
from oracle.store.db import reading
from oracle.store.disputes import Challenge, Lock, locked_in, open_challenges, open_locks
from oracle.store.outcomes import chain_report, reported_epochs
from oracle.store.reports import load_evidence_file
from oracle.store.transactions import load_transaction, save_transaction

if TYPE_CHECKING:
    from oracle.chain.committee import CommitteeContract
    from oracle.chain.fund import FundContract
    from oracle.chain.transactions import Account, Receipt

log = structlog.get_logger(__name__)

REFUSED = "refused"
"""The state of a transaction that the contract will never take."""
Failures = dict[str, str]
"""What was tried and failed, by purpose, and why."""
_OTHERS_WERE_FIRST = ("AlreadyLocked", "NotLocked", "AlreadyRuled")
_FOR_GOOD = ("NoArbiter", "NotCounting", "TooLateToLock")
"""What no later block changes; an empty purse passes, as does what a machine says that lags behind."""


@dataclass(frozen=True, slots=True)
class Slash:
    """A leaf of kind slash in a report, with its proof: a part of the mirror's stake may be locked for the epoch."""

    fund: FundId
    mirror: MirrorId
    epoch: Epoch
    proof: tuple[bytes, ...]

    @property
    def purpose(self) -> str:
        """What the transaction that locks it is kept under."""
        return f"lock:{self.mirror}:{self.epoch}"


def follow_disputes(
    engine: sa.Engine, committees: CommitteeContract, funds: FundContract, account: Account, committee: int
) -> None:
    """Everything below that is due now."""
    place_locks(engine, committees, funds, account, committee)
    release_locks(engine, funds, account, committee)
    conclude_challenges(engine, committees, funds, account, committee)


# ------------------------------------------------------------------------------------------------------ the locks


def place_locks(
    engine: sa.Engine,
    committees: CommitteeContract,
    funds: FundContract,
    account: Account,
    committee: int,
    failures: Failures | None = None,
) -> list[Slash]:
    """Locks a part of every stake for which a final report of the committee has a leaf, and gives those locked."""
    place = partial(_place, engine, committees, funds, account, committee)
    return [slash for slash in due_locks(engine, committee) if _tried(slash.purpose, partial(place, slash), failures)]


def due_locks(engine: sa.Engine, committee: int) -> Iterator[Slash]:
    """The leaves of kind slash in the evidence that this node has of the chain's reports, of which no lock was placed,
    or refused for good."""
    terms = facts.get(engine, facts.TERMS)
    now = _now(engine)
    if terms is None or now is None:
        return
    for epoch in sorted(reported_epochs(engine, committee, max(0, now - terms["unbonding"]))):
        if slashes := _slashes(engine, committee, epoch):
            with reading(engine) as connection:
                locked = locked_in(connection, epoch)
            yield from (slash for slash in slashes if slash.mirror not in locked and not _is_refused(engine, slash))


def _slashes(engine: sa.Engine, committee: int, epoch: Epoch) -> list[Slash]:
    """None where our evidence is of another report than the chain has: the contract would take no proof of it."""
    body, report = load_evidence_file(engine, committee, epoch, REPORT), chain_report(engine, committee, epoch)
    if body is None or report is None:
        return []
    try:
        leaves, root = read_leaves(body), to_bytes32(report.root)
        return [
            Slash(fund, mirror, epoch, proof)
            for fund, of_fund in leaves.slashes.items()
            for mirror, leaf in of_fund.items()
            if merkle.verify(root, leaf, proof := leaves.proof(leaf))
        ]
    except InvalidInput as error:
        log.warning("evidence_unusable", epoch=epoch, error=str(error))
        return []


def _is_refused(engine: sa.Engine, slash: Slash) -> bool:
    sent = load_transaction(engine, slash.purpose)
    return sent is not None and sent.state == REFUSED


def _place(
    engine: sa.Engine,
    committees: CommitteeContract,
    funds: FundContract,
    account: Account,
    committee: int,
    slash: Slash,
) -> bool:
    """Places one lock and says whether it did. What the contract will never take is kept, and not tried again."""
    from oracle.chain.structs import Outcome

    outcome, _ = committees.outcome_for(committee, slash.epoch, funds.address, slash.fund)
    if outcome not in (Outcome.FINAL, Outcome.VOIDED):
        return False
    segments = segments_of(funds, slash.fund, slash.epoch) if outcome is Outcome.FINAL else ()
    number = ledger.mirror_set_at(engine, slash.fund, slash.epoch)
    refused = outcome.value
    for segment in segments:
        try:
            receipt = funds.lock_stake(account, slash.mirror, slash.epoch, segment, number, slash.proof)
        except TransactionFailed as refusal:
            if refusal.error in _OTHERS_WERE_FIRST:
                return False
            refused = str(refusal)
            if refusal.error == "NotFunded":
                continue
            if not _is_for_good(funds, slash, refusal):
                raise
            break
        save_transaction(engine, slash.purpose, "done", receipt.tx_hash)
        log.info("stake_locked", mirror=slash.mirror, epoch=slash.epoch, tx=receipt.tx_hash)
        return True
    save_transaction(engine, slash.purpose, REFUSED, error=refused)
    log.info("lock_refused", mirror=slash.mirror, epoch=slash.epoch, reason=refused)
    return False


def _is_for_good(funds: FundContract, slash: Slash, refusal: TransactionFailed) -> bool:
    if refusal.error == "NothingToLock":  # unless a lock that waits for the arbiter is released
        return funds.mirror_of(slash.mirror).locked_wei == 0
    return refusal.error in _FOR_GOOD


def segments_of(funds: FundContract, fund: int, epoch: int) -> Iterator[int]:
    """The numbers that the run of funded epochs with this one may have; none if the epoch was dry.

    The contract decides what was funded when somebody touches the fund, also in the very call that asks for it; so
    after the last run that is there now others may follow.
    """
    last = funds.fund_of(fund).segments
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if funds.segment_of(fund, middle).last < epoch else (low, middle)
    if low > last:
        yield from range(max(1, last), last + 3)
    elif funds.segment_of(fund, low).first <= epoch:
        yield low


def release_locks(
    engine: sa.Engine, funds: FundContract, account: Account, committee: int, failures: Failures | None = None
) -> list[Lock]:
    """Releases what reports of the committee locked and the arbiter has not confirmed in time, and gives those."""
    now = _now(engine)
    with reading(engine) as connection:
        over = [lock for lock in open_locks(connection) if now is not None and lock.until <= now]
    ours = (lock for lock in over if _is_of(engine, committee, lock))
    return [lock for lock in ours if _release(engine, funds, account, lock, failures)]


def _is_of(engine: sa.Engine, committee: int, lock: Lock) -> bool:
    mirror = ledger.mirror_of(engine, lock.mirror)
    offer = ledger.offer_at(engine, mirror.fund, lock.epoch) if mirror else None
    return offer is not None and offer.committee == committee


def _release(engine: sa.Engine, funds: FundContract, account: Account, lock: Lock, failures: Failures | None) -> bool:
    send = partial(funds.resolve_lock, account, lock.mirror, lock.epoch, burned=False)
    purpose = f"release:{lock.mirror}:{lock.epoch}"
    return _tried(purpose, partial(_end, engine, purpose, send), failures)


# -------------------------------------------------------------------------------------------------- the challenges


def conclude_challenges(
    engine: sa.Engine,
    committees: CommitteeContract,
    funds: FundContract,
    account: Account,
    committee: int,
    failures: Failures | None = None,
) -> list[Challenge]:
    """Ends the challenges of the committee's reports that no arbiter decided in time, and gives them: they stand."""
    indexed = facts.get(engine, facts.INDEXED) or {"timestamp_s": 0}
    with reading(engine) as connection:
        ours = [one for one in open_challenges(connection) if one.committee == committee]
    over = [one for one in ours if one.decided_by_s <= indexed["timestamp_s"]]
    return [one for one in over if _conclude(engine, committees, funds, account, one, failures)]


def _conclude(
    engine: sa.Engine,
    committees: CommitteeContract,
    funds: FundContract,
    account: Account,
    one: Challenge,
    failures: Failures | None,
) -> bool:
    send = partial(committees.conclude, account, one.committee, one.epoch, funds.address, one.fund)
    purpose = f"conclude:{one.committee}:{one.epoch}:{one.fund}"
    return _tried(purpose, partial(_end, engine, purpose, send), failures)


def _end(engine: sa.Engine, purpose: str, send: Callable[[], Receipt]) -> bool:
    """Sends what anyone may send once; False if another did."""
    try:
        receipt = send()
    except TransactionFailed as refusal:
        if refusal.error in _OTHERS_WERE_FIRST:
            return False
        raise
    save_transaction(engine, purpose, "done", receipt.tx_hash)
    return True


def _tried(purpose: str, act: Callable[[], bool], failures: Failures | None) -> bool:
    """Whether it was done; what fails is logged, told to who asks, tried again later, and holds up nothing else.

    Raises: ChainUnreachable.
    """
    try:
        return act()
    except ChainUnreachable:
        raise
    except MirrorbondError as error:
        log.warning("dispute_failed", purpose=purpose, error=str(error))
        if failures is not None:
            failures[purpose] = str(error)
        return False


def _now(engine: sa.Engine) -> Epoch | None:
    """The epoch of the newest block that is indexed."""
    clock, indexed = facts.get_clock(engine), facts.get(engine, facts.INDEXED)
    return clock.epoch_at(indexed["timestamp_s"]) if clock and indexed else None
