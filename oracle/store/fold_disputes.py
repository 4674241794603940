"""What the events of acceptances, challenges, rulings and bonds change: what OracleCommittee says besides reports."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from oracle.fields import LARGEST
from oracle.model import Clock
from oracle.store import dispute_tables
from oracle.store.db import upsert
from oracle.store.log import Fold, Log, add, change

RULINGS = ("none", "voided", "stands")
"""In the order of `IOracleCommittee.Ruling`."""


def _accepted(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    """Takes the place of an earlier acceptance of the same terms; one may be given for ever."""
    key = _acceptance(entry)
    row = dict(zip(_KEY, key, strict=True))
    rest = {"until_s": min(entry.args["until"], LARGEST), "used": False, "tx_hash": entry.tx_hash}
    upsert(connection, dispute_tables.acceptances, [row | rest])


def _acceptance_used(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    change(connection, dispute_tables.acceptances, *_acceptance(entry), used=True)


_KEY = ("committee", "fund_contract", "terms")


def _acceptance(entry: Log) -> tuple[int, str, str]:
    return entry.args["committee"], entry.args["fundContract"], entry.args["terms"]


def _challenged(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    add(
        connection,
        dispute_tables.challenges,
        committee=args["committee"],
        epoch=args["epoch"],
        fund_contract=args["fundContract"],
        fund=args["fund"],
        challenger=args["challenger"],
        reason=args["reason"],
        decided_by_s=args["decidedBy"],
        ruling=RULINGS[0],
        tx_hash=entry.tx_hash,
    )


def _ruled(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    args = entry.args
    key = (args["committee"], args["epoch"], args["fundContract"], args["fund"])
    change(connection, dispute_tables.challenges, *key, ruling=RULINGS[args["ruling"]])


def _bonded(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    """The amount is all that the member pledges now; a notice is taken back."""
    _set_bond(connection, entry, entry.args["amount"])


def _bond_notice_given(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    member = (entry.args["committee"], entry.args["member"])
    change(connection, dispute_tables.bonds, *member, free_from_s=entry.args["freeFrom"])


def _bond_returned(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    _set_bond(connection, entry, 0)


def _bond_burned(connection: sa.Connection, entry: Log, clock: Clock) -> None:
    _set_bond(connection, entry, 0)
    values = {name: entry.args[name] for name in ("committee", "member", "epoch", "first", "second")}
    place = {"tx_hash": entry.tx_hash, "log_index": entry.log_index}
    add(connection, dispute_tables.burned_bonds, **place, **values, amount_wei=entry.args["amount"])


def _set_bond(connection: sa.Connection, entry: Log, amount_wei: int) -> None:
    member = {"committee": entry.args["committee"], "member": entry.args["member"]}
    upsert(connection, dispute_tables.bonds, [member | {"amount_wei": amount_wei, "free_from_s": None}])


FOLDS: Mapping[str, Fold] = {
    "Accepted": _accepted,
    "AcceptanceUsed": _acceptance_used,
    "Challenged": _challenged,
    "Ruled": _ruled,
    "Bonded": _bonded,
    "BondNoticeGiven": _bond_notice_given,
    "BondReturned": _bond_returned,
    "BondBurned": _bond_burned,
}
