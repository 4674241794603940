"""Files that are generated are what generating them again gives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.generate_abi import ABI, CONTRACTS
from tests.fixtures.node import NODE, ROOT


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ABIs of the contracts as they stand, in a folder of their own."""
    target = tmp_path_factory.mktemp("abi")
    environment = {**os.environ, "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"}
    subprocess.run([NODE, "node_modules/.bin/hardhat", "build", "--quiet"], cwd=ROOT, env=environment, check=True)
    subprocess.run([sys.executable, "scripts/generate_abi.py", target], cwd=ROOT, check=True)
    return target


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_committed_abi_is_that_of_the_contract(generated: Path, name: str) -> None:
    same = (generated / f"{name}.json").read_bytes() == (ABI / f"{name}.json").read_bytes()
    assert same, f"{name}.json has drifted from the contract: run scripts/generate"


def test_no_abi_is_committed_without_its_contract() -> None:
    assert {file.stem for file in ABI.glob("*.json")} == set(CONTRACTS)
