"""When each mirror is probed and what it is asked for: functions of a secret that no operator knows.

All randomness is BLAKE2b keyed with the node's secret, so a worker that restarts draws the same again. *When* comes
from the epoch's own secret, which is committed to before and revealed after; *what* from the node's, which stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import count as counting
from math import isqrt
from struct import Struct

from oracle.budget import AWAY_ONE_IN, SIX_ONE_IN
from oracle.digests import sha256_digest
from oracle.model import PRIMARY, Clock, Digest, Epoch, MirrorId, Slot

SPREAD_PERCENT = 60
"""In a short slot probes start in the first 60 %; the rest is for slow answers."""
LONG_SLOT_MS = 60_000
"""A slot as long as this keeps for answers only what a probe may take, and what storing its vote takes."""
STORING_MS = 3_000
SLICE_MS = 20_000
"""The part of a slot in which probes start is cut into slices of about this length."""
READS_AN_EPOCH = 20
"""The budget of failures: how often what failed is read again within an epoch, at most."""
_SHORTEST_REST_S = 5
_PRIMARIES = 1 << 63
_PACKED = tuple(Struct(f">{count}Q") for count in range(9))
_FIRST = Struct(">Q").unpack_from
_ROUNDS, _ROUNDS_OF_FEW, _FEW = 6, 8, 16


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


def rest_s(clock: Clock) -> int:
    """How long a host that failed is left alone before it is read again."""
    return max(_SHORTEST_REST_S, clock.epoch_length_s // READS_AN_EPOCH)


def epoch_secret(secret: bytes, epoch: int) -> bytes:
    """The 32 bytes from which the times of one epoch come; they tell nothing of the secret or of other epochs."""
    return _keyed(secret, b"epoch-secret", epoch).digest()


@lru_cache(maxsize=256)
def subsecret(secret: bytes, purpose: bytes) -> bytes:
    """A secret of its own for a purpose (at most 16 bytes)."""
    return _keyed(secret, purpose).digest()


def commitment(revealed: bytes) -> Digest:
    """What is published of an epoch's secret before the epoch."""
    return sha256_digest(revealed)


def spread_ms(slot_ms: int, timeout_ms: int) -> int:
    """How long is the part of a slot in which probes start that may take `timeout_ms`."""
    short = max(1, slot_ms * SPREAD_PERCENT // 100)
    return short if slot_ms < LONG_SLOT_MS else max(short, slot_ms - timeout_ms - STORING_MS)


@lru_cache(maxsize=64)
def slice_bounds(slot_ms: int, timeout_ms: int) -> tuple[int, ...]:
    """Where a slot's slices begin, in milliseconds after its start, and last where they end."""
    spread = spread_ms(slot_ms, timeout_ms)
    count = max(1, spread // SLICE_MS)
    return tuple(spread * number // count for number in range(count + 1))


def slice_of(secret: bytes, subject: int, epoch: int, slot: int, slices: int) -> int:
    """The slice in which a mirror (or a fund's primary: see `subject_of`) is asked all its questions of a slot."""
    return _number(secret, b"slice", subject, epoch, slot) % slices if slices > 1 else 0


def subject_of(fund: int, mirror: MirrorId | int) -> int:
    """The number under which a mirror's times are drawn; every fund's primary has one of its own."""
    return _PRIMARIES + fund if mirror == PRIMARY else mirror


def probe_times(secret: bytes, subject: int, epoch: int, slot: int, slot_ms: int, timeout_ms: int) -> Iterator[int]:
    """How many milliseconds after the start of its slot, `slot_ms` long, a mirror is asked its first question, its
    second and so on: each at any time of its slice, and any slice of the slot is as likely."""
    bounds = slice_bounds(slot_ms, timeout_ms)
    number = slice_of(secret, subject, epoch, slot, len(bounds) - 1)
    begin, length = bounds[number], bounds[number + 1] - bounds[number]
    return (begin + _number(secret, b"probe-time", subject, epoch, slot, question) % length for question in counting())


def is_away(secret: bytes, mirror: MirrorId | int, epoch: int, slot: int) -> bool:
    """Whether one question of the slot is asked from another address and in a browser's words: a tenth of the slots."""
    return _number(secret, b"away", mirror, epoch, slot) % AWAY_ONE_IN == 0


@lru_cache(maxsize=64)
def is_six(secret: bytes, epoch: int, slot: int) -> bool:
    """Whether mirrors that have IPv4 and IPv6 addresses are asked over both: a tenth of the slots. All of them in the
    same, so that they vouch for this node's own IPv6."""
    return _number(secret, b"six", epoch, slot) % SIX_ONE_IN == 0


def choice(secret: bytes, purpose: bytes, count: int, *parts: int) -> int:
    """One of range(`count`), drawn for a purpose (at most 16 bytes) and numbers."""
    return _number(secret, purpose, *parts) % count


def asks_in(secret: bytes, mirror: MirrorId | int, epoch: int, slot: int, slots: int, many: int) -> range:
    """Which of the `many` asks that an epoch has for a mirror fall into a slot: each into one that nobody can guess,
    of its own part of the epoch."""
    if many >= slots:
        return range(slot * many // slots, (slot + 1) * many // slots)
    for ask in range(slot * many // slots, min(many, (slot + 1) * many // slots + 1)):
        first, last = (-(-n * slots // many) for n in (ask, ask + 1))
        if first + _number(secret, b"ask", mirror, epoch, ask) % (last - first) == slot:
            return range(ask, ask + 1)
    return range(0)


def files_for(
    secret: bytes, mirror: MirrorId | int, epoch: int, slot: int, slots: int, count: int, each: int
) -> tuple[int, ...]:
    """The indexes, of `count` files, that a mirror is asked for in a slot, `each` of them.

    Turn by turn (`each` a slot, `slots` an epoch) this walks all files in a secret order before one comes again; each
    round through them has another order, or the second round could be predicted. Rounds begin with the epoch where it
    has turns for all files, so that each comes in every epoch; else turns are counted from epoch 0.

    Raises: ValueError without a file or a turn.
    """
    if count < 1 or each < 1:
        raise ValueError(f"{each} of {count} files")
    whole = slots * each >= count
    first = (slot if whole else epoch * slots + slot) * each
    walk = epoch + 1 if whole else 0
    return tuple(nth_file(secret, mirror, walk, turn, count) for turn in range(first, first + each))


def nth_file(secret: bytes, mirror: MirrorId | int, walk: int, turn: int, count: int) -> int:
    """The index, of `count` files, that comes at a turn of an endless walk through all of them."""
    return permuted(secret, (mirror, walk, turn // count), turn % count, count)


def permuted(secret: bytes, tweak: tuple[int, ...], index: int, count: int) -> int:
    """Where a keyed permutation of range(count), another one for each `tweak`, takes `index`.

    A Feistel network (Luby and Rackoff, 1988) over the smallest rectangle that holds the range, walked
    until it is back in it (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002): constant memory, and
    hardly ever more than one step.
    """
    rows = isqrt(count - 1) + 1
    columns = -(-count // rows)
    place = index
    while True:
        place = _feistel(secret, tweak, place, rows, columns)
        if place < count:
            return place


def _feistel(secret: bytes, tweak: tuple[int, ...], value: int, rows: int, columns: int) -> int:
    """Drawn as `_number` does, written out: it is most of what questions cost."""
    row, column = divmod(value, columns)
    state, pack = _state(secret, b"permutation"), _PACKED[len(tweak) + 3].pack
    for turn in range(0, _ROUNDS_OF_FEW if rows * columns <= _FEW else _ROUNDS, 2):
        drawn = state.copy()
        drawn.update(pack(*tweak, columns, turn, column))
        row = (row + _FIRST(drawn.digest())[0]) % rows
        drawn = state.copy()
        drawn.update(pack(*tweak, columns, turn + 1, row))
        column = (column + _FIRST(drawn.digest())[0]) % columns
    return int(row * columns + column)


def _number(secret: bytes, purpose: bytes, *parts: int) -> int:
    drawn: int = _FIRST(_keyed(secret, purpose, *parts).digest())[0]
    return drawn


def _keyed(secret: bytes, purpose: bytes, *parts: int) -> blake2b:
    state = _state(secret, purpose).copy()
    state.update(_PACKED[len(parts)].pack(*parts))
    return state


@lru_cache(maxsize=256)
def _state(secret: bytes, purpose: bytes) -> blake2b:
    """The hash before it is told what to draw: its key is half of the work."""
    if not 16 <= len(secret) <= 64:
        raise ValueError(f"a secret has 16 to 64 bytes, not {len(secret)}")
    return blake2b(digest_size=32, key=secret, person=purpose)
