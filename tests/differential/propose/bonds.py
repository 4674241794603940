"""What who posts bonds, and who accuses them, may do next."""

from __future__ import annotations

from collections.abc import Callable

from tests.differential.model import bonds
from tests.differential.model.state import Bond
from tests.differential.scene import Call, Scene
from tests.differential.stage import ANYONE, KEYS

Posted = tuple[int, str]


def post(scene: Scene) -> Call | None:
    """A bond, mostly of a fresh poster; rarely of nothing, of too much or for a committee that does not exist."""
    committee = 9 if scene.odds(2) else scene.rng.choice((1, 2))
    value = scene.rng.choice((0, 1 << 96, (1 << 96) - 1)) if scene.odds(6) else scene.rng.randint(1, 10**18)
    caller = scene.rng.choice(list(KEYS))
    return scene.on_committee(
        "postBond", caller, value, lambda: (committee,), lambda world: bonds.post(world, caller, value, committee)
    )


def give_notice(scene: Scene) -> Call | None:
    """A notice, of one that has given none more often than not."""
    found = _posted(scene, lambda bond: not bond.free_from)
    if not found:
        return None
    committee, caller = found
    return scene.on_committee(
        "giveBondNotice", caller, 0, lambda: (committee,), lambda world: bonds.give_notice(world, caller, 0, committee)
    )


def take(scene: Scene) -> Call | None:
    """The return of a bond, mostly of one that is free."""
    world = scene.world
    found = _posted(scene, lambda bond: 0 < bond.free_from <= world.now < bond.free_from + bonds.notice(world))
    if not found:
        return None
    committee, caller = found
    return scene.on_committee(
        "takeBond", caller, 0, lambda: (committee,), lambda world: bonds.take(world, caller, 0, committee)
    )


def burn(scene: Scene) -> Call | None:
    """Two digests of one epoch, mostly both signed by the accused; now and then the same twice, or a false one."""
    found = _posted(scene, lambda bond: bond.amount > 0)
    if not found or scene.odds(50):
        return None
    (committee, member), epoch = found, scene.rng.randint(0, scene.world.epoch)
    digests = [scene.rng.randbytes(32), scene.rng.randbytes(32)]
    if scene.odds(8):
        digests[1] = digests[0]
    genuine = [not scene.odds(12), not scene.odds(12)]
    return scene.on_committee(
        "burnBond", ANYONE, 0,
        lambda: (committee, epoch, member, digests, [
            scene.of_bundle(member, committee, epoch if good else epoch + 1, digest)
            for digest, good in zip(digests, genuine, strict=True)
        ]),
        lambda world: bonds.burn(world, ANYONE, 0, committee, member, digests, genuine),
    )  # fmt: skip


def _posted(scene: Scene, fits: Callable[[Bond], bool]) -> Posted | None:
    fitting = [key for key, bond in scene.world.bonds.items() if bond.amount and fits(bond)]
    every = fitting if fitting and not scene.odds(10) else list(scene.world.bonds)
    return scene.rng.choice(every) if every else None
