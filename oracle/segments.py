"""Raw votes of one node on one fund's epoch, column by column: small, and the same bytes from the same votes.

A segment is canonical JSON, packed with zlib where it is kept or sent; its digest is that of the JSON. Rows are in the
order of mirror and slot. A column of numbers is a list; one of text is a list of the different values and runs of
[which value, how often].
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from oracle.digests import sha256_digest
from oracle.errors import InvalidInput
from oracle.fields import integer, object_of, parse_json, refuse, text_of
from oracle.model import REASONS, Digest, Epoch, FundId, MirrorId, Slot, Vote, canonical

SPEC = 1
MOST_BYTES = 256 * 1024 * 1024
"""Of a segment as JSON."""
_NUMBERS: dict[str, Callable[[Vote], int | None]] = {
    "latency_ms": lambda vote: vote.latency_ms,
    "rtt_us": lambda vote: vote.rtt_us,
}
_TEXTS: dict[str, Callable[[Vote], str | None]] = {
    "reason": lambda vote: vote.reason.value,
    "address": lambda vote: vote.address,
    "path": lambda vote: vote.path,
    "detail": lambda vote: vote.detail,
    "platform": lambda vote: vote.platform,
}
_FIELDS = ("spec", "node", "fund", "epoch", "mirror", "slot", *_NUMBERS, *_TEXTS)


@dataclass(frozen=True, slots=True)
class Segment:
    """One node's votes on the mirrors and the primary of a fund in an epoch, by mirror and slot."""

    node: str
    fund: FundId
    epoch: Epoch
    votes: tuple[Vote, ...]

    @property
    def body(self) -> bytes:
        """The canonical JSON."""
        return canonical({"spec": SPEC, "node": self.node, "fund": self.fund, "epoch": self.epoch, **_columns(self)})

    @property
    def digest(self) -> Digest:
        """Its SHA-256, which the member's bundle names."""
        return sha256_digest(self.body)


def segment(node: str, fund: FundId, epoch: Epoch, votes: Sequence[Vote]) -> Segment:
    """The segment of these votes, in any order."""
    return Segment(node, fund, epoch, tuple(sorted(votes, key=lambda vote: (vote.mirror, vote.slot))))


def pack(body: bytes) -> bytes:
    """A segment's JSON, packed."""
    return zlib.compress(body, 6)


def unpack(packed: bytes) -> bytes:
    """The JSON of a packed segment.

    Raises: InvalidInput if it is none, or too long.
    """
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise InvalidInput("segment", f"is not packed: {error}") from error
    if not stream.eof or stream.unused_data:
        refuse("segment", f"is cut off, goes on, or is longer than {MOST_BYTES} bytes")
    return body


def read_segment(body: bytes) -> Segment:
    """A segment from its JSON, as somebody else may have made it.

    Raises: InvalidInput naming the field, or if it is not written in the one way that it can be.
    """
    fields = object_of("segment", parse_json("segment", body), _FIELDS)
    integer("segment.spec", fields["spec"], SPEC, SPEC)
    fund, epoch = (integer(f"segment.{name}", fields[name]) for name in ("fund", "epoch"))
    columns: dict[str, list[Any]] = {
        "mirror": [number for number, often in _runs("mirror", fields["mirror"]) for _ in range(often)],
        "slot": [first + number for first, often in _runs("slot", fields["slot"]) for number in range(often)],
    }
    columns |= {name: [_number(name, value) for value in _list(name, fields[name])] for name in _NUMBERS}
    columns |= {name: list(_texts(name, fields[name])) for name in _TEXTS}
    if len({len(column) for column in columns.values()}) != 1:
        refuse("segment", "has columns of different lengths")
    rows = zip(*(columns[name] for name in ("mirror", "slot", *_NUMBERS, *_TEXTS)), strict=True)
    votes = tuple(_vote(FundId(fund), Epoch(epoch), row) for row in rows)
    found = Segment(text_of("segment.node", fields["node"], 60), FundId(fund), Epoch(epoch), votes)
    if found.body != body:
        refuse("segment", "is not written as it must be")
    return found


def _columns(of: Segment) -> dict[str, Any]:
    numbers = {name: [get(vote) for vote in of.votes] for name, get in _NUMBERS.items()}
    texts = {name: _dictionary([get(vote) for vote in of.votes]) for name, get in _TEXTS.items()}
    mirrors = [[mirror, len(list(run))] for mirror, run in groupby(vote.mirror for vote in of.votes)]
    return {"mirror": mirrors, "slot": list(_slot_runs(of.votes)), **numbers, **texts}


def _slot_runs(votes: Sequence[Vote]) -> Iterator[list[int]]:
    """Slots that follow one another, of one mirror, as [first, how many]."""
    for _, run in groupby(enumerate(votes), key=lambda row: (row[1].mirror, row[1].slot - row[0])):
        row = [vote.slot for _, vote in run]
        yield [row[0], len(row)]


def _dictionary(values: Sequence[str | None]) -> dict[str, Any]:
    different = sorted(set(values), key=lambda value: (value is not None, value))
    place = {value: number for number, value in enumerate(different)}
    return {"values": different, "at": [[place[value], len(list(run))] for value, run in groupby(values)]}


# ----------------------------------------------------------------------------------------------------- hostile input


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        refuse(f"segment.{name}", "must be a list")
    return list(value)


def _runs(name: str, value: Any) -> Iterator[tuple[int, int]]:
    """Runs whose lengths come to no more than a segment may hold."""
    left = MOST_BYTES // 8
    for run in _list(name, value):
        if not isinstance(run, list) or len(run) != 2:
            refuse(f"segment.{name}", "must hold runs of two numbers")
        number, often = (integer(f"segment.{name}", part) for part in run)
        left -= often
        if left < 0 or not often:
            refuse(f"segment.{name}", "has a run that is empty, or too many")
        yield number, often


def _number(name: str, value: Any) -> int | None:
    return None if value is None else integer(f"segment.{name}", value)


def _texts(name: str, value: Any) -> Iterator[str | None]:
    fields = object_of(f"segment.{name}", value, ("values", "at"))
    values = [
        None if one is None else text_of(f"segment.{name}.values", one, 4_096)
        for one in _list(f"{name}.values", fields["values"])
    ]
    for which, often in _runs(f"{name}.at", fields["at"]):
        if which >= len(values):
            refuse(f"segment.{name}.at", "names a value that is not there")
        for _ in range(often):
            yield values[which]


def _vote(fund: FundId, epoch: Epoch, row: tuple[Any, ...]) -> Vote:
    mirror, slot, latency_ms, rtt_us, reason, address, path, detail, platform = row
    if reason not in REASONS or detail is None or platform is None:
        refuse("segment.reason", "is not known, or a text is missing")
    told = (REASONS[reason], latency_ms, address, path, detail, rtt_us, platform)
    return Vote(fund, MirrorId(mirror), epoch, Slot(slot), *told)
