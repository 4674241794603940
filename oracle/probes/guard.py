"""Which addresses may be probed: an own list, for `ipaddress.is_global` differs from one Python to the next."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IpAddress = IPv4Address | IPv6Address

# IANA's special-purpose registries, with multicast and what is reserved, as far as no public web server can be there.
_REFUSED_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")  # nothing else is handed out
_REFUSED_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_LOOPBACK_4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_6 = IPv6Address("::1")


def plain(address: str) -> IpAddress:
    """The address, or the IPv4 address inside where it is IPv4-mapped, NAT64 or 6to4.

    Raises: ValueError if it is no address, or has a zone.
    """
    parsed = _parse(address)
    if isinstance(parsed, IPv4Address):
        return parsed
    if parsed in _MAPPED or parsed in _NAT64:
        return IPv4Address(int(parsed) & 0xFFFFFFFF)
    if parsed in _6TO4:
        return IPv4Address((int(parsed) >> 80) & 0xFFFFFFFF)
    return parsed


def allowed(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether `address` may be probed: public unicast, or loopback itself where that is allowed by name."""
    try:
        inner = plain(address)
    except ValueError:
        return False
    if is_loopback(address):
        return allow_loopback
    if isinstance(inner, IPv4Address):
        return not any(inner in network for network in _REFUSED_4)
    return inner in _GLOBAL_6 and not any(inner in network for network in _REFUSED_6)


def is_address(host: str) -> bool:
    """Whether the host is an address already, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(address: str) -> bool:
    """Whether a connection to `address` stays on this machine: 127/8, its IPv4-mapped form, ::1."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address) and parsed not in _MAPPED:
        return parsed == _LOOPBACK_6
    return plain(address) in _LOOPBACK_4


@lru_cache(maxsize=1 << 14)
def _parse(address: str) -> IpAddress:
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        raise ValueError(f"{address} has a zone")
    return parsed
