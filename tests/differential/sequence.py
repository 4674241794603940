"""One random sequence of calls, through the contracts and the model, compared after every call."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.differential import stage
from tests.differential.chain import Reverted
from tests.differential.model.state import Refused
from tests.differential.properties import broken, reached
from tests.differential.propose import ACTIONS, warp
from tests.differential.scene import Call, Scene
from tests.differential.views import View, turns_and_segments, views

LEAST_CALLS, MOST_CALLS = 65, 105
KEPT = 22
"""Of a hundred calls that the model refuses, so many are sent nonetheless."""
SCALES = (1, 7, 1_000, 10**6, 10**18, 1 << 62, 1 << 94)
"""The size of a reward, in the token's smallest unit."""


class Difference(AssertionError):
    """The contracts and the model do not agree, or agree on what must not be."""


@dataclass
class Result:
    """What a sequence did: how often each call was sent, by the error's name, which is empty where it succeeded."""

    seed: int
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)


def run(seed: int) -> Result:
    """Plays the sequence of this seed. Raises: Difference."""
    rng = Random(seed)
    setting = stage.SETTINGS[seed % len(stage.SETTINGS)]
    scene = Scene(rng, stage.build(setting), rng.choice(SCALES), spendthrift=rng.random() < 0.5)
    result = Result(seed)
    calls = rng.randint(LEAST_CALLS, MOST_CALLS)
    names, weights = list(ACTIONS), [weight for weight, _ in ACTIONS.values()]
    while result.calls.total() < calls:
        (name,) = rng.choices(names, weights)
        call = ACTIONS[name][1](scene)
        if call and _try(scene, call, result):
            warp(scene)
    compare(scene, list(turns_and_segments(scene.world)))
    result.reached = reached(scene.world)
    return result


def _try(scene: Scene, call: Call, result: Result) -> bool:
    """Asks the model, and then the contract unless the model refuses and the dice say no. Whether it was sent."""
    saved = pickle.dumps(scene.world, pickle.HIGHEST_PROTOCOL)
    refused: tuple[str, ...] = ()
    returned = None
    try:
        returned = call.model(scene.world)
    except Refused as refusal:
        refused = refusal.names
        scene.stage.world = pickle.loads(saved)  # noqa: S301 - our own bytes
        if not scene.odds(KEPT):
            return False
    result.calls[call.name, refused[0] if refused else ""] += 1
    try:
        _send(scene, call, refused, returned)
        compare(scene, list(views(scene.world)))
        _check_properties(scene)
    except Difference as difference:
        raise Difference(f"{_where(scene, call, result)}: {difference}") from None
    return True


def _send(scene: Scene, call: Call, refused: tuple[str, ...], returned: int | None) -> None:
    try:
        answer = scene.stage.chain.send(call.caller, call.to, call.calldata(), call.value)
    except Reverted as refusal:
        if refusal.name not in refused:
            raise Difference(f"the contract says {refusal.name}, the model {refused or 'yes'}") from None
        return
    if refused:
        raise Difference(f"the contract says yes, the model {refused}")
    if answer != (b"" if returned is None else returned.to_bytes(32, "big")):
        raise Difference(f"the contract returns {answer.hex()}, the model {returned}")


def compare(scene: Scene, expected: list[View]) -> None:
    """Reads every view. Raises: Difference naming the first that is another."""
    if scene.stage.chain.reads([view[1:3] for view in expected]) == b"".join([view[3] for view in expected]):
        return
    for name, address, call, words in expected:
        found = scene.stage.chain.read(address, call)
        if found != words:
            what = f"{name}({call[4:].hex()})"
            raise Difference(f"{what}: {_words(found)} on the chain, {_words(words)} in the model")


def _check_properties(scene: Scene) -> None:
    for rule in broken(scene.world):
        raise Difference(f"both agree, but {rule}")


def _where(scene: Scene, call: Call, result: Result) -> str:
    count, epoch, now = result.calls.total(), scene.world.epoch, scene.world.now
    what = f"{call.name}{tuple(call.args())} by {call.caller}, value {call.value}"
    return f"seed {result.seed}, call {count}, epoch {epoch}, time {now}: {what}"


def _words(data: bytes) -> list[str]:
    numbers = [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
    return [hex(number) if number > 1 << 100 else str(number) for number in numbers]
