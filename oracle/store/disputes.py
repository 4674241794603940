"""What is disputed: challenges of reports, locks on stakes, and what committees and members pledged for their word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oracle.fields import LARGEST
from oracle.model import Address, CommitteeId, Digest, Epoch, FundId, MirrorId
from oracle.store import dispute_tables, facts
from oracle.store.moment import shown


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge of one fund's part of a report; `ruling` is "none", "voided" or "stands", and "none" means "stands"
    when `decided_by_s` is over."""

    committee: CommitteeId
    epoch: Epoch
    fund: FundId
    challenger: Address
    reason: str
    decided_by_s: int
    ruling: str
    tx_hash: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A part of a stake that was locked for wrong bytes in `epoch`. The arbiter may burn it once it is answered or from
    epoch `answer_by` on, and no more from epoch `until` on; `state` is "locked", "released" or "burned"."""

    mirror: MirrorId
    epoch: Epoch
    amount_wei: int
    answer_by: Epoch
    until: Epoch
    state: str
    answer: str | None
    tx_hash: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a committee has taken on, until a time and for one use."""

    until_s: int
    used: bool


@dataclass(frozen=True, slots=True)
class Bond:
    """What a member pledges; free from `free_from_s` on, None while it has given no notice."""

    member: Address
    amount_wei: int
    free_from_s: int | None


def challenges_of(
    connection: sa.Connection, fund: int, first: int = 0, last: int = LARGEST
) -> dict[tuple[int, int], Challenge]:
    """The challenges of a fund's epochs from `first` to `last`, by committee and epoch."""
    rows = dispute_tables.challenges.c
    found = _challenges(connection, rows.fund == fund, rows.epoch.between(first, last))
    return {(one.committee, one.epoch): one for one in found}


def open_challenges(connection: sa.Connection) -> list[Challenge]:
    """The challenges of our fund contract that nobody has decided, in order."""
    return _challenges(connection, dispute_tables.challenges.c.ruling == "none")


def _challenges(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Challenge]:
    """Of our fund contract: another one's funds have the same numbers."""
    rows, names = dispute_tables.challenges.c, Challenge.__slots__
    ours = (facts.get_in(connection, facts.CONTRACTS) or {}).get("fund", "")
    query = sa.select(dispute_tables.challenges).where(rows.fund_contract == ours, *conditions)
    found = connection.execute(query.order_by(rows.committee, rows.epoch, rows.fund))
    return [Challenge(**{name: getattr(row, name) for name in names} | {"reason": shown(row.reason)}) for row in found]


def locks_of(connection: sa.Connection, mirrors: Iterable[int]) -> list[Lock]:
    """The locks on these mirrors' stakes, newest epoch first."""
    rows = dispute_tables.locks.c
    query = sa.select(dispute_tables.locks).where(rows.mirror.in_(list(mirrors)))
    return [_lock(row) for row in connection.execute(query.order_by(rows.epoch.desc(), rows.mirror))]


def locked_in(connection: sa.Connection, epoch: int) -> frozenset[MirrorId]:
    """The mirrors of which a part of the stake was locked for an epoch, whatever became of it."""
    rows = dispute_tables.locks.c
    found = connection.execute(sa.select(rows.mirror).where(rows.epoch == epoch)).scalars()
    return frozenset(MirrorId(mirror) for mirror in found)


def open_locks(connection: sa.Connection) -> list[Lock]:
    """The locks that wait for an arbiter, in order."""
    rows = dispute_tables.locks.c
    query = sa.select(dispute_tables.locks).where(rows.state == "locked").order_by(rows.epoch, rows.mirror)
    return [_lock(row) for row in connection.execute(query)]


def _lock(row: Any) -> Lock:
    answer = None if row.answer is None else shown(row.answer, 1_000)
    return Lock(**{**row._mapping, "answer": answer})


def acceptance_of(connection: sa.Connection, committee: int, fund_contract: str, terms: Digest) -> Acceptance | None:
    """The last acceptance of these terms; None if there never was one."""
    rows = dispute_tables.acceptances.c
    query = sa.select(rows.until_s, rows.used).where(
        rows.committee == committee, rows.fund_contract == fund_contract, rows.terms == terms
    )
    row = connection.execute(query).first()
    return Acceptance(row.until_s, row.used) if row else None


def bonds_of(connection: sa.Connection, committee: int) -> list[Bond]:
    """What the members of a committee pledge, by member; those who pledge nothing are left out."""
    rows = dispute_tables.bonds.c
    query = sa.select(rows.member, rows.amount_wei, rows.free_from_s).where(rows.committee == committee)
    found = (Bond(**row._mapping) for row in connection.execute(query.order_by(rows.member)))
    return [bond for bond in found if bond.amount_wei]
