"""Leaves, trees, vectors and the mirror set's digest are those of the contracts and of OpenZeppelin's library."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from oracle.errors import InvalidInput
from oracle.merkle import (
    NO_MIRRORS,
    WEIGHTS,
    Tree,
    ended,
    leaf,
    parse_vector,
    registered,
    vector,
    vector_digest,
    verify,
)
from oracle.model import ONE, Digest, MirrorId, Weight
from tests.fixtures.golden import cases
from tests.fixtures.node import run_node

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SIZES = (1, 2, 3, 10, 33)


def digest(text: str) -> str:
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


def rows(count: int) -> list[list[Any]]:
    return [[WEIGHTS, CONTRACT, fund, 5, digest(f"set {fund}"), digest(f"vector {fund}")] for fund in range(count)]


def weight(position: int, value: int, alive: bool = True) -> Weight:
    return Weight(MirrorId(position + 1), position, value, 0, alive, 0, 0, None, 10_000, 10_000, {})


# ------------------------------------------------------------------------------------------- leaves and trees


@pytest.fixture(scope="module")
def openzeppelin() -> dict[int, dict[str, Any]]:
    return dict(zip(SIZES, run_node("merkle.mjs", [rows(count) for count in SIZES]), strict=True))


@pytest.mark.parametrize("count", SIZES)
def test_root_and_proofs_are_those_of_openzeppelins_library(
    openzeppelin: dict[int, dict[str, Any]], count: int
) -> None:
    leaves = [leaf(*row) for row in rows(count)]
    tree = Tree(leaves)
    assert [f"0x{hashed.hex()}" for hashed in leaves] == openzeppelin[count]["hashes"]
    assert f"0x{tree.root.hex()}" == openzeppelin[count]["root"]
    proofs = [[f"0x{sibling.hex()}" for sibling in tree.proof(hashed)] for hashed in leaves]
    assert proofs == openzeppelin[count]["proofs"]


@pytest.mark.parametrize("count", SIZES)
def test_a_proof_holds_for_its_leaf_and_no_other(count: int) -> None:
    leaves = [leaf(*row) for row in rows(count)]
    tree = Tree(leaves)
    stranger = leaf(*rows(count + 1)[-1])
    for hashed in leaves:
        assert verify(tree.root, hashed, tree.proof(hashed))
        assert not verify(tree.root, stranger, tree.proof(hashed))


def test_the_root_does_not_depend_on_the_order_of_leaves() -> None:
    leaves = [leaf(*row) for row in rows(33)]
    shuffled = random.Random(1).sample(leaves, len(leaves))
    assert Tree(shuffled).root == Tree(leaves).root
    assert Tree(shuffled).leaves == tuple(sorted(leaves))


def test_a_tree_holds_each_leaf_once_and_at_least_one() -> None:
    hashed = leaf(*rows(1)[0])
    with pytest.raises(ValueError, match="twice"):
        Tree([hashed, hashed])
    with pytest.raises(ValueError, match="needs a leaf"):
        Tree([])
    with pytest.raises(KeyError):
        Tree([hashed]).proof(leaf(*rows(2)[1]))


@pytest.mark.parametrize("case", cases("merkle"))
def test_golden_leaves_and_roots(case: dict[str, Any]) -> None:
    hashed = [leaf(**row) for row in case["given"]["leaves"]]
    tree = Tree(hashed)
    assert f"0x{tree.root.hex()}" == case["expected"]["root"]
    for one, expected in zip(hashed, case["expected"]["leaves"], strict=True):
        assert f"0x{one.hex()}" == expected["hash"]
        assert [f"0x{sibling.hex()}" for sibling in tree.proof(one)] == expected["proof"]


def test_every_field_of_a_leaf_is_in_its_hash() -> None:
    row: list[Any] = [WEIGHTS, CONTRACT, 1, 5, digest("set"), digest("vector")]
    others = [2, "0x" + "11" * 20, 2, 6, digest("other set"), digest("other vector")]
    changed = [[*row[:i], other, *row[i + 1 :]] for i, other in enumerate(others)]
    assert len({leaf(*one) for one in (row, *changed)}) == 1 + len(others)


@pytest.mark.parametrize("kind", [-1, 256])
def test_a_kind_is_a_uint8(kind: int) -> None:
    with pytest.raises(ValueError, match="uint8"):
        leaf(kind, CONTRACT, 1, 5, NO_MIRRORS, NO_MIRRORS)


# ----------------------------------------------------------------------------------------------------- vectors


@pytest.mark.parametrize("case", cases("vector"))
def test_golden_vectors(case: dict[str, Any]) -> None:
    entries = case["given"]["entries"]
    data = vector([weight(i, entry["weight"], entry["alive"]) for i, entry in enumerate(entries)], len(entries))
    assert f"0x{data.hex()}" == case["expected"]["vector"]
    assert vector_digest(data) == case["expected"]["digest"]
    assert [{"weight": entry.weight, "alive": entry.alive} for entry in parse_vector(data)] == entries


def test_positions_without_a_mirror_are_zero() -> None:
    entries = parse_vector(vector([weight(2, 7)], 4))
    assert [tuple(entry) for entry in entries] == [(0, False), (0, False), (7, True), (0, False)]


def test_a_vector_does_not_depend_on_the_order_of_weights() -> None:
    weights = [weight(position, position) for position in range(5)]
    assert vector(weights, 5) == vector(weights[::-1], 5)


@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ([weight(0, ONE + 1)], "weight of mirror 1"),
        ([weight(0, -1)], "weight of mirror 1"),
        ([weight(3, 1)], "position of mirror 4"),
        ([weight(0, 1), weight(0, 1)], "position of mirror 1"),
    ],
)
def test_a_vector_takes_nothing_that_does_not_fit(weights: list[Weight], named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        vector(weights, 3)
    assert caught.value.name == named


def test_a_vector_has_whole_positions() -> None:
    with pytest.raises(InvalidInput, match="4 for each"):
        parse_vector(b"\0" * 6)


# ------------------------------------------------------------------------------------------------- mirror sets


@pytest.mark.parametrize("case", cases("mirrors"))
def test_golden_mirror_sets(case: dict[str, Any]) -> None:
    folds: dict[str, Callable[..., Digest]] = {"registered": registered, "ended": ended}
    rolling, found = NO_MIRRORS, []
    for event in case["given"]["events"]:
        rolling = folds[event["kind"]](rolling, **{name: value for name, value in event.items() if name != "kind"})
        found.append(rolling)
    assert found == case["expected"]["digests"]


def test_the_digest_of_a_mirror_set_has_224_bits() -> None:
    assert ended(NO_MIRRORS, 1, 1).startswith("0x00000000")
