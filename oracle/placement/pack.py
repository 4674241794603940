"""Makes the file that `ranges` reads out of tables of ranges. Pure: the same tables give the same bytes."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from oracle.errors import InvalidInput
from oracle.model import canonical
from oracle.placement.ranges import MAGIC, Source

Row = tuple[int, int, str]
"""First and last address of a range, and what is said of it; ascending, each ending before the next begins."""
Value = tuple[int, str]
"""Autonomous system and country, 0 and "" where unknown."""

_BLANK: Value = (0, "")


def read_rows(name: str, lines: Iterable[str], version: int) -> list[Row]:
    """The rows of a table: first address, last address, value, and what else there may be.

    Where ranges overlap, the one that starts later holds: tables list the more specific one inside the other.

    Raises: InvalidInput naming the row that cannot be used.
    """
    rows: list[Row] = []
    for number, fields in enumerate(csv.reader(lines), 1):
        try:
            first, last = ip_address(fields[0]), ip_address(fields[1])
            row = int(first), int(last), fields[2]
        except (ValueError, IndexError) as error:
            raise InvalidInput(f"{name}, row {number}", f"is no range: {fields!r:.100}") from error
        if {first.version, last.version} != {version} or row[0] > row[1] or (rows and rows[-1][0] > row[0]):
            raise InvalidInput(f"{name}, row {number}", f"{fields[0]} to {fields[1]} is out of order")
        if rows and rows[-1][1] >= row[0]:
            rows[-1] = (rows[-1][0], row[0] - 1, rows[-1][2])
        rows.append(row)
    return rows


def pack(sources: Sequence[Source], made: str, four: Sequence[list[Row]], six: Sequence[list[Row]]) -> bytes:
    """The file's bytes, from the rows of systems and those of countries, for each version of the protocol.

    Raises: InvalidInput for a system or country that is none.
    """
    numbers: dict[Value, int] = {_BLANK: 0}
    columns4 = _columns(_joined(four[0], four[1], 0), 4, numbers)
    columns6 = _columns(_joined(six[0], six[1], 64), 8, numbers)
    head = canonical(
        {
            "made": made,
            "sources": [source.to_json() for source in sources],
            "values": len(numbers),
            "rows4": len(columns4[0]) // 4,
            "rows6": len(columns6[0]) // 8,
        }
    )
    values = b"".join(asn.to_bytes(4) + country.encode().ljust(2, b"\0") for asn, country in numbers)
    body = b"".join((MAGIC, len(head).to_bytes(4), head, values, *columns4, *columns6))
    return body + hashlib.sha256(body).digest()


def _columns(rows: Iterable[tuple[int, Value]], width: int, numbers: dict[Value, int]) -> tuple[bytes, bytes]:
    """Starts and numbers of values; a row that says what the one before said is left out."""
    starts, values, before = bytearray(), bytearray(), None
    for start, value in rows:
        if value != before:
            starts += start.to_bytes(width)
            values += numbers.setdefault(value, len(numbers)).to_bytes(3)
            before = value
    return bytes(starts), bytes(values)


def _joined(systems: list[Row], countries: list[Row], cut: int) -> Iterator[tuple[int, Value]]:
    """Where another system or country begins, and which; of addresses cut off by so many bits."""
    changes: dict[int, dict[int, str]] = {0: {0: "", 1: ""}}
    for which, rows in enumerate((systems, countries)):
        for first, last, value in rows:
            changes.setdefault(first >> cut, {})[which] = value
            changes.setdefault((last >> cut) + 1, {}).setdefault(which, "")
    current = ["", ""]
    for start in sorted(changes):
        for which, value in changes[start].items():
            current[which] = value
        if start >> (32 if not cut else 64) == 0:
            yield start, (_system(current[0]), _country(current[1]))


def _system(text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text) >= 1 << 32:
        raise InvalidInput("autonomous system", f"{text[:40]!r} is no number of one")
    return int(text)


def _country(text: str) -> str:
    if text and not (len(text) == 2 and text.isascii() and text.isupper()):
        raise InvalidInput("country", f"{text[:40]!r} is no country's code")
    return text
