"""Packed tables say of every address what the tables said."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.errors import InvalidInput
from oracle.placement.pack import Row, pack, read_rows
from oracle.placement.ranges import Ranges, Source

SOURCES = [Source("a", "1", "0" * 64)]


def rows(values: list[str], top: int, unit: int = 1) -> st.SearchStrategy[list[Row]]:
    """Rows of ranges that do not overlap, below `top`, in steps of `unit`."""

    def laid_out(cuts: list[int], named: list[str]) -> list[Row]:
        pairs = zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False)
        return [(a * unit, b * unit - 1, v) for (a, b), v in zip(pairs, named, strict=False)]

    cuts = st.lists(st.integers(0, top), unique=True, max_size=12)
    return st.builds(laid_out, cuts, st.lists(st.sampled_from(values), min_size=6, max_size=6))


def said(table: list[Row], address: int, unknown: str) -> str:
    return next((value for first, last, value in table if first <= address <= last), unknown)


SYSTEMS, COUNTRIES = ["1", "65000", "4294967295"], ["DE", "FR"]


@given(rows(SYSTEMS, 40), rows(COUNTRIES, 40), rows(SYSTEMS, 40, 1 << 64), rows(COUNTRIES, 40, 1 << 64))
def test_every_address_keeps_its_system_and_country(
    systems: list[Row], countries: list[Row], systems6: list[Row], countries6: list[Row]
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_bytes(pack(SOURCES, "2026-01-02", (systems, countries), (systems6, countries6)))
        found = Ranges(file)
    for i in range(45):
        assert found.find(IPv4Address(i)) == (int(said(systems, i, "0")), said(countries, i, ""))
        six = (i << 64) + 7
        assert found.find(IPv6Address(six)) == (int(said(systems6, six, "0")), said(countries6, six, ""))


def test_the_last_addresses_of_all_have_a_place(tmp_path: Path) -> None:
    last4, last6 = (1 << 32) - 1, (1 << 128) - 1
    table = pack(SOURCES, "2026-01-02", ([(last4, last4, "7")], []), ([(last6 - 9, last6, "8")], []))
    (tmp_path / "file").write_bytes(table)
    found = Ranges(tmp_path / "file")
    assert found.find(IPv4Address(last4)) == (7, "")
    assert found.find(IPv6Address(last6)) == (8, "")


def test_the_same_tables_give_the_same_bytes() -> None:
    table: list[Row] = [(1, 5, "7"), (6, 9, "8")]
    assert pack(SOURCES, "2026-01-02", (table, []), ([], [])) == pack(SOURCES, "2026-01-02", (table, []), ([], []))


def test_rows_that_say_the_same_are_one() -> None:
    one = pack(SOURCES, "2026-01-02", ([(1, 9, "7")], []), ([], []))
    assert pack(SOURCES, "2026-01-02", ([(1, 5, "7"), (6, 9, "7")], []), ([], [])) == one


def test_a_table_is_read_row_by_row_whatever_else_it_says() -> None:
    lines = ['1.0.0.0,1.0.0.255,13335,"Cloudflare, Inc."', "1.0.4.0,1.0.7.255,38803,Gtelecom"]
    assert read_rows("t", lines, 4) == [(0x01000000, 0x010000FF, "13335"), (0x01000400, 0x010007FF, "38803")]


def test_where_ranges_overlap_the_later_start_holds() -> None:
    assert read_rows("t", ["0.0.0.1,0.0.0.9,1", "0.0.0.5,0.0.0.7,2"], 4) == [(1, 4, "1"), (5, 7, "2")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "no range"),
        ("1.0.0.0,1.0.0.255", "no range"),
        ("here,there,7", "no range"),
        ("1.0.0.9,1.0.0.5,7", "out of order"),
        ("0.0.0.1,0.0.0.2,7", "out of order"),
        ("2001:db8::,2001:db8::1,7", "out of order"),
        ("1.0.0.0,2001:db8::1,7", "out of order"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(line: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=f"t, row 2: .*{told}"):
        read_rows("t", ["0.0.0.5,0.0.0.5,1", line], 4)


@pytest.mark.parametrize("value", ["AS7", "-1", "4294967296", "٧"])
def test_a_system_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="system"):
        pack(SOURCES, "2026-01-02", ([(1, 2, value)], []), ([], []))


@pytest.mark.parametrize("value", ["de", "DEU", "D", "ÄÖ"])
def test_a_country_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="country"):
        pack(SOURCES, "2026-01-02", ([], [(1, 2, value)]), ([], []))
