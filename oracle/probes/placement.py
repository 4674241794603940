"""Where an address is: its prefix always, its network, country and platform from the data shipped, or from a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Protocol

from oracle.errors import InvalidInput
from oracle.fields import parse_json
from oracle.model import Place
from oracle.placement.data import ranges
from oracle.placement.platforms import Platforms, platforms
from oracle.placement.ranges import Ranges
from oracle.probes.guard import IpAddress, plain

_NAME = "placement table"
_COUNTRY = re.compile(r"([A-Z]{2})?")
_KNOWN = frozenset({"asn", "country", "platform"})
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a prefix: `asn` 0, `country` "" and `platform` "" where it is not."""

    asn: int = 0
    country: str = ""
    platform: str = ""


class Atlas(Protocol):
    """What knows where addresses are."""

    def find(self, address: IpAddress, names: Iterable[str] = ()) -> Entry:
        """What is known of an address that these names led to."""


class Shipped:
    """The data of real networks, and the table of platforms."""

    def __init__(self, found: Ranges, shared: Platforms | None = None) -> None:
        self._ranges, self._platforms = found, shared or platforms()

    def find(self, address: IpAddress, names: Iterable[str] = ()) -> Entry:
        """What is known of an address; the platform by its names too."""
        asn, country = self._ranges.find(address)
        return Entry(asn, country, self._platforms.find(address, asn, names))


class Table:
    """Prefixes with what is known of them; the longest one that holds an address counts."""

    def __init__(self, entries: Mapping[Network, Entry]) -> None:
        self._by_length: dict[tuple[int, int], dict[int, Entry]] = {}
        for network, entry in entries.items():
            level = self._by_length.setdefault((network.version, network.prefixlen), {})
            level[int(network.network_address)] = entry
        self._lengths = sorted(self._by_length, reverse=True)

    def find(self, address: IpAddress, names: Iterable[str] = ()) -> Entry:
        """The entry for an address, whatever its names; an empty one if no prefix holds it."""
        for version, length in self._lengths:
            if version == address.version:
                bits = address.max_prefixlen - length
                if entry := self._by_length[version, length].get(int(address) >> bits << bits):
                    return entry
        return Entry()


UNKNOWN = Table({})
"""Knows of no network: every place has asn 0 and country ""."""


def atlas(home: Path | None = None) -> Atlas:
    """The data of real networks in force for a node with this home.

    Raises: InvalidInput if they cannot be used.
    """
    return Shipped(ranges(home))


def place_of(address: str, known: Atlas = UNKNOWN, names: Iterable[str] = ()) -> Place:
    """The place of an address that these names led to; of the IPv4 address inside where it is mapped or translated.

    Raises: ValueError if it is no address.
    """
    inner = plain(address)
    length = 24 if isinstance(inner, IPv4Address) else 48
    entry = known.find(inner, names)
    prefix = ip_network((inner.packed, length), strict=False)
    return Place(str(inner), str(prefix), entry.asn, entry.country, entry.platform)


def load_table(path: Path) -> Table:
    """The table in a JSON file, {"127.1.3.0/24": {"asn": 64503, "country": "DE"}}.

    Raises: InvalidInput if the file cannot be read or used.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InvalidInput(_NAME, f"{path} cannot be read: {error.strerror}") from error
    return parse_table(text)


def parse_table(text: bytes | str) -> Table:
    """The table in JSON text, as in `load_table`.

    Raises: InvalidInput naming the first entry that cannot be used.
    """
    document = parse_json(_NAME, text)
    if not isinstance(document, dict):
        raise InvalidInput(_NAME, "must be one object of prefixes")
    return Table({_network(prefix): _entry(prefix, value) for prefix, value in document.items()})


def _network(prefix: str) -> Network:
    try:
        return ip_network(prefix)
    except ValueError as error:
        raise InvalidInput(_NAME, f"{prefix!r} is no prefix; write it as 192.0.2.0/24") from error


def _entry(prefix: str, value: Any) -> Entry:
    if not isinstance(value, dict) or not value.keys() <= _KNOWN:
        raise InvalidInput(_NAME, f"{prefix} must be an object of asn, country and platform only")
    asn, country, platform = value.get("asn", 0), value.get("country", ""), value.get("platform", "")
    if not isinstance(asn, int) or isinstance(asn, bool) or not 0 <= asn < 2**32:
        raise InvalidInput(_NAME, f"{prefix} has the asn {asn!r}; write a number from 0 to 4294967295")
    if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
        raise InvalidInput(_NAME, f"{prefix} has the country {country!r}; write two capital letters")
    if not isinstance(platform, str):
        raise InvalidInput(_NAME, f"{prefix} has the platform {platform!r}; write a name")
    return Entry(asn, country, platform)
