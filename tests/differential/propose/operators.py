"""What operators, and those who act for them or against them, may do next."""

from __future__ import annotations

from collections.abc import Callable

from tests.differential.model import locks, mirrors
from tests.differential.model.state import ZERO, LockState, Mirror
from tests.differential.propose.settlers import epoch_proof
from tests.differential.scene import Call, Scene
from tests.differential.stage import ANYONE, ARBITER, OPERATORS, PAYOUTS

Locked = tuple[Mirror, int]


def register(scene: Scene) -> Call | None:
    """A mirror; in the position of one that has ended where there is one."""
    fund, rng = scene.fund(), scene.rng
    if not fund:
        return None
    url = rng.choice(("https://a.example", "https://b.example", "https://c.example"))
    url = rng.choice(("", "x" * 513, "x" * 512)) if scene.odds(3) else url
    payout = ZERO if scene.odds(2) else rng.choice(PAYOUTS)
    stake = rng.choice((fund.min_stake, fund.min_stake + rng.randint(1, 10**6), max(1, fund.min_stake) - 1))
    value = rng.choice((0, stake, stake, stake + scene.odds(5)))
    ended = [one.number for one in fund.mirrors if one.end and not one.displaced]
    former = rng.choice(ended) if ended and scene.odds(70) else 0
    former = rng.randint(1, len(scene.world.mirrors) + 1) if scene.odds(2) else former
    caller = rng.choice(OPERATORS)
    return scene.on_fund("register", caller, value, mirrors.register, fund.number, url, payout, stake, former)


def leave(scene: Scene) -> Call | None:
    """An exit."""
    found = _mirror(scene, lambda one: not one.end)
    return scene.on_fund("exit", _operator(scene, found), 0, mirrors.leave, found.number) if found else None


def remove_dead(scene: Scene) -> Call | None:
    """A removal, mostly of a mirror that has not been seen for a while."""
    reported = [fund.reported for fund in scene.world.funds]
    found = _mirror(scene, lambda one: not one.end and reported[one.fund - 1] - one.seen >= 3)
    return scene.on_fund("removeDead", ANYONE, 0, mirrors.remove_dead, found.number) if found else None


def change_payout(scene: Scene) -> Call | None:
    """Another payout address."""
    found = _mirror(scene, lambda one: True)
    payout = ZERO if scene.odds(3) else scene.rng.choice(PAYOUTS)
    return (
        scene.on_fund("changePayout", _operator(scene, found), 0, mirrors.change_payout, found.number, payout)
        if found
        else None
    )


def release_stake(scene: Scene) -> Call | None:
    """The stake of a mirror that has ended."""
    found = _mirror(scene, lambda one: one.end and one.stake)
    return scene.on_fund("releaseStake", ANYONE, 0, mirrors.release_stake, found.number) if found else None


def withdraw(scene: Scene) -> Call | None:
    """A credit."""
    found = _mirror(scene, lambda one: one.credit > 0)
    return scene.on_fund("withdraw", ANYONE, 0, mirrors.withdraw, found.number) if found else None


def lock_stake(scene: Scene) -> Call | None:
    """A lock for an epoch of which a report has a leaf of kind slash, or any other."""
    some = [(one, epoch) for one in scene.world.mirrors for epoch in range(one.start, one.end or scene.world.epoch + 1)]
    shown = [found for found in some if _is_accused(scene, *found)]
    chosen = shown if shown and not scene.odds(10) else some
    if not chosen or (not shown and scene.odds(90)):
        return None
    mirror, epoch = scene.rng.choice(chosen)
    fund = scene.world.funds[mirror.fund - 1]
    runs = locks.segments(fund)
    segment = next((i for i, (first, last, _) in enumerate(runs, 1) if first <= epoch <= last), 1) + scene.odds(3)
    set_ = sum(1 for since, _ in fund.sets if since <= epoch) - scene.odds(3)
    proof = epoch_proof(scene, fund, epoch, locks.leaf_of(scene.world, fund, mirror, epoch))
    args = (mirror.number, epoch, segment, max(0, set_), proof)
    return scene.on_fund("lockStake", ANYONE, 0, locks.lock_stake, *args)


def _is_accused(scene: Scene, mirror: Mirror, epoch: int) -> bool:
    world, fund = scene.world, scene.world.funds[mirror.fund - 1]
    recent = world.epoch <= epoch + world.terms.unbonding and epoch not in mirror.locks
    if not recent or fund.slashing.arbiter == ZERO:
        return False
    return bool(epoch_proof(scene, fund, epoch, locks.leaf_of(world, fund, mirror, epoch)))


def answer_lock(scene: Scene) -> Call | None:
    """An answer to a lock."""
    found = _locked(scene, lambda one, epoch: not one.locks[epoch].answered)
    if not found:
        return None
    mirror, epoch = found
    caller = _operator(scene, mirror)
    return scene.on_fund_as(
        "answerLock", caller, 0, (mirror.number, epoch, "served as listed"),
        lambda world: locks.answer_lock(world, caller, 0, mirror.number, epoch),
    )  # fmt: skip


def resolve_lock(scene: Scene) -> Call | None:
    """The arbiter's word on a lock, or its end."""
    found = _locked(scene, lambda one, epoch: one.locks[epoch].state == LockState.LOCKED)
    if not found:
        return None
    caller, burned = (ANYONE, scene.odds(10)) if scene.odds(30) else (ARBITER, scene.odds(65))
    return scene.on_fund("resolveLock", caller, 0, locks.resolve_lock, found[0].number, found[1], burned)


def _mirror(scene: Scene, fits: Callable[[Mirror], object]) -> Mirror | None:
    fitting = [one for one in scene.world.mirrors if fits(one)]
    every = fitting if fitting and not scene.odds(10) else scene.world.mirrors
    return scene.rng.choice(every) if every else None


def _operator(scene: Scene, mirror: Mirror) -> str:
    return ANYONE if scene.odds(3) else mirror.operator


def _locked(scene: Scene, fits: Callable[[Mirror, int], bool]) -> Locked | None:
    every = [(one, epoch) for one in scene.world.mirrors for epoch in one.locks]
    fitting = [found for found in every if fits(*found)]
    chosen = fitting if fitting and not scene.odds(10) else every
    return scene.rng.choice(chosen) if chosen else None
