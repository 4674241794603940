"""From a name to the addresses behind it: one resolution, and every address guarded."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address

from oracle.errors import InvalidInput
from oracle.model import Reason
from oracle.probes.exchange import clean
from oracle.probes.guard import allowed, is_address
from oracle.probes.route import USUAL
from oracle.probes.url import BaseUrl, parse_url

__all__ = [
    "Addresses",
    "BaseUrl",
    "Located",
    "Lookup",
    "Resolved",
    "allowed",
    "is_address",
    "locate",
    "parse_url",
    "resolve",
]

_RESOLVERS = 128  # names that hang must not keep others waiting
_NO_FOUR = "the name has no IPv4 address, and this node no IPv6"


class Addresses(list[str]):
    """Where a name led to; `alias` is the last name on the way there."""

    def __init__(self, addresses: Iterable[str], alias: str = "") -> None:
        super().__init__(addresses)
        self.alias = alias


Lookup = Callable[[str, int], list[str]]
"""Host and port to addresses. Raises: OSError or UnicodeError where there are none."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name led to: `addresses` all of which may be probed (IPv4 first), or the reason why there are none."""

    addresses: tuple[str, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    dns_ms: int = 0
    alias: str = ""
    """The last name on the way to the addresses."""

    def pick(self, turn: int, version: int | None = None) -> str:
        """One address, another each turn: of the IP `version` 4 or 6, "" if there is none; without a version IPv4
        where there is any."""
        fours = [address for address in self.addresses if ":" not in address]
        sixes = [address for address in self.addresses if ":" in address]
        choice = {4: fours, 6: sixes, None: fours or sixes}[version]
        return choice[turn % len(choice)] if choice else ""


@dataclass(frozen=True, slots=True)
class Located:
    """A URL read and resolved: `base` and `address` to ask, or the reason why it cannot be asked. `six` is an IPv6
    address beside an IPv4 one."""

    base: BaseUrl | None = None
    address: str = ""
    dns_ms: int = 0
    reason: Reason | None = None
    detail: str = ""
    alias: str = ""
    six: str = ""


def locate(
    urls: Sequence[str],
    limit_s: float,
    *,
    turn: int = 0,
    version: int | None = None,
    allow_loopback: bool = False,
    lookup: Lookup | None = None,
) -> list[Located]:
    """Each base URL with one address behind it, another of its addresses each `turn`; never raises for a bad one.

    With an IP `version`, 4 or 6, a name that has no address of it is DNS: the two are measured apart. Without one, so
    is a name that has IPv6 addresses only, where this machine has no IPv6.
    """
    read = [_read(url) for url in urls]
    keys = {(base.host, base.port) for base in read if isinstance(base, BaseUrl)}
    found = resolve(keys, limit_s, allow_loopback=allow_loopback, lookup=lookup)
    return [
        _located(base, found[base.host, base.port], turn, version)
        if isinstance(base, BaseUrl)
        else Located(reason=Reason.ADDRESS_REFUSED, detail=base)
        for base in read
    ]


def resolve(
    hosts: Iterable[tuple[str, int]], limit_s: float, *, allow_loopback: bool = False, lookup: Lookup | None = None
) -> Mapping[tuple[str, int], Resolved]:
    """Each (host, port) asked of the system's resolver once, all of them at the same time.

    A name counts with all of its addresses or not at all: one that may not be probed refuses it. After `limit_s`
    seconds a name without an answer is DNS, one never asked NOT_MEASURED. Never raises for a bad name.
    """
    wanted = dict.fromkeys(hosts)
    found = {key: _guarded([key[0]], 0, allow_loopback) for key in wanted if is_address(key[0])}
    names = [key for key in wanted if key not in found]
    if names:
        found |= _resolve_names(names, limit_s, allow_loopback, lookup or _ask_system)
    return found


@lru_cache(maxsize=1 << 14)
def _read(url: str) -> BaseUrl | str:
    try:
        return parse_url(url)
    except InvalidInput as error:
        return clean(str(error))


def _located(base: BaseUrl, resolved: Resolved, turn: int, version: int | None) -> Located:
    address = resolved.pick(turn, version)
    if resolved.addresses and not address:
        return Located(base, "", resolved.dns_ms, Reason.DNS, f"the name has no IPv{version} address", resolved.alias)
    if version is None and ":" in address and not USUAL.leads_to(address):
        # It chose so; to be unknown to the nodes without IPv6 must not be a choice.
        return Located(base, "", resolved.dns_ms, Reason.DNS, _NO_FOUR, resolved.alias)
    six = resolved.pick(turn, 6) if len(resolved.addresses) > 1 and ":" not in address else ""
    return Located(base, address, resolved.dns_ms, resolved.reason, resolved.detail, resolved.alias, six)


def _resolve_names(
    names: list[tuple[str, int]], limit_s: float, allow_loopback: bool, lookup: Lookup
) -> dict[tuple[str, int], Resolved]:
    pool = ThreadPoolExecutor(max_workers=min(_RESOLVERS, len(names)), thread_name_prefix="resolve")
    futures = {key: pool.submit(_timed, lookup, key) for key in names}
    wait(futures.values(), timeout=limit_s)
    pool.shutdown(wait=False, cancel_futures=True)
    return {key: _answer(future, limit_s, allow_loopback) for key, future in futures.items()}


def _answer(future: Future[tuple[list[str], int]], limit_s: float, allow_loopback: bool) -> Resolved:
    if future.cancelled():
        return Resolved(reason=Reason.NOT_MEASURED, detail="the node had no time to resolve the name")
    if not future.done():
        return Resolved(reason=Reason.DNS, detail=f"no answer within {int(limit_s * 1000)} ms")
    error = future.exception()
    if error is not None:
        return Resolved(reason=Reason.DNS, detail=clean(str(getattr(error, "strerror", None) or error)))
    addresses, dns_ms = future.result()
    return replace(_guarded(addresses, dns_ms, allow_loopback), alias=getattr(addresses, "alias", ""))


def _guarded(addresses: list[str], dns_ms: int, allow_loopback: bool) -> Resolved:
    refused = [address for address in addresses if not allowed(address, allow_loopback=allow_loopback)]
    if refused:
        return Resolved(reason=Reason.ADDRESS_REFUSED, detail=f"{refused[0]} is not a public address", dns_ms=dns_ms)
    if not addresses:
        return Resolved(reason=Reason.DNS, detail="the name has no address", dns_ms=dns_ms)
    ordered = sorted(set(addresses), key=lambda address: (":" in address, ip_address(address).packed))
    return Resolved(addresses=tuple(ordered), dns_ms=dns_ms)


def _timed(lookup: Lookup, key: tuple[str, int]) -> tuple[list[str], int]:
    started = time.monotonic()
    addresses = lookup(*key)
    return addresses, int((time.monotonic() - started) * 1000)


def _ask_system(host: str, port: int) -> list[str]:
    """The system resolver's addresses. Raises: OSError or UnicodeError if there are none."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    return Addresses((str(answer[4][0]) for answer in answers), next((answer[3] for answer in answers), ""))
