"""What each event of the contracts changes in the tables under "the chain".

Every row follows from the logs before it and the clock alone, so a reorganisation is mended by folding once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from oracle import merkle, payout
from oracle.fields import LARGEST
from oracle.model import Clock, printable
from oracle.store import fold_disputes, fold_mirrors, tables
from oracle.store.db import upsert
from oracle.store.log import Fold, Log, add, change

log = structlog.get_logger(__name__)

SETTLEMENTS = ("paid", "missed", "given_up", "voided")
"""In the order of `IRedundancyFund.Settlement`."""
NOBODY = "0x" + "00" * 20
NUMBERS = ("committee", "fund", "mirror", "deposit", "epoch")
"""What says in an event whom and when it is about. Anyone may name a committee, a foreign fund or an epoch that there
is none of, up to 256 bits: such an event is about nothing here, and stays in `logs` alone."""


def fold(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    """Applies one event; the events before it have been applied, each once."""
    apply = FOLDS.get(entry.event)
    if apply is None:
        return
    if any(entry.args.get(name, 0) > LARGEST for name in NUMBERS):
        log.warning("event_skipped", of=entry.event, tx=entry.tx_hash)
        return
    apply(connection, entry, clock)


# ---------------------------------------------------------------------------------------------------- committees


def _committee_configured(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    add(
        connection,
        tables.committee_configs,
        committee=args["committee"],
        version=args["version"],
        since=args["since"],
        members=args["members"],
        quorum=args["quorum"],
        fee_recipient=args["feeRecipient"],
        digest=args["digest"],
    )


def _reported(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    names = ("committee", "epoch", "root", "evidence", "signers", "poster")
    values = {name: entry.args[name] for name in names}
    add(connection, tables.chain_reports, **values, tx_hash=entry.tx_hash, accepted_s=entry.block_timestamp_s)


# --------------------------------------------------------------------------------------------------------- funds


def _fund_created(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    add(
        connection,
        tables.funds,
        fund=args["fund"],
        owner=args["owner"],
        token=args["token"],
        app=args["app"],
        min_stake_wei=args["minStake"],
        created_epoch=clock.epoch_at(entry.block_timestamp_s),
        **_slashing(args["slashing"]),
    )
    _offer(connection, args)


def _slashing(slashing: Mapping[str, Any]) -> dict[str, Any]:
    arbiter = None if slashing["arbiter"] == NOBODY else slashing["arbiter"]
    return {"arbiter": arbiter, "slash_epoch_bps": slashing["epochBps"], "slash_life_bps": slashing["lifeBps"]}


def _change_announced(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    """Takes the place of an announcement that has not bound yet; the first offer is none."""
    offers = tables.offers.c
    mine = offers.fund == entry.args["fund"]
    first = connection.execute(sa.select(sa.func.min(offers.binds_from)).where(mine)).scalar_one()
    now = max(clock.epoch_at(entry.block_timestamp_s), first)
    connection.execute(sa.delete(tables.offers).where(mine, offers.binds_from > now))
    _offer(connection, entry.args)


def _offer(connection: sa.Connection, args: Mapping[str, Any]) -> None:
    offer = args["offer"]
    row = {
        "fund": args["fund"],
        "binds_from": args["bindsFrom"],
        "reward_wei": offer["reward"],
        "target": offer["target"],
        "fee_bps": offer["feeBps"],
        "committee": offer["committee"],
        "policy": printable(bytes.fromhex(args["policy"][2:])),
    }
    upsert(connection, tables.offers, [row])


def _release_published(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    releases = tables.releases.c
    last = sa.select(sa.func.coalesce(sa.func.max(releases.sequence), 0)).where(releases.fund == args["fund"])
    add(
        connection,
        tables.releases,
        fund=args["fund"],
        sequence=connection.execute(last).scalar_one() + 1,
        binds_from=args["bindsFrom"],
        digest=args["digest"],
        url=args["url"],
    )


# ------------------------------------------------------------------------------------------------------ deposits


def _deposited(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    add(
        connection,
        tables.deposits,
        deposit=args["deposit"],
        fund=args["fund"],
        holder=args["holder"],
        amount_wei=args["amount"],
        binds_from=args["bindsFrom"],
        tx_hash=entry.tx_hash,
    )


def _notice_given(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    change(connection, tables.deposits, entry.args["deposit"], ready_epoch=entry.args["ready"])


def _departed(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    change(connection, tables.deposits, entry.args["deposit"], left_epoch=entry.args["bindsFrom"])


def _collected(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    change(connection, tables.deposits, entry.args["deposit"], collected_wei=entry.args["amount"])


# ---------------------------------------------------------------------------------------------------- settlement


def _epoch_settled(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    settlement = SETTLEMENTS[args["settlement"]]
    add(
        connection,
        tables.settlements,
        fund=args["fund"],
        epoch=args["epoch"],
        settlement=settlement,
        paid_wei=args["paid"],
        fee_wei=args["fee"],
        returned_wei=args["returned"],
        vector=args["vector"],
        tx_hash=entry.tx_hash,
        settled_epoch=clock.epoch_at(entry.block_timestamp_s),
    )
    if settlement == "paid":
        _credit(connection, args)


def _credit(connection: sa.Connection, args: Mapping[str, Any]) -> None:
    """The credits are computed as the contract does, which tells only their sum."""
    fund, epoch = args["fund"], args["epoch"]
    vector = merkle.parse_vector(bytes.fromhex(args["vector"][2:]))
    if not vector:  # a fund without mirrors pays nobody, not even the committee
        return
    holders = _holders(connection, fund, epoch, vector)
    weights = {holders[position]: entry.weight for position, entry in enumerate(vector) if position in holders}
    offers = tables.offers.c
    in_force = sa.select(offers.reward_wei, offers.target, offers.fee_bps).where(
        offers.fund == fund, offers.binds_from <= epoch
    )
    offer = connection.execute(in_force.order_by(offers.binds_from.desc()).limit(1)).one()
    split = payout.shares(offer.reward_wei, offer.target, offer.fee_bps, weights)
    if split.paid != args["paid"]:
        log.error("ledger_differs", fund=fund, epoch=epoch, computed=split.paid, on_chain=args["paid"])
    rows = [
        {"mirror": mirror, "epoch": epoch, "fund": fund, "weight": weight, "amount_wei": split.credits[mirror]}
        for mirror, weight in weights.items()
    ]
    upsert(connection, tables.credits, rows)


def _holders(connection: sa.Connection, fund: int, epoch: int, vector: Sequence[merkle.Entry]) -> dict[int, int]:
    """The mirrors that get a row, by position: those that count in the epoch, and any other that was given a weight.

    The contract credits whoever holds the position when the epoch is settled.
    """
    mirrors = tables.mirrors.c
    query = sa.select(mirrors.mirror, mirrors.position, mirrors.start_epoch, mirrors.end_epoch)
    holders = {}
    for row in connection.execute(query.where(mirrors.fund == fund).order_by(mirrors.mirror)):
        counts = row.start_epoch <= epoch and (row.end_epoch is None or row.end_epoch > epoch)
        if row.position < len(vector) and (counts or vector[row.position].weight):
            holders[row.position] = row.mirror
    return holders


def _withdrawn(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    values = {"mirror": args["mirror"], "payout": args["payout"], "amount_wei": args["amount"]}
    add(connection, tables.withdrawals, tx_hash=entry.tx_hash, log_index=entry.log_index, **values)


def _fee_withdrawn(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    values = {name: args[name] for name in ("committee", "token", "recipient")}
    where = {"tx_hash": entry.tx_hash, "log_index": entry.log_index}
    add(connection, tables.fee_withdrawals, **where, **values, amount_wei=args["amount"])


FOLDS: Mapping[str, Fold] = {
    "CommitteeConfigured": _committee_configured,
    "Reported": _reported,
    "FundCreated": _fund_created,
    "ChangeAnnounced": _change_announced,
    "ReleasePublished": _release_published,
    "Deposited": _deposited,
    "NoticeGiven": _notice_given,
    "Departed": _departed,
    "Collected": _collected,
    "EpochSettled": _epoch_settled,
    "Withdrawn": _withdrawn,
    "FeeWithdrawn": _fee_withdrawn,
    **fold_mirrors.FOLDS,
    **fold_disputes.FOLDS,
}
