"""docs/protocol.md says nothing that no test stands behind."""

import re
from pathlib import Path

import pytest

DOCUMENT = Path("docs/protocol.md").read_text()
FOLDER = Path("tests/solidity")
ROLES = "".join((FOLDER / name).read_text() for name in ("Roles.t.sol", "Roles.committees.t.sol"))
PROPERTIES = [f"P{number}" for number in range(1, 14)]


def test_each_row_of_the_roles_is_a_test_and_each_test_a_row() -> None:
    named = re.findall(r"`(test_\w+)` \|$", DOCUMENT, re.MULTILINE)
    written = re.findall(r"function (test_\w+)\(", ROLES)
    assert sorted(named) == sorted(written)
    assert named == written, "in the same order"


@pytest.mark.parametrize("name", PROPERTIES)
def test_each_property_names_files_that_test_it_by_name(name: str) -> None:
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| {name} |"))
    files = re.findall(r"`([\w/.]+\.(?:sol|py))`", row)
    assert files
    for file in files:
        path = Path(file) if "/" in file else FOLDER / file
        assert re.search(rf"{name}(?!\d)", path.read_text()), f"{path} names no test after {name}"


def test_every_solidity_test_file_is_found_from_the_document_or_is_not_about_a_property() -> None:
    for path in FOLDER.glob("*.t.sol"):
        for name in set(re.findall(r"function test(?:Fuzz)?_(P\d+)_", path.read_text())):
            assert name in PROPERTIES


@pytest.mark.parametrize("contract", ["IRedundancyFund", "IOracleCommittee"])
def test_each_function_that_changes_anything_has_a_row_that_says_who_may_when(contract: str) -> None:
    source = Path(f"contracts/interfaces/{contract}.sol").read_text()
    declared = re.findall(r"function (\w+)\([^)]*\)\s+external([^;]*);", source)
    acting = [name for name, rest in declared if not re.search(r"\b(view|pure)\b", rest)]
    rows = "\n".join(line.split("|")[1] for line in DOCUMENT.splitlines() if line.startswith("| `"))
    assert len(acting) > 10
    assert [name for name in acting if f"`{name}`" not in rows] == []
