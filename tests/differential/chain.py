"""The contracts in an in-process EVM: what is sent as words, and what comes back as bytes or as an error's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from eth_abi.abi import encode
from pyrevm import EVM, AccountInfo, BlockEnv

from oracle.chain.abi import CONTRACTS, artifact
from oracle.digests import keccak256

DEPLOYER = "0x" + "d0" * 20
RICH = 10**40
_READER_ADDRESS = "0x" + "ea" * 20
_READER = bytes.fromhex(
    "5f5f5b3682101560315781358060a01c808460200184375f5f8285855afa503d5f843e9050602001903d019101906002565b5ff3"
)
"""Calls what its input says, one record after the other (a word of length and address, then the call), and returns all
answers in one: `reads` in a single transaction of the EVM takes a third of the time."""
_STATIC = frozenset(("address", "bool", "uint96", "uint256"))
_OUTPUT = re.compile(r"output: (0x[0-9a-f]*)")


class Function(NamedTuple):
    """How one function is called: its selector and the types of its arguments."""

    selector: bytes
    types: tuple[str, ...]

    def calldata(self, *args: Any) -> bytes:
        """A call of it, encoded."""
        return self.selector + (pack(args) if _STATIC.issuperset(self.types) else encode(self.types, args))


Word = int | str | bool


@lru_cache(1 << 14)
def pack(words: tuple[Word, ...]) -> bytes:
    """Words as the ABI encodes static values: the same as `encode`, but many times faster."""
    return b"".join([_hex_word(word) if isinstance(word, str) else _number_word(word) for word in words])


@cache
def _hex_word(value: str) -> bytes:
    return bytes.fromhex(value[2:]).rjust(32, b"\0")


def _number_word(value: int) -> bytes:
    return (value % (1 << 256)).to_bytes(32, "big")


class Reverted(Exception):
    """The EVM's refusal; `name` is the error's, as some contract's interface has it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Chain:
    """An EVM in this process whose clock is set by hand."""

    def __init__(self, now: int) -> None:
        self.evm = EVM(spec_id="CANCUN")
        self.evm.set_balance(DEPLOYER, RICH)
        self.put_code(_READER_ADDRESS, _READER)
        self.warp(now)

    def warp(self, now: int) -> None:
        """Sets the time of all calls from here on."""
        self.evm.set_block_env(BlockEnv(number=1, timestamp=now))

    def deploy(self, name: str, types: tuple[str, ...] = (), args: tuple[Any, ...] = ()) -> str:
        """Creates a contract from its committed bytecode."""
        code = bytes.fromhex(artifact(name).bytecode[2:]) + encode(types, args)
        created: str = self.evm.deploy(DEPLOYER, code)
        return created.lower()

    def put_code(self, address: str, code: bytes) -> None:
        """Makes an address a contract."""
        self.evm.insert_account_info(address, AccountInfo(code=code))

    def endow(self, address: str) -> None:
        """Gives an address more native coin than it will spend."""
        self.evm.set_balance(address, RICH)

    def send(self, caller: str, to: str, calldata: bytes, value: int = 0) -> bytes:
        """A transaction: what the call returns. Raises: Reverted with the error's name."""
        try:
            returned: bytes = self.evm.message_call(caller, to, calldata, value=value)
        except RuntimeError as refusal:
            raise Reverted(_error_name(str(refusal))) from None
        return returned

    def read(self, to: str, calldata: bytes) -> bytes:
        """What a view returns."""
        returned: bytes = self.evm.message_call(DEPLOYER, to, calldata, is_static=True)
        return returned

    def reads(self, calls: Sequence[tuple[str, bytes]]) -> bytes:
        """What several views return, one after the other; nothing where one is refused."""
        records = [_header(to, len(call)) + call for to, call in calls]
        return self.read(_READER_ADDRESS, b"".join(records))


@cache
def function(contract: str, name: str) -> Function:
    """The function of this name in a contract's interface."""
    (entry,) = [one for one in artifact(contract).of_type("function") if one["name"] == name]
    types = tuple(map(_type_of, entry["inputs"]))
    return Function(keccak256(f"{name}({','.join(types)})".encode())[:4], types)


@cache
def _header(to: str, length: int) -> bytes:
    return length.to_bytes(12, "big") + bytes.fromhex(to[2:])


@cache
def _errors() -> dict[str, str]:
    entries = [entry for name in CONTRACTS for entry in artifact(name).of_type("error")]
    signatures = {(entry["name"], ",".join(map(_type_of, entry["inputs"]))) for entry in entries}
    return {keccak256(f"{name}({types})".encode())[:4].hex(): name for name, types in signatures}


def _error_name(refusal: str) -> str:
    found = _OUTPUT.search(refusal)
    return _errors().get(found[1][2:10], refusal) if found else refusal


def _type_of(parameter: dict[str, Any]) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_type_of, parameter['components']))})" + kind.removeprefix("tuple")
