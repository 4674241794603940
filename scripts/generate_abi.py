"""Writes oracle/chain/abi/*.json from what `hardhat build` compiled, so that the oracle needs no Node to run."""

import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ABI = REPOSITORY / "oracle" / "chain" / "abi"
CONTRACTS = {
    "DemoToken": "contracts/dev/DemoToken.sol",
    "Endowment": "contracts/Endowment.sol",
    "OracleCommittee": "contracts/OracleCommittee.sol",
    "RedundancyFund": "contracts/RedundancyFund.sol",
    "SavingsVault": "tests/solidity/actors/SavingsVault.sol",
    "WrappedNative": "contracts/dev/WrappedNative.sol",
}


def identity(entry: dict[str, object]) -> tuple[str, str, str]:
    """What an ABI entry is ordered by: the order in the source is no part of the interface."""
    return str(entry["type"]), str(entry.get("name", "")), json.dumps(entry.get("inputs", []))


def render(artifact: Path) -> str:
    """One contract's ABI and creation bytecode as stable JSON."""
    compiled = json.loads(artifact.read_text())
    kept = {"abi": sorted(compiled["abi"], key=identity), "bytecode": compiled["bytecode"]}
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def generate(target: Path) -> None:
    """Write one file per contract to `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for name, source in CONTRACTS.items():
        text = render(REPOSITORY / "artifacts" / source / f"{name}.json")
        (target / f"{name}.json").write_text(text)


if __name__ == "__main__":
    try:
        generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ABI)
    except FileNotFoundError as missing:
        sys.exit(f"generate: {missing.filename} is missing: build the contracts first (hardhat build)")
