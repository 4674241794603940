"""The data shipped are whole, pinned, and searched where they lie."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path

import pytest

from oracle.errors import InvalidInput
from oracle.model import canonical
from oracle.placement.data import FILE_NAME, pinned, ranges
from oracle.placement.pack import pack
from oracle.placement.ranges import MAGIC, Ranges, Source

SOURCE = Source("a", "1", "0" * 64)
KNOWN = [
    # address, system, country: networks that have not moved for many years
    ("8.8.8.8", 15169, "US"),
    ("185.199.108.153", 54113, "US"),
    ("95.216.1.1", 24940, "DE"),
    ("193.0.6.139", 3333, "NL"),
    ("2001:67c:2e8:22::c100:68b", 3333, "NL"),
    ("2a01:4f8::1", 24940, "DE"),
]


def small() -> bytes:
    return pack([SOURCE], "2026-01-02", ([(5, 9, "7")], [(8, 12, "DE")]), ([(1 << 64, (2 << 64) - 1, "8")], []))


@pytest.mark.parametrize(("address", "asn", "country"), KNOWN)
def test_the_data_shipped_know_old_networks(address: str, asn: int, country: str) -> None:
    assert ranges().find(ip_address(address)) == (asn, country)


@pytest.mark.parametrize("address", ["0.0.0.0", "10.1.2.3", "127.0.0.1", "255.255.255.255", "::1", "ffff::1"])
def test_what_nobody_announces_is_unknown(address: str) -> None:
    assert ranges().find(ip_address(address)) == (0, "")


def test_the_data_shipped_are_those_that_are_pinned() -> None:
    digest, sources = pinned()
    raw = files("oracle.placement").joinpath(FILE_NAME).read_bytes()
    assert hashlib.sha256(raw[:-32]).hexdigest() == digest == ranges().digest
    assert ranges().sources == sources
    assert [source.package for source in sources] == ["@ip-location-db/asn", "@ip-location-db/asn-country"]
    assert len(ranges()) > 600_000


def test_a_node_takes_its_own_data_if_they_are_whole(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(small())
    assert ranges(tmp_path).find(ip_address("0.0.0.6")) == (7, "")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / FILE_NAME).write_bytes(small()[:-1] + b"?")
    assert ranges(broken).digest == pinned()[0]


def test_renewed_data_hold_at_once(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(small())
    assert ranges(tmp_path) is ranges(tmp_path)
    newer = pack([SOURCE], "2026-01-03", ([(5, 9, "8")], []), ([(1, 1, "8")], []))
    (tmp_path / "new").write_bytes(newer)
    os.utime(tmp_path / "new", (1, 1))
    (tmp_path / "new").replace(tmp_path / FILE_NAME)
    assert ranges(tmp_path).find(ip_address("0.0.0.6")) == (8, "")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("0.0.0.4", (0, "")),
        ("0.0.0.5", (7, "")),
        ("0.0.0.8", (7, "DE")),
        ("0.0.0.10", (0, "DE")),
        ("0.0.0.13", (0, "")),
        ("0:0:0:0:1::", (0, "")),
        ("0:0:0:1::7", (8, "")),
        ("0:0:0:2::", (0, "")),
    ],
)
def test_a_range_ends_where_the_next_one_begins(tmp_path: Path, address: str, found: tuple[int, str]) -> None:
    (tmp_path / "file").write_bytes(small())
    assert Ranges(tmp_path / "file").find(ip_address(address)) == found


def resealed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def with_head(**fields: object) -> bytes:
    head = canonical(
        {"made": "2026-01-02", "sources": [SOURCE.to_json()], "values": 1, "rows4": 1, "rows6": 1} | fields
    )
    return resealed(MAGIC + len(head).to_bytes(4) + head + bytes(6 + 7 + 11))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "cannot be read"),
        (b"short", "damaged"),
        (small()[:-40], "damaged"),
        (resealed(b"OTHERS01" + bytes(60)), "damaged"),
        (resealed(MAGIC + b"\xff" * 60), "head of"),
        (resealed(MAGIC + bytes(60)), "JSON"),
        (with_head(rows4=2), "not as long"),
        (with_head(rows4=-1), "rows4"),
        (with_head(sources=[{}]), "sources"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, body: bytes, told: str) -> None:
    (tmp_path / "file").write_bytes(body)
    with pytest.raises(InvalidInput, match=told):
        Ranges(tmp_path / "file")


def test_a_well_made_head_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(with_head())
    assert len(Ranges(tmp_path / "file")) == 2


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        Ranges(tmp_path / "none")


def test_a_thousand_lookups_take_little_memory() -> None:
    """Far less than the six megabytes of the file, let alone what its rows would take as objects."""
    code = (
        "import random; from ipaddress import IPv4Address; from oracle.placement.data import ranges\n"
        "import tracemalloc; tracemalloc.start(); found = ranges()\n"
        "[found.find(IPv4Address(random.Random(i).getrandbits(32))) for i in range(1000)]\n"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 2_000_000
