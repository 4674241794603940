"""What the committees, honest or not, their challengers and the arbiter may do next."""

from __future__ import annotations

from oracle import merkle
from oracle.digests import keccak256
from tests.differential.model import committees, funding, locks, settlement
from tests.differential.model.state import Challenge, Fund, Ruling
from tests.differential.propose import funders
from tests.differential.scene import Call, Publication, Scene
from tests.differential.stage import ANYONE, ARBITER, DEPOSITORS, RECIPIENTS, member_set

HONEST, MALICIOUS = 1, 2
ALIVE = 1 << 31
MOST_WEIGHT = ALIVE - 1
DAY = 86_400
Challenged = tuple[tuple[int, int, int], Challenge]


def accept(scene: Scene) -> Call | None:
    """A committee takes on an offer."""
    if len(scene.world.funds) > 1 and scene.odds(70):
        return None
    plan = funders.plan(scene)
    committee = plan.offer.committee
    terms = funding.terms_digest(*plan)
    until = scene.world.now + scene.rng.choice((-1, 0, 1_000, DAY, DAY, DAY, DAY))
    config = committees.config_at(scene.world, committee, scene.world.epoch)
    votes = scene.votes(config)
    subject = (committee, scene.world.fund_contract, terms, until)
    scene.plans.append(plan)
    return scene.on_committee(
        "accept", ANYONE, 0, lambda: (*subject, scene.signed(config, votes, "acceptanceDigest", *subject)),
        lambda world: committees.accept(world, ANYONE, 0, committee, terms, until, votes),
    )  # fmt: skip


def report(scene: Scene) -> Call | None:
    """A report of the earliest epoch still without one, mostly in time and mostly true if the committee is honest."""
    world = scene.world
    committee = scene.rng.choice(scene.committees())
    in_time = scene.unreported(committee)
    epoch = in_time[0] if in_time and not scene.odds(3) else max(0, world.epoch - scene.rng.randint(0, 2))
    if not in_time and not scene.odds(3):
        return None
    made = _publication(scene, committee, epoch)
    root = bytes(32) if scene.odds(1) else made.tree.root
    config = committees.config_at(world, committee, epoch)
    votes = scene.votes(config)
    if (committee, epoch) not in world.reports:
        scene.published[committee, epoch] = made
    subject = (committee, epoch, root, bytes(32))
    return scene.on_committee(
        "report", ANYONE, 0, lambda: (*subject, scene.signed(config, votes, "reportDigest", *subject)),
        lambda world: committees.report(world, ANYONE, 0, committee, epoch, root, votes),
    )  # fmt: skip


def change_members(scene: Scene) -> Call | None:
    """Other members of a committee, quorum or fee recipient."""
    if scene.odds(80):
        return None
    committee = scene.rng.choice((HONEST, MALICIOUS))
    config = committees.config_at(scene.world, committee, scene.world.epoch)
    count = scene.rng.randint(1, 4)
    members = member_set(scene.stage, count, scene.rng.randrange(3))
    quorum = count // 2 + 1 - scene.odds(3)
    until = scene.world.now + scene.rng.choice((-1, 0, DAY, DAY))
    subject = (committee, members, quorum, scene.rng.choice(RECIPIENTS), until)
    votes = scene.votes(config)
    return scene.on_committee(
        "changeMembers", ANYONE, 0, lambda: (*subject, scene.signed(config, votes, "membersDigest", *subject)),
        lambda world: committees.change_members(
            world, ANYONE, 0, committee, tuple(members), quorum, subject[3], until, votes
        ),
    )  # fmt: skip


def challenge(scene: Scene) -> Call | None:
    """A challenge of a fund's part of a report, mostly while its window is open."""
    fund, world = scene.fund(), scene.world
    reports = [key for key, one in world.reports.items() if world.now < one.accepted_at + world.clock.window]
    reports = list(world.reports) if scene.odds(5) else reports
    if not fund or not reports:
        return None
    (committee, epoch), caller = scene.rng.choice(reports), scene.rng.choice(DEPOSITORS)
    value = world.challenge_bond - scene.odds(3)
    return scene.on_committee(
        "challenge", caller, value, lambda: (committee, epoch, world.fund_contract, fund.number, "not so"),
        lambda world: committees.challenge(world, caller, value, committee, epoch, fund.number),
    )  # fmt: skip


def rule(scene: Scene) -> Call | None:
    """The arbiter's word on a challenge."""
    found = _challenged(scene)
    if not found:
        return None
    key, caller, voided = found[0], ANYONE if scene.odds(5) else ARBITER, scene.odds(60)
    return scene.on_committee(
        "rule", caller, 0, lambda: (*key[:2], scene.world.fund_contract, key[2], voided),
        lambda world: committees.rule(world, caller, 0, *key, voided),
    )  # fmt: skip


def conclude(scene: Scene) -> Call | None:
    """The end of a challenge on which the arbiter has said nothing."""
    found = _challenged(scene)
    if not found:
        return None
    key = found[0]
    return scene.on_committee(
        "conclude", ANYONE, 0, lambda: (*key[:2], scene.world.fund_contract, key[2]),
        lambda world: committees.conclude(world, ANYONE, 0, *key),
    )  # fmt: skip


def _challenged(scene: Scene) -> Challenged | None:
    every = list(scene.world.challenges.items())
    waiting = [one for one in every if one[1].ruling is Ruling.NONE]
    chosen = waiting if waiting and not scene.odds(5) else every
    return scene.rng.choice(chosen) if chosen else None


def _publication(scene: Scene, committee: int, epoch: int) -> Publication:
    """One leaf for every fund, and some of kind slash, of which the mirrors may know nothing."""
    vectors: dict[int, bytes] = {}
    leaves = [keccak256(b"a fund elsewhere")] if scene.odds(60) else []
    world = scene.world
    for fund in world.funds:
        if committee == HONEST and scene.odds(3):
            continue
        vectors[fund.number] = _vector(scene, fund, committee, epoch)
        leaves.append(settlement.leaf_of(world, fund, epoch, vectors[fund.number]))
        slashed = [one for one in fund.mirrors if scene.odds(25)]
        leaves += [locks.leaf_of(world, fund, one, epoch) for one in slashed]
    if not leaves or (committee == MALICIOUS and scene.odds(5)):
        leaves = [keccak256(b"nothing true")]
    return Publication(merkle.Tree(leaves), vectors, withheld=committee == MALICIOUS and scene.odds(10))


def _vector(scene: Scene, fund: Fund, committee: int, epoch: int) -> bytes:
    offer = funding.offer_at(fund, epoch)
    there = [one for one in fund.mirrors if one.start <= epoch]
    length = max((one.position + 1 for one in there), default=0)
    left, weights = offer.target * settlement.ONE, []
    for _ in range(length):
        most = min(left, MOST_WEIGHT if committee == MALICIOUS else settlement.ONE)
        weights.append(most if scene.odds(95 if scene.spendthrift else 50) else scene.rng.randint(0, most))
        left -= weights[-1]
    if committee == MALICIOUS and scene.odds(8):
        weights = _too_much(scene, weights)
    dead = {one.position for one in there if one.number % 3 == 0 or scene.odds(10)}
    entries = [weight | (0 if i in dead else ALIVE) for i, weight in enumerate(weights)]
    ragged = b"\0" if committee == MALICIOUS and scene.odds(2) else b""
    return b"".join(entry.to_bytes(4, "big") for entry in entries) + ragged


def _too_much(scene: Scene, weights: list[int]) -> list[int]:
    return scene.rng.choice(([MOST_WEIGHT] * len(weights), [*weights, 0], weights[:-1], [*weights, *[1] * 4]))
