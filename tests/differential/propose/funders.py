"""What owners and depositors may do next."""

from __future__ import annotations

from collections.abc import Callable

from tests.differential.model import funding
from tests.differential.model.state import ZERO, Deposit, Offer, Slashing
from tests.differential.scene import Call, Plan, Scene
from tests.differential.stage import ANYONE, ARBITER, DEPOSITORS, OPERATORS, OWNERS

MOST_FUNDS = 3


def plan(scene: Scene) -> Plan:
    """An offer for a new fund, or a change of a fund."""
    rng = scene.rng
    offer = Offer(_reward(scene), _target(scene), _fee_bps(scene), rng.choice((1, 1, 1, 2, 2)))
    fund = scene.fund()
    if fund and (len(scene.world.funds) >= MOST_FUNDS or scene.odds(60)):
        return Plan(
            fund.number, fund.owner, fund.token, fund.offer if scene.odds(5) else offer, fund.slashing, rng.randbytes(3)
        )
    return Plan(0, rng.choice(OWNERS), rng.choice(list(scene.world.tokens)), offer, _slashing(scene), rng.randbytes(3))


def create_fund(scene: Scene) -> Call | None:
    """A fund on terms that a committee has accepted, or has not."""
    if len(scene.world.funds) >= MOST_FUNDS or (scene.world.funds and scene.odds(70)):
        return None
    found = _some_plan(scene, new=True)
    token = ZERO if scene.odds(2) else found.token
    min_stake = scene.rng.choice((0, 1, 10**6))
    slashing = _slashing(scene) if scene.odds(5) else found.slashing
    release = scene.rng.randbytes(32)
    made = (token, found.offer, min_stake, slashing, "app", found.policy, release, "https://example.org")
    return scene.on_fund_as(
        "createFund", found.owner, 0, (made,),
        lambda world: funding.create_fund(
            world, found.owner, 0, token, found.offer, min_stake, slashing, found.policy, release
        ),
    )  # fmt: skip


def publish_release(scene: Scene) -> Call | None:
    """Another release, now and then by who is not the owner."""
    fund = scene.fund()
    if not fund:
        return None
    caller, release = ANYONE if scene.odds(5) else fund.owner, scene.rng.randbytes(32)
    return scene.on_fund_as(
        "publishRelease", caller, 0, (fund.number, release, "https://example.org"),
        lambda world: funding.publish_release(world, caller, 0, fund.number, release),
    )  # fmt: skip


def announce_change(scene: Scene) -> Call | None:
    """A change of a fund's terms."""
    found = _some_plan(scene, new=False)
    anyones = scene.odds(5)
    numbers = [
        fund.number for fund in scene.world.funds
        if (fund.owner, fund.token) == (found.owner, found.token) and (anyones or fund.number == found.fund)
    ]  # fmt: skip
    if not numbers:
        return None
    number, caller = scene.rng.choice(numbers), ANYONE if scene.odds(3) else found.owner
    return scene.on_fund("announceChange", caller, 0, funding.announce_change, number, found.offer, found.policy)


def top_up(scene: Scene) -> Call | None:
    """A deposit, of tokens or of native coin."""
    fund = scene.fund()
    if not fund or (scene.spendthrift and fund.free > 3 * fund.offer.reward and scene.odds(80)):
        return None
    amount = amount_of(scene, fund.offer.reward)
    native = scene.odds(50) if fund.token == scene.world.wrapped else scene.odds(2)
    value = amount + scene.odds(2) if native else 0
    number = 0 if scene.odds(1) else fund.number
    return scene.on_fund("topUp", scene.rng.choice(DEPOSITORS), value, funding.top_up, number, amount)


def give_notice(scene: Scene) -> Call | None:
    """A notice."""
    found = _deposit(scene, lambda one: not one.leaves)
    return scene.on_fund("giveNotice", _holder(scene, found), 0, funding.give_notice, found.number) if found else None


def depart(scene: Scene) -> Call | None:
    """A departure, mostly of a deposit whose notice is over."""
    now, term = scene.world.epoch, scene.world.terms.deposit_notice
    found = _deposit(scene, lambda one: not one.leaves and 0 < one.ready <= now < one.ready + term)
    return scene.on_fund("depart", _holder(scene, found), 0, funding.depart, found.number) if found else None


def collect(scene: Scene) -> Call | None:
    """A collection, by anyone."""
    found = _deposit(scene, lambda one: one.leaves is not None and not one.collected)
    return scene.on_fund("collect", ANYONE, 0, funding.collect, found.number) if found else None


def _some_plan(scene: Scene, *, new: bool) -> Plan:
    fitting = (
        [found for found in scene.plans if new != bool(found.fund)][-3:] if not scene.odds(5) else scene.plans[-3:]
    )
    return scene.rng.choice(fitting) if fitting and not scene.odds(5) else plan(scene)


def _reward(scene: Scene) -> int:
    if scene.odds(2):
        return 0
    return scene.rng.choice((scene.scale, scene.rng.randint(1, scene.scale), scene.rng.randint(1, 2 * scene.scale)))


def _target(scene: Scene) -> int:
    return scene.rng.choice((0, 256, 257)) if scene.odds(4) else 1 if scene.spendthrift else scene.rng.randint(1, 3)


def _fee_bps(scene: Scene) -> int:
    return 2_001 if scene.odds(2) else scene.rng.choice((0, 1, 333, 1_000, 2_000))


def _slashing(scene: Scene) -> Slashing:
    if scene.odds(4):
        return scene.rng.choice((Slashing(ARBITER, 2_000, 1_000), Slashing(ARBITER, 0, 5_001), Slashing(ZERO, 0, 1)))
    return scene.rng.choice((
        Slashing(ZERO, 0, 0), Slashing(ARBITER, 1_000, 2_500), Slashing(ARBITER, 3_333, 5_000),
        Slashing(ARBITER, 1, 1), Slashing(ARBITER, 5_000, 5_000),
    ))  # fmt: skip


def amount_of(scene: Scene, reward: int) -> int:
    """Mostly some epochs' worth and a little, so that funds are spent to the last unit; rarely nothing or too much."""
    rng = scene.rng
    if scene.odds(3):
        return rng.choice((0, 1 << 96, (1 << 96) - 1, 1 << 95))
    if scene.odds(5 if scene.spendthrift else 40):
        return rng.randint(1, 10 * reward + 1)
    epochs = rng.randint(1, 3) if scene.spendthrift else rng.randint(0, 9)
    return max(1, reward * epochs + rng.choice((0, 0, 1, 1, 2, -1, 7)))


def _deposit(scene: Scene, fits: Callable[[Deposit], bool]) -> Deposit | None:
    fitting = [one for one in scene.world.deposits if fits(one)]
    every = fitting if fitting and not scene.odds(10) else scene.world.deposits
    return scene.rng.choice(every) if every else None


def _holder(scene: Scene, deposit: Deposit) -> str:
    return scene.rng.choice(OPERATORS) if scene.odds(3) else deposit.holder
