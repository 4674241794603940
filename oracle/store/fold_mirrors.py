"""What the events of mirrors change: the mirrors with their sets, payout addresses, stakes and the locks on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from oracle import merkle
from oracle.model import Clock
from oracle.store import dispute_tables, tables
from oracle.store.db import upsert
from oracle.store.log import Fold, Log, add, change, increase, raw_text


def _mirror_registered(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    add(
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
    now = clock.epoch_at(entry.block_timestamp_s)
    add(connection, dispute_tables.payouts, mirror=args["mirror"], binds_from=now, payout=args["payout"])
    before = _set_digest(connection, args["fund"])
    url = raw_text(args, "url")
    digest = merkle.registered(before, args["mirror"], args["position"], args["operator"], url, args["bindsFrom"])
    _set(connection, args["fund"], args["bindsFrom"], digest)


def _mirror_exited(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    change(connection, tables.mirrors, args["mirror"], end_epoch=args["end"], removed=args["removed"])
    before = _set_digest(connection, args["fund"])
    _set(connection, args["fund"], args["end"], merkle.ended(before, args["mirror"], args["end"]))


def _set_digest(connection: sa.Connection, fund: int) -> Any:
    sets = tables.mirror_sets.c
    newest = sa.select(sets.digest).where(sets.fund == fund).order_by(sets.since.desc()).limit(1)
    return connection.execute(newest).scalar() or merkle.NO_MIRRORS


def _set(connection: sa.Connection, fund: int, since: int, digest: str) -> None:
    upsert(connection, tables.mirror_sets, [{"fund": fund, "since": since, "digest": digest}])


def _payout_changed(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    """Of several in one epoch the last binds."""
    mirror, payout = entry.args["mirror"], entry.args["payout"]
    change(connection, tables.mirrors, mirror, payout=payout)
    row = {"mirror": mirror, "binds_from": entry.args["bindsFrom"], "payout": payout}
    upsert(connection, dispute_tables.payouts, [row])


def _stake_released(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    increase(connection, tables.mirrors.c.stake_returned_wei, entry.args["mirror"], entry.args["amount"])


def _stake_locked(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    add(
        connection,
        dispute_tables.locks,
        mirror=args["mirror"],
        epoch=args["epoch"],
        amount_wei=args["amount"],
        answer_by=args["answerBy"],
        until=args["until"],
        state="locked",
        tx_hash=entry.tx_hash,
    )


def _lock_answered(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    """The newest answer counts."""
    change(connection, dispute_tables.locks, entry.args["mirror"], entry.args["epoch"], answer=entry.args["answer"])


def _lock_resolved(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    state = "burned" if args["burned"] else "released"
    change(connection, dispute_tables.locks, args["mirror"], args["epoch"], state=state)
    if args["burned"]:
        increase(connection, tables.mirrors.c.slashed_wei, args["mirror"], args["amount"])


FOLDS: Mapping[str, Fold] = {
    "MirrorRegistered": _mirror_registered,
    "MirrorExited": _mirror_exited,
    "PayoutChanged": _payout_changed,
    "StakeReleased": _stake_released,
    "StakeLocked": _stake_locked,
    "LockAnswered": _lock_answered,
    "LockResolved": _lock_resolved,
}
