"""Logs of our contracts as plain values: addresses with checksum, bytes as 0x-hex, integers as such.

Texts on the chain come from strangers and need not be valid UTF-8. Bytes that are not, and NUL, which databases refuse,
are written as backslash escapes; then the original bytes stand beside the text as `<name>Raw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode as decode_abi
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from oracle.chain.abi import artifact
from oracle.chain.client import hex0x
from oracle.chain.refusals import canonical_type, signature_hash
from oracle.model import printable

DECODED = ("Endowment", "OracleCommittee", "RedundancyFund")
"""Of events with one signature (`NoticeGiven`) the last contract's names count."""


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded log and where it stands."""

    name: str
    args: Mapping[str, Any]
    contract: str
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


@cache
def _known() -> dict[bytes, dict[str, Any]]:
    entries = [entry for name in DECODED for entry in artifact(name).of_type("event")]
    return {signature_hash(entry): entry for entry in entries}


def decode(log: Any) -> Event | None:
    """The event, or None if it is none of our contracts' events."""
    topics = [bytes(HexBytes(topic)) for topic in log["topics"]]
    entry = _known().get(topics[0]) if topics else None
    if entry is None:
        return None
    try:
        args = _args(entry["inputs"], topics[1:], bytes(HexBytes(log["data"])))
    except (DecodingError, ValueError):  # another contract's event of the same name
        return None
    return Event(
        entry["name"],
        args,
        to_checksum_address(log["address"]),
        log["blockNumber"],
        hex0x(log["blockHash"]),
        hex0x(log["transactionHash"]),
        log["logIndex"],
    )


def decode_all(logs: Iterable[Any]) -> tuple[Event, ...]:
    """The events among the logs, in their order."""
    return tuple(event for event in map(decode, logs) if event is not None)


def _args(inputs: list[dict[str, Any]], topics: list[bytes], data: bytes) -> dict[str, Any]:
    indexed = [one for one in inputs if one["indexed"]]
    inline = [one for one in inputs if not one["indexed"]]
    values = {one["name"]: decode_abi([one["type"]], topic)[0] for one, topic in zip(indexed, topics, strict=True)}
    decoded = decode_abi([_as_bytes(canonical_type(one)) for one in inline], data)
    values |= {one["name"]: value for one, value in zip(inline, decoded, strict=True)}
    args: dict[str, Any] = {}
    for one in inputs:
        args |= _named(one, values[one["name"]])
    return args


def _as_bytes(kind: str) -> str:
    """Strings are read as the bytes that they are, so that a stranger's text cannot stop the reader."""
    return "bytes" if kind == "string" else kind


def _named(entry: dict[str, Any], value: Any) -> dict[str, Any]:
    if entry["type"] != "string":
        return {entry["name"]: _plain(entry, value)}
    text = printable(value)
    raw = {} if text.encode() == value else {f"{entry['name']}Raw": hex0x(value)}
    return {entry["name"]: text} | raw


def _plain(entry: dict[str, Any], value: Any) -> Any:
    kind = entry["type"]
    if kind.endswith("[]"):
        return [_plain(entry | {"type": kind[:-2]}, one) for one in value]
    if kind == "tuple":
        parts = entry["components"]
        return {part["name"]: _plain(part, one) for part, one in zip(parts, value, strict=True)}
    if kind == "address":
        return to_checksum_address(value)
    return hex0x(value) if isinstance(value, bytes) else value
