"""What the chain holds of a report: leaves, the tree over them, weight vectors and the digest of the mirror set.

The tree is OpenZeppelin's StandardMerkleTree of ["uint8", "address", "uint256", "uint256", "bytes32", "bytes32"].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from oracle.digests import address_word, keccak256, to_bytes32, to_digest, uint_word
from oracle.errors import InvalidInput
from oracle.model import ONE, Address, Digest, Epoch, FundId, MirrorId, Weight

WEIGHTS = 1
"""`Leaf.WEIGHTS`: the payload is a weight vector."""
SLASH = 2
"""`Leaf.SLASH`: the payload is a mirror that a part of its stake is to be locked of."""
NO_MIRRORS = Digest("0x" + "00" * 32)
"""The digest of a fund's mirror set before its first registration."""

_ALIVE = 1 << 31
_LOW_224 = (1 << 224) - 1


# ------------------------------------------------------------------------------------------------------- leaves


def leaf(
    kind: int,
    fund_contract: Address | str,
    fund: FundId | int,
    epoch: Epoch | int,
    mirrors_digest: Digest | bytes,
    payload_digest: Digest | bytes,
) -> bytes:
    """The hash of one leaf, as `Leaf.hash`: keccak256(keccak256(abi.encode(...))).

    Raises: ValueError if a value does not fit its type.
    """
    if not 0 <= kind < 256:
        raise ValueError(f"not a uint8: {kind}")
    words = (uint_word(kind), address_word(fund_contract), uint_word(fund), uint_word(epoch))
    return keccak256(keccak256(b"".join((*words, to_bytes32(mirrors_digest), to_bytes32(payload_digest)))))


class Tree:
    """A Merkle tree over distinct leaf hashes, in whatever order they come.

    The nodes lie in one array as in @openzeppelin/merkle-tree: the root first, children of i at 2i + 1 and 2i + 2,
    the leaves, ascending by hash, from the end backwards.
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Build the tree. Raises: ValueError without leaves or with one twice."""
        ordered = sorted(leaves)
        if not ordered:
            raise ValueError("a tree needs a leaf")
        if any(first == second for first, second in pairwise(ordered)):
            raise ValueError("a leaf stands twice in the tree")
        inner = len(ordered) - 1
        nodes = [b""] * inner + ordered[::-1]
        for i in reversed(range(inner)):
            nodes[i] = _parent(nodes[2 * i + 1], nodes[2 * i + 2])
        self._nodes = nodes
        self._index = {node: inner + i for i, node in enumerate(nodes[inner:])}

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._nodes[0]

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """The leaf hashes, ascending."""
        return tuple(self._nodes[-len(self._index) :][::-1])

    def proof(self, leaf: bytes) -> list[bytes]:
        """The siblings from `leaf` up to below the root.

        Raises: KeyError if the tree does not hold the leaf.
        """
        i = self._index[leaf]
        siblings = []
        while i:
            siblings.append(self._nodes[i + 1 if i % 2 else i - 1])
            i = (i - 1) // 2
        return siblings


def verify(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` leads from `leaf` to `root`, as `MerkleProof.verify` decides it."""
    node = leaf
    for sibling in proof:
        node = _parent(node, sibling)
    return node == root


def _parent(one: bytes, other: bytes) -> bytes:
    return keccak256(one + other if one < other else other + one)


# ------------------------------------------------------------------------------------------------------ vectors


class Entry(NamedTuple):
    """One position of a weight vector: the weight in units of 1 / ONE, and the sign of life."""

    weight: int
    alive: bool


def vector(weights: Iterable[Weight], length: int) -> bytes:
    """The weight vector of `length` positions (the highest that counts in the epoch, and one), 4 bytes each.

    Raises: InvalidInput if a weight or a position is out of range or a position is taken twice.
    """
    entries: dict[int, int] = {}
    for given in weights:
        if not 0 <= given.weight <= ONE:
            raise InvalidInput(f"weight of mirror {given.mirror}", f"{given.weight} is not within 0..{ONE}")
        if not 0 <= given.position < length or given.position in entries:
            raise InvalidInput(f"position of mirror {given.mirror}", f"{given.position} is taken or not below {length}")
        entries[given.position] = given.weight | (_ALIVE if given.alive else 0)
    return b"".join(entries.get(position, 0).to_bytes(4, "big") for position in range(length))


def parse_vector(data: bytes) -> tuple[Entry, ...]:
    """The entries of a weight vector by position.

    Raises: InvalidInput if it is not whole positions.
    """
    if len(data) % 4:
        raise InvalidInput("vector", f"has {len(data)} bytes, not 4 for each position")
    numbers = [int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4)]
    return tuple(Entry(number & (_ALIVE - 1), number >= _ALIVE) for number in numbers)


def vector_digest(data: bytes) -> Digest:
    """The payload digest of a leaf of kind WEIGHTS."""
    return to_digest(keccak256(data))


def slash_digest(mirror: MirrorId | int) -> Digest:
    """The payload digest of a leaf of kind SLASH: the mirror whose bytes a quorum saw to be wrong."""
    return to_digest(keccak256(uint_word(mirror)))


# --------------------------------------------------------------------------------------------- the mirror set


def registered(
    digest: Digest, mirror: MirrorId | int, position: int, operator: Address | str, url: str | bytes, binds_from: int
) -> Digest:
    """The digest of the mirror set after a registration (rolling, see `IRedundancyFund.mirrorsDigest`).

    `url` as bytes where it is a stranger's and need not be valid UTF-8.
    """
    words = (
        uint_word(mirror),
        uint_word(position),
        address_word(operator),
        keccak256(url.encode() if isinstance(url, str) else url),
    )
    return _fold(to_bytes32(digest), *words, uint_word(binds_from))


def ended(digest: Digest, mirror: MirrorId | int, end: int) -> Digest:
    """The digest of the mirror set after an exit or a removal that takes effect at the start of epoch `end`."""
    return _fold(to_bytes32(digest), uint_word(mirror), uint_word(end))


def _fold(*words: bytes) -> Digest:
    return to_digest(uint_word(int.from_bytes(keccak256(b"".join(words)), "big") & _LOW_224))
