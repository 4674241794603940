"""Hashes and the texts that stand for them: Keccak as Ethereum has it, SHA-256 for bytes off the chain."""

from __future__ import annotations

import hashlib
import re

from sha3 import keccak_256

from oracle.model import Address, Digest

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_DIGEST = re.compile(r"0x[0-9a-f]{64}")


def keccak256(data: bytes) -> bytes:
    """Keccak-256 (not SHA3-256) as 32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest


def sha256_digest(data: bytes) -> Digest:
    """SHA-256 as 0x-hex: what names a bundle, an evidence folder or a release's manifest."""
    return Digest("0x" + hashlib.sha256(data).hexdigest())


def to_digest(word: bytes) -> Digest:
    """32 bytes as 0x-hex.

    Raises: ValueError for another length.
    """
    if len(word) != 32:
        raise ValueError(f"a digest has 32 bytes, not {len(word)}")
    return Digest("0x" + word.hex())


def to_bytes32(value: bytes | str) -> bytes:
    """32 bytes from themselves or from their 0x-hex.

    Raises: ValueError for anything that is not exactly 32 bytes; nothing is padded.
    """
    word = value if isinstance(value, bytes) else bytes.fromhex(value.removeprefix("0x"))
    if len(word) != 32:
        raise ValueError(f"a digest has 32 bytes, not {len(word)}")
    return word


def is_digest(text: str) -> bool:
    """Whether `text` is 0x and 64 lower-case hexadecimal digits."""
    return _DIGEST.fullmatch(text) is not None


def checksum_address(text: str) -> Address:
    """The address with its EIP-55 checksum, whatever its case.

    Raises: ValueError if it is not 0x and 40 hexadecimal digits.
    """
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"not an address: {text[:60]!r}")
    digits = text[2:].lower()
    marks = keccak256(digits.encode()).hex()
    return Address("0x" + "".join(c.upper() if int(m, 16) > 7 else c for c, m in zip(digits, marks, strict=False)))


def uint_word(value: int) -> bytes:
    """An unsigned integer as the 32 bytes of its ABI encoding.

    Raises: ValueError if it is negative or has more than 256 bits.
    """
    if not 0 <= value < 1 << 256:
        raise ValueError(f"not a uint256: {value}")
    return value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """An address as the 32 bytes of its ABI encoding.

    Raises: ValueError if it is none.
    """
    return bytes(12) + bytes.fromhex(checksum_address(address)[2:])
