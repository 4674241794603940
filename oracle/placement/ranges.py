"""A file of address ranges with their autonomous system and country, searched where it lies: never read as a whole.

Layout, all numbers big-endian: MAGIC; the length of the head (4 bytes); the head, canonical JSON with `sources`, `made`
and the numbers of `values`, `rows4` and `rows6`; the values (4 bytes system, 2 bytes country); the starts of the IPv4
ranges (4 bytes) and the numbers of their values (3 bytes); the same for IPv6 (8 bytes: of a /64, and 3 bytes); the
SHA-256 of all that. A range goes on until the next one starts; value 0 is nothing known.
"""

from __future__ import annotations

import hashlib
import mmap
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, overload

from oracle.errors import InvalidInput
from oracle.fields import integer, list_of, object_of, parse_json, text_of

MAGIC = b"MBPLACE1"
NAME = "placement data"
_DIGEST = 32
_MOST_HEAD = 4_096
_MOST_ROWS = 1 << 24


@dataclass(frozen=True, slots=True)
class Source:
    """A package that the data were made from; `sha256` of its archive as the registry gave it."""

    package: str
    version: str
    sha256: str

    def to_json(self) -> dict[str, str]:
        """The fields by name."""
        return {"package": self.package, "version": self.version, "sha256": self.sha256}


class _Column(Sequence[bytes]):
    """Values of one width, one after another."""

    def __init__(self, data: mmap.mmap, start: int, count: int, width: int) -> None:
        self._data, self._start, self._count, self._width = data, start, count, width

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        at = self._start + index * self._width
        return self._data[at : at + self._width]

    @property
    def end(self) -> int:
        """Where the next column starts."""
        return self._start + self._count * self._width


class Ranges:
    """An open file of ranges."""

    def __init__(self, path: Path) -> None:
        """Opens a file and checks that it is whole.

        Raises: InvalidInput if it cannot be read or is none.
        """
        try:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise InvalidInput(NAME, f"{path} cannot be read: {error}") from error
        whole = memoryview(self._data)
        self.digest = hashlib.sha256(whole[:-_DIGEST]).hexdigest()
        """SHA-256 of all but itself: what the data are known by."""
        sound = bytes(whole[-_DIGEST:]).hex() == self.digest and bytes(whole[: len(MAGIC)]) == MAGIC
        whole.release()
        if not sound:
            raise InvalidInput(NAME, f"{path} is damaged or of another kind; run `mirrorbond placement update`")
        self._read_head()

    def find(self, address: IPv4Address | IPv6Address) -> tuple[int, str]:
        """The autonomous system (0 if unknown) and the country ("" if unknown) of an address."""
        four = isinstance(address, IPv4Address)
        starts, numbers = self._four if four else self._six
        row = bisect_right(starts, address.packed if four else address.packed[:8]) - 1
        if row < 0:
            return 0, ""
        value = self._values[int.from_bytes(numbers[row])]
        return int.from_bytes(value[:4]), value[4:].decode("ascii").strip("\0")

    def __len__(self) -> int:
        """How many ranges there are."""
        return len(self._four[0]) + len(self._six[0])

    def _read_head(self) -> None:
        start = len(MAGIC) + 4
        length = int.from_bytes(self._data[len(MAGIC) : start])
        if length > _MOST_HEAD:
            raise InvalidInput(NAME, f"has a head of {length} bytes")
        head = object_of(
            NAME, parse_json(NAME, self._data[start : start + length]), ("made", "sources", "values", "rows4", "rows6")
        )
        self.made = text_of(f"{NAME}.made", head["made"], 10)
        """The day of the sources' data."""
        self.sources = list_of(f"{NAME}.sources", head["sources"], read_source, 10)
        counts = {key: integer(f"{NAME}.{key}", head[key], 1, _MOST_ROWS) for key in ("values", "rows4", "rows6")}
        self._values = _Column(self._data, start + length, counts["values"], 6)
        self._four = self._ranges(self._values.end, counts["rows4"], 4)
        self._six = self._ranges(self._four[1].end, counts["rows6"], 8)
        if self._six[1].end + _DIGEST != len(self._data):
            raise InvalidInput(NAME, "is not as long as its head says")

    def _ranges(self, start: int, count: int, width: int) -> tuple[_Column, _Column]:
        starts = _Column(self._data, start, count, width)
        return starts, _Column(self._data, starts.end, count, 3)


def read_source(value: Any, name: str) -> Source:
    """A source from its JSON. Raises: InvalidInput naming the field."""
    fields = object_of(name, value, ("package", "version", "sha256"))
    return Source(*(text_of(f"{name}.{key}", fields[key], 100) for key in ("package", "version", "sha256")))
