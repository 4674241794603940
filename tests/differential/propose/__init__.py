"""What the roles may do next: mostly what they may, now and then what they may not; and how time passes."""

from __future__ import annotations

from collections.abc import Callable

from tests.differential.propose import bonds, funders, operators, oracles, permits, settlers
from tests.differential.scene import Call, Scene

Proposal = Callable[[Scene], Call | None]

ACTIONS: dict[str, tuple[int, Proposal]] = {
    "accept": (3, oracles.accept),
    "createFund": (2, funders.create_fund),
    "announceChange": (2, funders.announce_change),
    "publishRelease": (1, funders.publish_release),
    "topUp": (5, funders.top_up),
    "topUpWithPermit": (2, permits.top_up),
    "permit": (1, permits.permit),
    "giveNotice": (3, funders.give_notice),
    "depart": (6, funders.depart),
    "collect": (4, funders.collect),
    "register": (8, operators.register),
    "exit": (2, operators.leave),
    "removeDead": (2, operators.remove_dead),
    "changePayout": (1, operators.change_payout),
    "releaseStake": (3, operators.release_stake),
    "withdraw": (4, operators.withdraw),
    "lockStake": (8, operators.lock_stake),
    "answerLock": (3, operators.answer_lock),
    "resolveLock": (6, operators.resolve_lock),
    "report": (34, oracles.report),
    "changeMembers": (1, oracles.change_members),
    "challenge": (2, oracles.challenge),
    "rule": (5, oracles.rule),
    "conclude": (2, oracles.conclude),
    "postBond": (1, bonds.post),
    "giveBondNotice": (1, bonds.give_notice),
    "takeBond": (1, bonds.take),
    "burnBond": (1, bonds.burn),
    "settle": (18, settlers.settle),
    "withdrawFee": (2, settlers.withdraw_fee),
}
"""How often each is drawn, and how it is made; one that has nothing to act upon is drawn again."""


def warp(scene: Scene) -> None:
    """Now and then moves the clock: mostly to the next epoch, or to the second at which something ends.

    Reports that can still be made are mostly waited for, else most epochs would be missed.
    """
    if not scene.odds(30) or not scene.world.mirrors:
        return
    if any(scene.unreported(committee) for committee in scene.committees()) and scene.odds(96):
        return
    world, rng = scene.world, scene.rng
    to = rng.choice(_moments(scene)) + rng.choice((0, 0, 0, 1, -1))
    if scene.odds(4):
        to = world.clock.end(world.epoch + rng.randint(1, 5))
    world.now = max(world.now, to)
    scene.stage.chain.warp(world.now)


def _moments(scene: Scene) -> list[int]:
    world, clock = scene.world, scene.world.clock
    moments = [clock.end(world.epoch)] * 6 + [world.now + scene.rng.randint(1, 400)]
    for (_, epoch), report in list(world.reports.items())[-2:]:
        closes = report.accepted_at + clock.window
        moments += [closes, closes + clock.arbitration, clock.end(epoch + 1) + clock.grace]
    return moments
