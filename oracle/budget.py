"""How much one node asks of a mirror in an epoch, and how long an altered file can therefore stay unseen. Pure.

The fund's policy publishes a budget of requests and of bytes per mirror and day for each node. One question a slot is
always asked, since a slot that nobody asks in is unknown; the rest of the budget goes to further files, so that every
file is met again within the epoch where size and budget allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.model import Policy

DAY_S = 86_400
AWAY_ONE_IN = 10
"""One slot in so many has a further question, which leaves as no other probe does."""
SIX_ONE_IN = 10
"""One slot in so many has a further question over IPv6, for whoever has an address of both kinds."""
BESIDES = 32
"""Requests of an epoch that are kept for the ownership document, canaries, cold files and whatever is asked again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node asks of a mirror in an epoch of `slots`. `light` and `heavy` are indexes of the release's files.

    `each` light files, of at most `light_bytes`, are asked for in every slot; a heavy one (too long for every slot)
    whenever `heavy_bytes` of a budget of `heavy_share` bytes an epoch have come together. `requests` and `bytes` are
    the budget of the epoch.
    """

    slots: int
    light: tuple[int, ...]
    heavy: tuple[int, ...]
    each: int
    light_bytes: int
    heavy_bytes: int
    heavy_share: int
    checks: int
    requests: int
    bytes: int

    @property
    def within_epoch(self) -> bool:
        """Whether every light file comes in every epoch."""
        return len(self.light) <= self.slots * self.each

    def heavy_turns(self, place: int) -> range:
        """The turns, counted from epoch 0, of the heavy files' walk that fall into the slot that is the `place`th."""
        per = max(1, self.heavy_bytes * self.slots)
        return range(place * self.heavy_share // per, (place + 1) * self.heavy_share // per)

    @property
    def walk_slots(self) -> int:
        """In how many slots one node meets every file and check once."""
        light = -(-len(self.light) // self.each)
        return max(light, self._heavy_walk_slots, self.checks)

    @property
    def _heavy_walk_slots(self) -> int:
        return -(-len(self.heavy) * self.heavy_bytes * self.slots // max(1, self.heavy_share))

    @property
    def detection_slots(self) -> int:
        """After how many slots, at the latest, a node has met what was altered: it may just have been met in one walk
        and come last in the next, whose order is another."""
        besides = max(self._heavy_walk_slots, self.checks)
        return max(self._light_detection_slots, 2 * besides - 1, 1)

    @property
    def _light_detection_slots(self) -> int:
        """From the first turn of a walk to the last one of the next. Where walks begin with the epoch, the next one may
        begin after some turns that were left over; else a walk begins anywhere in a slot, if it does not fill slots."""
        count = len(self.light)
        if self.within_epoch:
            last_walk = (self.slots * self.each // max(1, count) - 1) * count
            return self.slots + (count - 1) // self.each - last_walk // self.each
        whole = count % self.each == 0
        return 2 * count // self.each - 1 if whole else -(-(2 * count - 1) // self.each)


def plan(lengths: Sequence[int], checks: int, policy: Policy, epoch_length_s: int) -> Plan:
    """The plan for a release with files of these `lengths` in bytes and so many checks.

    Raises: ValueError for a release with neither.
    """
    if not lengths and not checks:
        raise ValueError("a release without files and checks")
    slots = policy.slots
    besides = BESIDES + slots // AWAY_ONE_IN + slots // SIX_ONE_IN
    least = slots * (bool(lengths) + bool(checks)) + besides
    requests = max(least, policy.budget_requests * epoch_length_s // DAY_S)
    most_bytes = max(
        (slots + slots // AWAY_ONE_IN + slots // SIX_ONE_IN) * min(lengths, default=0),
        policy.budget_bytes * epoch_length_s // DAY_S,
    )
    light, heavy = _weighed(lengths, max(min(lengths, default=0), most_bytes // (2 * slots)))
    mean = _mean([lengths[i] for i in light])
    room = (requests - besides) // slots - bool(checks)
    wanted = -(-len(light) // slots)
    affordable = most_bytes // (2 * slots * mean)
    return Plan(
        slots=slots,
        light=light,
        heavy=heavy,
        each=max(1, min(wanted, room, affordable)),
        light_bytes=max((lengths[i] for i in light), default=0),
        heavy_bytes=_mean([lengths[i] for i in heavy]) if heavy else 0,
        heavy_share=min(most_bytes // 2, sum(lengths[i] for i in heavy)),
        checks=checks,
        requests=requests,
        bytes=most_bytes,
    )


def _weighed(lengths: Sequence[int], most: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    light = tuple(i for i, length in enumerate(lengths) if length <= most)
    return light, tuple(i for i, length in enumerate(lengths) if length > most)


def _mean(lengths: Sequence[int]) -> int:
    """Rounded up, and never 0."""
    return max(1, -(-sum(lengths) // max(1, len(lengths))))
