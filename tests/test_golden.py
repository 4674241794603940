"""The golden vectors are what the ecosystem's own libraries compute, and our code computes the same."""

import pytest

from tests.fixtures.golden import FOLDER, NAMES, cases, computed


def test_golden_vectors_are_what_ethers_and_openzeppelin_compute() -> None:
    expected = {name: [case["expected"] for case in cases(name)] for name in NAMES}
    assert computed() == expected


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_of_golden_vector_has_a_case(name: str) -> None:
    assert cases(name)


def test_every_golden_file_is_a_kind_that_is_checked() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(NAMES)
