"""Why a contract refused: its error's name and facts, from the data of a revert."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from eth_abi.abi import decode as decode_abi
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3.exceptions import ContractLogicError, Web3RPCError

from oracle.chain.abi import CONTRACTS, artifact
from oracle.errors import TransactionFailed

_ERROR = keccak(text="Error(string)")[:4]
_PANIC = keccak(text="Panic(uint256)")[:4]
_URL = re.compile(r"\w+://\S+")


def canonical_type(entry: dict[str, Any]) -> str:
    """An ABI parameter's type as it stands in a signature: tuples written out."""
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(canonical_type, entry['components']))}){kind.removeprefix('tuple')}"


def signature_hash(entry: dict[str, Any]) -> bytes:
    """The Keccak-256 hash of an ABI entry's signature."""
    return keccak(text=f"{entry['name']}({','.join(map(canonical_type, entry['inputs']))})")


@cache
def _errors() -> dict[bytes, dict[str, Any]]:
    entries = [entry for name in CONTRACTS for entry in artifact(name).of_type("error")]
    return {signature_hash(entry)[:4]: entry for entry in entries}


def explain(data: bytes) -> tuple[str, dict[str, object]]:
    """The error's name and facts by name; ("Reverted", {}) when the data say nothing that we know."""
    selector, body = data[:4], data[4:]
    try:
        if selector == _ERROR:
            return "Reverted", {"reason": decode_abi(["bytes"], body)[0].decode(errors="replace")[:200]}
        if selector == _PANIC:
            return "Panic", {"code": decode_abi(["uint256"], body)[0]}
        if entry := _errors().get(selector):
            values = decode_abi([canonical_type(one) for one in entry["inputs"]], body)
            return entry["name"], {
                one["name"]: _plain(value) for one, value in zip(entry["inputs"], values, strict=True)
            }
    except DecodingError:
        pass
    return "Reverted", {"data": "0x" + data[:64].hex()} if data else {}


def _plain(value: Any) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return to_checksum_address(value) if isinstance(value, str) and value.startswith("0x") else value


def failed(action: str, error: ContractLogicError | Web3RPCError) -> TransactionFailed:
    """What a refused call or transaction means."""
    if isinstance(error, Web3RPCError):
        message = message_of(error).lower()
        poor = "insufficient funds" in message or "enough funds" in message
        return TransactionFailed(action, "InsufficientFunds" if poor else sentence_of(error))
    data = error.data
    if isinstance(data, dict):  # Hardhat
        data = data.get("data")
    # Some nodes put words before the data, or words only.
    text = str(data or "").rpartition(" ")[2]
    name, facts = explain(bytes(HexBytes(text)) if text.startswith("0x") else b"")
    if not facts and name == "Reverted" and error.message:
        facts = {"reason": str(error.message)[:200]}
    return TransactionFailed(action, name, facts)


def message_of(error: Web3RPCError) -> str:
    """The endpoint's own words."""
    response: Any = error.rpc_response or {}
    told = response.get("error")
    return str(told.get("message", told)) if isinstance(told, dict) else str(error.message)


def sentence_of(error: Web3RPCError) -> str:
    """The endpoint's own words as they may be shown: on one line, not too many, and without a URL's key."""
    return " ".join(_URL.sub("", message_of(error)).split())[:200]
