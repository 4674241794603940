"""One fund's mirrors for people: how they stand, what they weighed and why no more, what they earned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from oracle.model import FundResult, Reason, VoteState, Weight
from oracle.store.dispute_tables import payouts
from oracle.store.disputes import locks_of
from oracle.store.live import NOT_SEEN, Now, Strip, states_now, strips
from oracle.store.moment import Moment, shown
from oracle.store.tables import admissions, mirrors, withdrawals
from oracle.store.tables import credits as credit_rows

ENDED_SHOWN_EPOCHS = 4
"""For how long a mirror that ended stays on its fund's page even when it has nothing left to withdraw."""
OUTDATED = frozenset({Reason.STALE_RELEASE, Reason.WRONG_BYTES, Reason.NOT_ADMITTED})


class Stage(StrEnum):
    """Where a mirror is in its life, by epochs."""

    STARTING = "starting"
    COUNTING = "counting"
    LEAVING = "leaving"
    ENDED = "ended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Deduction:
    """A reason and for how many slots of the epoch it held."""

    reason: Reason
    slots: int


@dataclass(frozen=True, slots=True)
class Earned:
    """A mirror's money in the fund's token."""

    credited_wei: int
    withdrawn_wei: int

    @property
    def available_wei(self) -> int:
        """What it may withdraw now."""
        return self.credited_wei - self.withdrawn_wei


@dataclass(frozen=True, slots=True)
class Weighed:
    """A mirror's part of the newest result: the rank it had in that epoch, its weight and all deductions."""

    epoch: int
    rank: int
    weight: int
    count: int
    up_slots: int
    known_slots: int
    counted_slots: int
    slots: int
    latency_ms: int | None
    latency_bps: int
    tested_bps: int
    deductions: tuple[Deduction, ...]

    @property
    def availability_bps(self) -> int | None:
        """Up slots of those known; None if none is."""
        return self.up_slots * 10_000 // self.known_slots if self.known_slots else None

    @property
    def coverage_bps(self) -> int:
        """Known slots of the whole epoch."""
        return self.known_slots * 10_000 // self.slots


@dataclass(frozen=True, slots=True)
class NextPayout:
    """The address that a mirror is paid to from an epoch on that has not begun."""

    payout: str
    binds_from: int


@dataclass(frozen=True, slots=True)
class LockView:
    """A lock on a part of the stake with its times: it may be burned once it is answered, or from `answer_by_s` on, and
    never from `until_s` on."""

    epoch: int
    amount_wei: int
    state: str
    answer: str | None
    answer_by_s: int
    until_s: int
    tx_hash: str


@dataclass(frozen=True, slots=True)
class MirrorView:
    """A mirror as a page shows it. `stake_wei` is what is held of it, with what is locked; `weighed` is None before its
    first result, `release_current` None if unknown."""

    mirror: int
    fund: int
    position: int
    url: str
    operator: str
    payout: str
    next_payout: NextPayout | None
    stake_wei: int
    locked_wei: int
    slashed_wei: int
    locks: tuple[LockView, ...]
    start_epoch: int
    end_epoch: int | None
    stage: Stage
    now: Now
    release_current: bool | None
    rank: int | None
    networks: tuple[str, ...]
    weighed: Weighed | None
    strip: Strip | None
    running: Strip | None
    earned: Earned


def mirrors_of(moment: Moment, fund: int, slots: int, result: FundResult | None, release: str) -> list[MirrorView]:
    """The mirrors of a fund that a page shows: by rank, then newcomers, then those that ended."""
    rows = _rows(moment, sa.select(mirrors).where(mirrors.c.fund == fund))
    earned = _earned(moment.connection, [row.mirror for row in rows])
    rows = [row for row in rows if _on_page(row, earned[row.mirror], moment.epoch)]
    context = _Context(moment, fund, slots, result, release, [row.mirror for row in rows])
    views = [context.view(row, earned[row.mirror]) for row in rows]
    return sorted(views, key=_order)


def mirror_of(moment: Moment, mirror: int, slots: int, result: FundResult | None, release: str) -> MirrorView | None:
    """One mirror, whether its fund's page still shows it or not."""
    rows = _rows(moment, sa.select(mirrors).where(mirrors.c.mirror == mirror))
    if not rows:
        return None
    context = _Context(moment, rows[0].fund, slots, result, release, [mirror])
    return context.view(rows[0], _earned(moment.connection, [mirror])[mirror])


def _rows(moment: Moment, query: Any) -> list[Any]:
    return list(moment.connection.execute(query.order_by(mirrors.c.mirror)))


def _on_page(row: Any, earned: Earned, epoch: int) -> bool:
    recent = row.end_epoch is None or row.end_epoch + ENDED_SHOWN_EPOCHS > epoch
    return recent or earned.available_wei > 0


def _order(view: MirrorView) -> tuple[int, int, int]:
    gone = view.stage in (Stage.ENDED, Stage.REMOVED)
    return (int(gone), 1 << 30 if view.rank is None else view.rank, view.mirror)


def stage_of(start_epoch: int, end_epoch: int | None, removed: bool, epoch: int) -> Stage:
    """Where a mirror is in its life in `epoch`."""
    if end_epoch is not None and end_epoch <= epoch:
        return Stage.REMOVED if removed else Stage.ENDED
    if start_epoch > epoch:
        return Stage.STARTING
    return Stage.COUNTING if end_epoch is None else Stage.LEAVING


class _Context:
    """What all mirrors of one page share: read once."""

    def __init__(
        self, moment: Moment, fund: int, slots: int, result: FundResult | None, release: str, shown_mirrors: list[int]
    ) -> None:
        connection, asked = moment.connection, shown_mirrors
        self.moment = moment
        self.result = result
        self.weights = {weight.mirror: (rank, weight) for rank, weight in enumerate(result.weights if result else ())}
        self.ranks = {ranked.mirror: ranked for ranked in (result.ranks if result else ())}
        self.now = states_now(connection, fund, moment.clock, slots, moment.now_ms, asked)
        self.read = _read_completely(connection, release, shown_mirrors)
        done = moment.measured(moment.epoch, slots)
        self.payouts = _payouts(connection, shown_mirrors)
        self.locks = _locks(moment, shown_mirrors)
        self.running = strips(connection, fund, moment.epoch, slots, done, asked)
        self.strips = strips(connection, fund, result.epoch, result.slots, result.slots, asked) if result else {}

    def view(self, row: Any, earned: Earned) -> MirrorView:
        """One mirror from its row."""
        ranked, weighed = self.ranks.get(row.mirror), self.weights.get(row.mirror)
        stage = stage_of(row.start_epoch, row.end_epoch, row.removed, self.moment.epoch)
        running = stage in (Stage.COUNTING, Stage.LEAVING)
        now = self.now.get(row.mirror, NOT_SEEN) if running else NOT_SEEN
        return MirrorView(
            mirror=row.mirror,
            fund=row.fund,
            position=row.position,
            url=shown(row.url, 512),
            operator=row.operator,
            **self._payout(row),
            **self._stake(row),
            start_epoch=row.start_epoch,
            end_epoch=row.end_epoch,
            stage=stage,
            now=now,
            release_current=_current(self.read.get(row.mirror), now),
            rank=ranked.rank if ranked and running else None,
            networks=tuple(sorted(ranked.networks)) if ranked else (),
            weighed=_weighed(self.result, *weighed) if self.result and weighed else None,
            strip=self.strips.get(row.mirror) if weighed else None,
            running=self.running.get(row.mirror) if running else None,
            earned=earned,
        )

    def _payout(self, row: Any) -> dict[str, Any]:
        """Where its credit is sent now, and from when on elsewhere."""
        announced = self.payouts[row.mirror]
        bound = [payout for binds_from, payout in announced if binds_from <= self.moment.epoch]
        later = [NextPayout(payout, since) for since, payout in announced[1:] if since > self.moment.epoch]
        first = announced[0][1] if announced else row.payout
        return {"payout": bound[-1] if bound else first, "next_payout": later[0] if later else None}

    def _stake(self, row: Any) -> dict[str, Any]:
        locks = tuple(self.locks[row.mirror])
        return {
            "stake_wei": row.stake_wei - row.stake_returned_wei - row.slashed_wei,
            "locked_wei": sum(lock.amount_wei for lock in locks if lock.state == "locked"),
            "slashed_wei": row.slashed_wei,
            "locks": locks,
        }


def _payouts(connection: sa.Connection, asked: Iterable[int]) -> dict[int, list[tuple[int, str]]]:
    """The addresses that each mirror announced, with the epoch from which on each counts, in order."""
    rows = payouts.c
    query = sa.select(payouts).where(rows.mirror.in_(list(asked))).order_by(rows.mirror, rows.binds_from)
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.mirror].append((row.binds_from, row.payout))
    return found


def _locks(moment: Moment, asked: Iterable[int]) -> dict[int, list[LockView]]:
    found: dict[int, list[LockView]] = defaultdict(list)
    for one in locks_of(moment.connection, asked):
        times = (moment.clock.start_s(one.answer_by), moment.clock.start_s(one.until))
        found[one.mirror].append(LockView(one.epoch, one.amount_wei, one.state, one.answer, *times, one.tx_hash))
    return found


def _weighed(result: FundResult, rank: int, weight: Weight) -> Weighed:
    cuts = [Deduction(reason, slots) for reason, slots in weight.reasons.items() if reason is not Reason.UP]
    return Weighed(
        epoch=result.epoch,
        rank=rank,
        weight=weight.weight,
        count=weight.count,
        up_slots=weight.up_slots,
        known_slots=weight.known_slots,
        counted_slots=result.counted_slots,
        slots=result.slots,
        latency_ms=weight.latency_ms,
        latency_bps=weight.latency_bps,
        tested_bps=weight.tested_bps,
        deductions=tuple(sorted(cuts, key=lambda cut: -cut.slots)),
    )


def _read_completely(connection: sa.Connection, release: str, asked: Iterable[int]) -> Mapping[int, bool]:
    """For each mirror that some node has read, whether most of those nodes found every file of the release right."""
    rows = admissions.c
    right = sa.func.sum(sa.case((rows.reason == Reason.UP.value, 1), else_=0))
    query = sa.select(rows.mirror, right, sa.func.count()).where(rows.release == release, rows.mirror.in_(list(asked)))
    return {mirror: 2 * up > total for mirror, up, total in connection.execute(query.group_by(rows.mirror))}


def _current(read: bool | None, now: Now) -> bool | None:
    if now.state is VoteState.DOWN and now.reason in OUTDATED:
        return False
    return read


def _earned(connection: sa.Connection, asked: Sequence[int]) -> dict[int, Earned]:
    """The sums of each mirror; amounts are text in the database, so they are added here."""
    credited = dict.fromkeys(asked, 0)
    withdrawn = dict.fromkeys(asked, 0)
    for table, sums in ((credit_rows, credited), (withdrawals, withdrawn)):
        query = sa.select(table.c.mirror, table.c.amount_wei).where(table.c.mirror.in_(list(asked)))
        for mirror, amount_wei in connection.execute(query):
            sums[mirror] += amount_wei
    return {mirror: Earned(credited[mirror], withdrawn[mirror]) for mirror in asked}
