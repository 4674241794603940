"""Whether the store has all that the contracts know of: an endpoint that leaves a log out says nothing of it.

The chain has no count of logs, but the contracts count funds, deposits, mirrors and a committee's versions, and keep
one digest of each fund's mirrors and one of its release. A report that is made without one of them pays nobody, or by
what nobody serves. So it is compared once an epoch; what differs is told, and the way back is to read the chain anew.
"""

from __future__ import annotations

import sqlalchemy as sa
import structlog

from oracle.context import Context
from oracle.errors import InvalidInput
from oracle.model import Epoch
from oracle.store import facts, ledger
from oracle.store.inventory import inventory

log = structlog.get_logger(__name__)


def left_out(context: Context, epoch: Epoch) -> list[str]:
    """A sentence for each thing in which the store and the contracts differ at the store's newest block: all counts,
    and the mirrors and releases of the funds that the committee of the settings measures in the epoch or the next.

    Raises: ChainUnreachable; TransactionFailed if the endpoint has not that block's state; InvalidInput before the
    chain was first read.
    """
    committee, contract = context.settings.committee, context.funds
    funds = {fund for at in (epoch, epoch + 1) for fund in ledger.funds_of_committee(context.store, committee, at)}
    known = inventory(context.store, committee, sorted(funds))
    if known is None:
        raise InvalidInput("store", "holds no chain yet; run `mirrorbond index` first")
    counts = contract.counts(known.block)
    versions = context.committees.versions(committee, known.block)
    found = [f"the chain has {counts[name]} {name}, the store {count}" for name, count in known.counts.items()
             if counts[name] != count]  # fmt: skip
    if versions != known.versions:
        found.append(f"committee {committee} has had {versions} versions on the chain, {known.versions} in the store")
    for fund, digest in known.mirrors.items():
        if contract.mirrors_digest(fund, known.block) != digest:
            found.append(f"the mirrors of fund {fund} are others on the chain than in the store")
    for fund, release in known.releases.items():
        if contract.release_of(fund, known.block) != release:
            found.append(f"the release of fund {fund} is another on the chain than in the store")
    return found


def compare(context: Context, epoch: Epoch) -> None:
    """Compares once in the epoch that runs, and keeps what was found for who asks how this node goes.

    Raises: as `left_out`.
    """
    found = left_out(context, epoch)
    if found:
        log.error("logs_left_out", epoch=epoch, found=found, mend="another endpoint, then mirrorbond index --anew")
    facts.put(context.store, facts.COMPARED, {"epoch": epoch, "left_out": found})


def found_in(engine: sa.Engine) -> list[str]:
    """What the last comparison found."""
    return list((facts.get(engine, facts.COMPARED) or {}).get("left_out", ()))
