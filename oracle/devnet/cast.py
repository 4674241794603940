"""Who plays in the demo: the primary and its mirrors, where each of them lives, and what they serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oracle.devnet.hosts import address_of
from oracle.devnet.servers import Host, Kind

PRIMARY = "primary"


@dataclass(frozen=True, slots=True)
class Part:
    """A mirror of the demo; `operator` is the role that runs it."""

    name: str
    kind: Kind
    operator: str


MIRRORS = (
    Part("honest-1", Kind.HONEST, "operator-1"),
    Part("honest-2", Kind.HONEST, "operator-2"),
    Part("flapping", Kind.FLAPPING, "operator-3"),
    Part("altered", Kind.ALTERED, "operator-4"),
    Part("stale", Kind.STALE, "operator-5"),
    Part("duplicate", Kind.DUPLICATE, "operator-1"),
    Part("proxy", Kind.PROXY, "operator-6"),
)
"""In the order of registration, which is that of rank. `duplicate` has the same operator as `honest-1`."""

OPERATORS = tuple(dict.fromkeys(part.operator for part in MIRRORS))
ADDRESSES = tuple(address_of(number) for number in range(len(MIRRORS) + 1))
"""The primary's, then the mirrors'."""


@dataclass(frozen=True, slots=True)
class Served:
    """The folders that servers serve, and what the primary serves besides, by path."""

    former: Path
    current: Path
    extra: Mapping[str, str]


def hosts(port: int, operators: Mapping[str, str], owner: str, served: Served) -> list[Host]:
    """The primary and all mirrors, each at its address; `operators` are accounts by role."""
    current = str(served.current)
    primary = Host(PRIMARY, Kind.PRIMARY, ADDRESSES[0], port, owner, current, served.extra)
    return [primary] + [
        Host(
            name=part.name,
            kind=part.kind,
            address=address,
            port=port,
            operator=operators[part.operator],
            folder=str(served.former) if part.kind is Kind.STALE else current,
            extra={},
            upstream=f"{ADDRESSES[0]}:{port}" if part.kind is Kind.PROXY else "",
        )
        for part, address in zip(MIRRORS, ADDRESSES[1:], strict=True)
    ]


def primary_url(port: int) -> str:
    """The primary's base URL."""
    return f"http://{ADDRESSES[0]}:{port}"
