"""The leaves of a report, as the documents encode them; made once, as the same ones are asked for again and again."""

from __future__ import annotations

from functools import lru_cache

from oracle import merkle
from oracle.digests import keccak256, uint_word
from oracle.model import Digest


@lru_cache(1 << 12)
def weights_leaf(contract: str, fund: int, epoch: int, mirrors: Digest, vector: bytes) -> bytes:
    """The leaf of kind weights for a vector."""
    return merkle.leaf(merkle.WEIGHTS, contract, fund, epoch, mirrors, keccak256(vector))


@lru_cache(1 << 12)
def slash_leaf(contract: str, fund: int, epoch: int, mirrors: Digest, mirror: int) -> bytes:
    """The leaf of kind slash for a mirror."""
    return merkle.leaf(merkle.SLASH, contract, fund, epoch, mirrors, keccak256(uint_word(mirror)))
