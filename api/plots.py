"""Where the parts of a picture lie, in per cent of it: pictures stretch with the page, their text does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.words import decimal
from oracle.store.epochs import EpochView
from oracle.store.live import SlotState, Strip

LEAST_BARS = 12
"""A plot has room for so many epochs even while there are fewer."""
COLOURS = 8
"""Mirrors take this many colours in turn."""
GAPS_UP_TO = 60
"""Strips of more slots than this have no gaps between them."""


def per_cent(part: int, whole: int) -> str:
    """A length or place in a picture."""
    return f"{decimal(part * 100, whole, 3)}%"


@dataclass(frozen=True, slots=True)
class Piece:
    """One slot or run of a strip."""

    state: SlotState
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One recipient's part of an epoch's reward: `mirror` None for the fee and what was returned."""

    kind: str
    mirror: int | None
    amount_wei: int
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One epoch's reward, from the bottom: mirrors, fee, returned. Empty while it is not settled."""

    epoch: EpochView
    x: str
    width: str
    middle: str
    segments: tuple[Segment, ...]
    amounts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Payouts:
    """The rewards of epochs, oldest first; `top_wei` is the height of the picture."""

    bars: tuple[Bar, ...]
    top_wei: int
    mirrors: tuple[int, ...]


def strip_pieces(strip: Strip) -> list[Piece]:
    """A strip slot by slot, or run by run where slots are too thin to tell apart."""
    lengths = [(run.state, run.slots) for run in strip.runs]
    if strip.slots <= GAPS_UP_TO:
        lengths = [(state, 1) for state, slots in lengths for _ in range(slots)]
    gap = 200 if strip.slots <= GAPS_UP_TO else 0  # thousandths of a slot
    pieces, at = [], 0
    for state, slots in lengths:
        width = per_cent(slots * 1000 - gap, strip.slots * 1000)
        pieces.append(Piece(state, per_cent(at, strip.slots), width))
        at += slots
    return pieces


def payouts(epochs: Sequence[EpochView], order: Sequence[int]) -> Payouts | None:
    """The plot of epochs (newest first), each stacked by `order` of the mirrors; None while none is settled."""
    settled = [epoch for epoch in reversed(epochs) if epoch.paid_wei is not None]
    top_wei = max((epoch.reward_wei for epoch in settled), default=0)
    if not top_wei:
        return None
    room = max(LEAST_BARS, len(settled))
    paid = {credit.mirror for epoch in settled for credit in epoch.credits if credit.amount_wei}
    known = [mirror for mirror in order if mirror in paid]
    mirrors = (*known, *sorted(paid.difference(known)))
    bars = tuple(_bar(epoch, index, room, top_wei, mirrors) for index, epoch in enumerate(settled))
    return Payouts(bars, top_wei, mirrors)


def _bar(epoch: EpochView, index: int, room: int, top_wei: int, mirrors: Sequence[int]) -> Bar:
    amounts = {credit.mirror: credit.amount_wei for credit in epoch.credits}
    parts: list[tuple[str, int | None, int]] = [
        (f"s{place % COLOURS}", mirror, amounts.get(mirror, 0)) for place, mirror in enumerate(mirrors)
    ]
    parts += [("fee", None, epoch.fee_wei or 0), ("returned", None, epoch.returned_wei or 0)]
    segments, below = [], 0
    for kind, mirror, amount_wei in parts:
        if amount_wei:
            y = per_cent(top_wei - below - amount_wei, top_wei)
            segments.append(Segment(kind, mirror, amount_wei, y, per_cent(amount_wei, top_wei)))
        below += amount_wei
    x, middle = (per_cent(20 * index + part, 20 * room) for part in (3, 10))
    return Bar(epoch, x, per_cent(14, 20 * room), middle, tuple(segments), amounts)
