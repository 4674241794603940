"""Mutants are the edits that we said, where we said, and none that change nothing."""

import json
import subprocess
from functools import cache

import pytest

from audit.mutation.mutants import Mutant, mutants
from audit.mutation.operators import Edit, edits
from audit.workspace import NODE, ROOT

SOURCE = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
contract Till {
    uint256 private constant MOST = 0x10;
    uint256[2] private _sums; // two + two
    bool private _open;
    event Paid(uint256 amount);
    error TooMuch();
    modifier guarded() { _; }
    function pay(uint256 amount, int256 change) external guarded returns (uint256 paid) {
        require(amount <= MOST, TooMuch());
        require(_open, TooMuch());
        if (amount == 0 || !_open) return 0;
        if (change > 0) paid = (amount /* a - b */ + 1) * 2;
        _sums[0] += amount;
        _open = false;
        ++paid;
        emit Paid(paid);
        assembly { paid := add(paid, 3) }
    }
}
"""


@cache
def tree() -> dict[str, object]:
    """The compiler's syntax tree of the source above."""
    asked = {
        "language": "Solidity",
        "sources": {"Till.sol": {"content": SOURCE}},
        "settings": {"outputSelection": {"*": {"": ["ast"]}}},
    }
    command = [str(NODE), str(ROOT / "audit" / "solc.cjs"), "--standard-json"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    told: dict[str, object] = json.loads(done.stdout)["sources"]["Till.sol"]["ast"]
    return told


def becomes(was: str) -> list[str]:
    """What the lines that hold `was` become."""
    return [one.becomes for one in mutants("Till.sol", SOURCE, tree()) if was in one.was]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("require(amount <=", ["amount < MOST", "amount > MOST", "require(true, TooMuch"]),
        ("require(_open,", ["require(!(_open)", "require(true, TooMuch"]),
        ("if (amount ==", ["amount != 0 ||", "amount >= 0 ||", "== 0 &&", "if (amount == 0) return", "if (!_open)"]),
        ("if (amount ==", ["|| _open", "amount == 1", "return 1;", "if (!(amount == 0 || !_open))"]),
        (
            "if (change >",
            ["change >= 0", "change <= 0", "change > 1", "b */ - 1)", "+ 2)", "+ 0)", "/ 2", "* 3", "* 1"],
        ),
        ("_sums[0]", ["_sums[1]", "-= amount", "{}"]),
        ("_open = false", ["_open = true;", "{}"]),
        ("++paid", ["--paid;", "{}"]),
        ("emit Paid", ["{}"]),
        ("add(paid", ["sub(paid, 3)", "add(paid, 4)", "add(paid, 2)", "assembly { {} }"]),
        ("MOST = 0x10", ["= 0x11", "= 0xf"]),
        ("external guarded", ["external returns"]),
    ],
)
def test_a_line_has_these_mutants(line: str, changed: list[str]) -> None:
    found = becomes(line)
    assert not [text for text in changed if not any(text in one for one in found)], found


def test_types_comments_and_parameters_have_none() -> None:
    assert becomes("uint256[2] private _sums;") == []
    assert not [one for one in becomes("/* a - b */") if "a + b" in one]


def test_an_unsigned_number_is_not_compared_with_zero_in_the_same_way() -> None:
    assert not [one for one in becomes("if (amount ==") if "amount <= 0" in one]


def test_a_mutant_changes_its_span_only() -> None:
    one = next(one for one in mutants("Till.sol", SOURCE, tree()) if "_sums[1]" in one.becomes)
    assert one.apply(SOURCE) == SOURCE.replace("_sums[0]", "_sums[1]")
    assert (one.scope, one.line, one.kind) == ("Till.pay", 15, "literal")


def test_every_edit_is_another_one() -> None:
    found = list(edits(tree(), SOURCE.encode()))
    assert len(found) == len(set(found)) > 30


def test_a_mutant_keeps_its_name_while_its_function_does() -> None:
    def keys(text: str) -> set[str]:
        moved = len(text.encode()) - len(SOURCE.encode())
        return {one.key for one in mutants("Till.sol", text, shifted(tree(), moved))}

    longer = SOURCE.replace("contract Till", "/* more words */ contract Till")
    assert keys(longer) == keys(SOURCE)
    assert keys(SOURCE.replace("a - b", "a - c")) != keys(SOURCE)


def shifted(node: object, by: int) -> dict[str, object]:
    """The same tree, for a text that has more in front of it."""

    def move(one: object) -> object:
        if isinstance(one, list):
            return [move(child) for child in one]
        if not isinstance(one, dict):
            return one
        moved = {name: move(child) for name, child in one.items()}
        if "src" in moved:
            start, rest = str(moved["src"]).split(":", 1)
            moved["src"] = f"{int(start) + by}:{rest}"
        return moved

    told = move(node)
    assert isinstance(told, dict)
    return told


def test_equal_mutants_of_two_functions_differ() -> None:
    edit = Edit("literal", 0, 1, "2")
    assert Mutant("a", "f", "Till.a", 1, "literal", "1", "2", edit) != Mutant(
        "b", "f", "Till.b", 1, "literal", "1", "2", edit
    )
