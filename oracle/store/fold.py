"""What each event of the contracts changes in the tables under "the chain".

Every row follows from the logs before it and the clock alone, so a reorganisation is mended by folding once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from oracle import merkle, payout
from oracle.model import Clock, printable
from oracle.store import tables
from oracle.store.db import upsert

log = structlog.get_logger(__name__)

SETTLEMENTS = ("paid", "missed", "given_up", "voided")
"""In the order of `IRedundancyFund.Settlement`."""


@dataclass(frozen=True, slots=True)
class Log:
    """One event of our contracts, as the row in `logs` keeps it."""

    block_hash: str
    log_index: int
    block_number: int
    block_timestamp_s: int
    tx_hash: str
    contract: str
    event: str
    args: Mapping[str, Any]


Fold = Callable[[sa.Connection, Log, Clock], None]


def fold(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    """Applies one event; the events before it have been applied, each once."""
    if (apply := FOLDS.get(entry.event)) is not None:
        apply(connection, entry, clock)


def _add(connection: sa.Connection, table: sa.Table, **values: Any) -> None:
    connection.execute(sa.insert(table).values(values))


def _change(connection: sa.Connection, table: sa.Table, key: int, **values: Any) -> None:
    first = next(iter(table.primary_key))
    connection.execute(sa.update(table).where(first == key).values(values))


def _raw(args: Mapping[str, Any], name: str) -> bytes:
    """A text's bytes as they are on the chain (see `oracle.chain.events`)."""
    raw = args.get(f"{name}Raw")
    return args[name].encode() if raw is None else bytes.fromhex(raw[2:])


# ---------------------------------------------------------------------------------------------------- committees


def _committee_configured(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    _add(
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
    _add(connection, tables.chain_reports, **values, tx_hash=entry.tx_hash, accepted_s=entry.block_timestamp_s)


# --------------------------------------------------------------------------------------------------------- funds


def _fund_created(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    _add(
        connection,
        tables.funds,
        fund=args["fund"],
        owner=args["owner"],
        token=args["token"],
        app=args["app"],
        min_stake_wei=args["minStake"],
        created_epoch=clock.epoch_at(entry.block_timestamp_s),
    )
    _offer(connection, args)


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
    _add(
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
    _add(
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
    _change(connection, tables.deposits, entry.args["deposit"], ready_epoch=entry.args["ready"])


def _departed(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    _change(connection, tables.deposits, entry.args["deposit"], left_epoch=entry.args["bindsFrom"])


def _collected(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    _change(connection, tables.deposits, entry.args["deposit"], collected_wei=entry.args["amount"])


# ------------------------------------------------------------------------------------------------------- mirrors


def _mirror_registered(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    _add(
        connection,
        tables.mirrors,
        mirror=args["mirror"],
        fund=args["fund"],
        operator=args["operator"],
        payout=args["payout"],
        position=args["position"],
        stake_wei=args["stake"],
        url=args["url"],
        start_epoch=args["bindsFrom"],
    )
    before = _set_digest(connection, args["fund"])
    url = _raw(args, "url")
    digest = merkle.registered(before, args["mirror"], args["position"], args["operator"], url, args["bindsFrom"])
    _set(connection, args["fund"], args["bindsFrom"], digest)


def _mirror_exited(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    _change(connection, tables.mirrors, args["mirror"], end_epoch=args["end"], removed=args["removed"])
    before = _set_digest(connection, args["fund"])
    _set(connection, args["fund"], args["end"], merkle.ended(before, args["mirror"], args["end"]))


def _set_digest(connection: sa.Connection, fund: int) -> Any:
    sets = tables.mirror_sets.c
    newest = sa.select(sets.digest).where(sets.fund == fund).order_by(sets.since.desc()).limit(1)
    return connection.execute(newest).scalar() or merkle.NO_MIRRORS


def _set(connection: sa.Connection, fund: int, since: int, digest: str) -> None:
    upsert(connection, tables.mirror_sets, [{"fund": fund, "since": since, "digest": digest}])


def _payout_changed(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    _change(connection, tables.mirrors, entry.args["mirror"], payout=entry.args["payout"])


def _stake_released(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    _change(connection, tables.mirrors, entry.args["mirror"], stake_released=True)


# ---------------------------------------------------------------------------------------------------- settlement


def _epoch_settled(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    settlement = SETTLEMENTS[args["settlement"]]
    _add(
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
    _add(connection, tables.withdrawals, tx_hash=entry.tx_hash, log_index=entry.log_index, **values)


def _fee_withdrawn(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    values = {name: args[name] for name in ("committee", "token", "recipient")}
    where = {"tx_hash": entry.tx_hash, "log_index": entry.log_index}
    _add(connection, tables.fee_withdrawals, **where, **values, amount_wei=args["amount"])


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
    "MirrorRegistered": _mirror_registered,
    "MirrorExited": _mirror_exited,
    "PayoutChanged": _payout_changed,
    "StakeReleased": _stake_released,
    "EpochSettled": _epoch_settled,
    "Withdrawn": _withdrawn,
    "FeeWithdrawn": _fee_withdrawn,
}
