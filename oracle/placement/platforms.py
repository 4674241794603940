"""Hosting platforms that many operators share: each is one network worldwide, wherever its addresses are.

What belongs to one is found by the name a host leads to, then by prefix, then by autonomous system. Only systems in
which nobody can rent a server of their own stand in the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

from oracle.errors import InvalidInput
from oracle.fields import integer, list_of, object_of, parse_json, text_of

_NAME = "platforms"
_MOST = 1_000


class Platforms:
    """The table, by what a platform is known by."""

    def __init__(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """From its entries: `platform`, `systems`, `prefixes`, `names`."""
        self._names: dict[str, str] = {}
        self._systems: dict[int, str] = {}
        self._prefixes: dict[IPv4Network | IPv6Network, str] = {}
        for entry in entries:
            platform = entry["platform"]
            _add(self._names, entry["names"], platform)
            _add(self._systems, entry["systems"], platform)
            _add(self._prefixes, (ip_network(prefix) for prefix in entry["prefixes"]), platform)
        self._lengths = sorted({(prefix.version, prefix.prefixlen) for prefix in self._prefixes}, reverse=True)

    def find(self, address: IPv4Address | IPv6Address, asn: int, names: Iterable[str] = ()) -> str:
        """The platform of an address of this autonomous system, reached by these names; "" if it is on none."""
        return self.named(names) or self._by_prefix(address) or self._systems.get(asn, "")

    def named(self, names: Iterable[str]) -> str:
        """The platform that the first of these names that belongs to one belongs to; "" if none does."""
        for name in names:
            labels = name.lower().rstrip(".").split(".")
            for i in range(len(labels)):
                if found := self._names.get(".".join(labels[i:])):
                    return found
        return ""

    def _by_prefix(self, address: IPv4Address | IPv6Address) -> str:
        for version, length in self._lengths:
            if version == address.version:
                found = self._prefixes.get(ip_network((address.packed, length), strict=False))
                if found:
                    return found
        return ""


@lru_cache(maxsize=1)
def platforms() -> Platforms:
    """The table that this package ships."""
    return read_platforms(files("oracle.placement").joinpath("platforms.json").read_bytes())


def read_platforms(text: str | bytes) -> Platforms:
    """A table in JSON.

    Raises: InvalidInput naming the entry that cannot be used.
    """
    return Platforms(list_of(_NAME, parse_json(_NAME, text), _entry, _MOST))


def _entry(value: Any, name: str) -> dict[str, Any]:
    fields = object_of(name, value, ("platform", "source"), ("systems", "prefixes", "names"))
    text_of(f"{name}.source", fields["source"], 200)
    try:
        prefixes = [ip_network(prefix) for prefix in fields.get("prefixes", [])]
    except ValueError as error:
        raise InvalidInput(f"{name}.prefixes", str(error)) from error
    return {
        "platform": text_of(f"{name}.platform", fields["platform"], 64),
        "systems": list_of(f"{name}.systems", fields.get("systems", []), _system, _MOST),
        "prefixes": prefixes,
        "names": list_of(f"{name}.names", fields.get("names", []), lambda given, at: text_of(at, given, 200), _MOST),
    }


def _system(value: Any, name: str) -> int:
    return integer(name, value, 1, (1 << 32) - 1)


def _add(table: dict[Any, str], keys: Iterable[Any], platform: str) -> None:
    for key in keys:
        if table.setdefault(key, platform) != platform:
            raise InvalidInput(_NAME, f"{key} belongs to {table[key]} and to {platform}")
