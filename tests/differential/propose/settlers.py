"""Who settles, and sends to others what is theirs."""

from __future__ import annotations

from tests.differential.model import committees, funding, settlement
from tests.differential.model.settlement import Reveal
from tests.differential.model.state import Fund, Outcome
from tests.differential.scene import Call, Scene
from tests.differential.stage import ANYONE

NOTHING = Reveal(b"", ())


def settle(scene: Scene) -> Call | None:
    """Some of what can be settled, all of it, or one epoch more."""
    fund = scene.fund()
    if not fund:
        return None
    ready = _ready(scene, fund)
    waiting = any(not turn.price for turn in fund.turns)
    if not ready and not scene.odds(30 if waiting else 3):
        return None
    count = scene.rng.choice((len(ready), len(ready), scene.rng.randint(0, len(ready))))
    reveals = ready[:count] + [NOTHING] * scene.odds(3)
    if reveals and scene.odds(3):
        reveals[-1] = _spoilt(scene, reveals[-1])
    args = (fund.number, reveals)
    return scene.on_fund("settle", ANYONE, 0, settlement.settle, *args)


def withdraw_fee(scene: Scene) -> Call | None:
    """A committee's fees."""
    owed = [key for key, amount in scene.world.fees.items() if amount]
    others = [(1, token) for token in scene.world.tokens]
    committee, token = scene.rng.choice(others if not owed or scene.odds(5) else owed)
    return scene.on_fund("withdrawFee", ANYONE, 0, settlement.withdraw_fee, committee, token)


def epoch_proof(scene: Scene, fund: Fund, epoch: int, leaf: bytes) -> tuple[bytes, ...]:
    """The proof of a leaf in the report of the epoch, if it has the leaf."""
    found = scene.published.get((funding.offer_at(fund, epoch).committee, epoch))
    return tuple(found.tree.proof(leaf)) if found and leaf in found.tree.leaves else ()


def _ready(scene: Scene, fund: Fund) -> list[Reveal]:
    """Reveals of all epochs that are final, up to the first that is not."""
    world, reveals = scene.world, []
    decided = [*fund.decided, *funding.undecided(world, fund)]
    for epoch, offer in enumerate(decided[fund.settled - fund.first :], fund.settled):
        if not offer:
            continue
        outcome = committees.outcome_for(world, offer.committee, epoch, fund.number)
        if outcome in (Outcome.OPEN, Outcome.PENDING):
            break
        reveals.append(_reveal(scene, fund, offer.committee, epoch) if outcome is Outcome.FINAL else NOTHING)
    return reveals


def _reveal(scene: Scene, fund: Fund, committee: int, epoch: int) -> Reveal:
    found = scene.published[committee, epoch]
    vector = found.vectors.get(fund.number)
    if vector is None or found.withheld:
        return NOTHING
    leaf = settlement.leaf_of(scene.world, fund, epoch, vector)
    return Reveal(vector, tuple(found.tree.proof(leaf)) if leaf in found.tree.leaves else (b"\2" * 32,))


def _spoilt(scene: Scene, reveal: Reveal) -> Reveal:
    return scene.rng.choice((
        NOTHING, Reveal(reveal.vector, (*reveal.proof, bytes(32))), Reveal(bytes(4), ()),
        Reveal(reveal.vector[:-1], reveal.proof),
    ))  # fmt: skip
