"""When each mirror is probed and what it is asked for: functions of a secret that no operator knows.

All randomness is BLAKE2b keyed with the node's secret, so a worker that restarts draws the same again.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from oracle.model import Clock, Epoch, MirrorId, Slot

SPREAD_PERCENT = 60
"""Probes start in the first 60 % of a slot; the rest is for slow answers."""
_ROUNDS = 6


def slot_at(clock: Clock, slots: int, unix_s: int) -> tuple[Epoch, Slot]:
    """The epoch and the slot, of `slots` an epoch, that `unix_s` lies in; the first of all before the genesis."""
    epoch = clock.epoch_at(unix_s)
    into_s = max(0, unix_s - clock.start_s(epoch))
    return epoch, Slot(into_s * slots // clock.epoch_length_s)


def slot_bounds(clock: Clock, slots: int, epoch: int, slot: int) -> tuple[int, int]:
    """Unix time in milliseconds at which a slot starts and at which the next one does.

    Raises: ValueError if the epoch has no such slot.
    """
    if not 0 <= slot < slots:
        raise ValueError(f"slot {slot} of {slots}")
    length_ms = clock.epoch_length_s * 1000
    first, last = (clock.start_s(epoch) * 1000 - (-n * length_ms // slots) for n in (slot, slot + 1))
    return first, last


def probe_time(secret: bytes, mirror: MirrorId | int, epoch: int, slot: int, slot_ms: int) -> int:
    """How many milliseconds after the start of its slot, `slot_ms` long, a mirror is probed."""
    spread_ms = max(1, slot_ms * SPREAD_PERCENT // 100)
    return _number(secret, b"probe-time", mirror, epoch, slot) % spread_ms


def file_for(secret: bytes, mirror: MirrorId | int, epoch: int, slot: int, slots: int, count: int) -> int:
    """The index, of `count` files, that a mirror is asked for in a slot: see `files_for`."""
    return files_for(secret, mirror, epoch, slot, slots, count, 1)[0]


def files_for(
    secret: bytes, mirror: MirrorId | int, epoch: int, slot: int, slots: int, count: int, each: int
) -> tuple[int, ...]:
    """The indexes, of `count` files, that a mirror is asked for in a slot, `each` of them.

    Turn by turn (`each` a slot, `slots` an epoch, counted from epoch 0) this walks all files in a secret order before
    one comes again; each round through them has another order, or the second round could be predicted.

    Raises: ValueError without a file or a turn.
    """
    if count < 1 or each < 1:
        raise ValueError(f"{each} of {count} files")
    first = (epoch * slots + slot) * each
    return tuple(permuted(secret, (mirror, turn // count), turn % count, count) for turn in range(first, first + each))


def permuted(secret: bytes, tweak: tuple[int, ...], index: int, count: int) -> int:
    """Where a keyed permutation of range(count), another one for each `tweak`, takes `index`.

    A Feistel network over the smallest even number of bits, walked until it is back in range (Black and Rogaway,
    "Ciphers with Arbitrary Finite Domains", 2002): constant memory, about two steps on average.
    """
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    place = index
    while True:
        place = _feistel(secret, tweak, place, half)
        if place < count:
            return place


def shards(mirrors: Iterable[MirrorId], size: int) -> list[tuple[MirrorId, ...]]:
    """The mirrors in ascending order, cut into runs of at most `size`: one task each.

    Raises: ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"shards of {size}")
    ordered = sorted(set(mirrors))
    return [tuple(ordered[i : i + size]) for i in range(0, len(ordered), size)]


def _feistel(secret: bytes, tweak: tuple[int, ...], value: int, half: int) -> int:
    left, right = value >> half, value & ((1 << half) - 1)
    for turn in range(_ROUNDS):
        left, right = right, left ^ _number(secret, b"permutation", *tweak, half, turn, right) % (1 << half)
    return left << half | right


def _number(secret: bytes, purpose: bytes, *parts: int) -> int:
    if not 16 <= len(secret) <= 64:
        raise ValueError(f"a secret has 16 to 64 bytes, not {len(secret)}")
    message = b"".join(part.to_bytes(8, "big") for part in parts)
    return int.from_bytes(blake2b(message, digest_size=8, key=secret, person=purpose).digest(), "big")
