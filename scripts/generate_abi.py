"""Writes oracle/chain/abi/*.json from what `hardhat build` compiled, so that the oracle needs no Node to run."""

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

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

OURS = ("Endowment", "OracleCommittee", "RedundancyFund")
"""Those whose code on a chain people compare with what was compiled."""


def identity(entry: dict[str, object]) -> tuple[str, str, str]:
    """What an ABI entry is ordered by: the order in the source is no part of the interface."""
    return str(entry["type"]), str(entry.get("name", "")), json.dumps(entry.get("inputs", []))


def render(artifact: Path) -> str:
    """One contract's ABI and creation bytecode as stable JSON; of ours also the code that is then on the chain, and
    where the constants that its creation sets stand there, by name."""
    compiled = json.loads(artifact.read_text())
    kept = {"abi": sorted(compiled["abi"], key=identity), "bytecode": compiled["bytecode"]}
    if compiled["contractName"] in OURS:
        names = immutables(compiled["buildInfoId"])
        places = compiled["immutableReferences"].items()
        kept["deployed"] = compiled["deployedBytecode"]
        kept["immutables"] = {names[node]: sorted(one["start"] for one in where) for node, where in places}
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


@cache
def immutables(build: str) -> dict[str, str]:
    """The names of all immutable variables of a build, by the numbers that the compiler gives them."""
    output = json.loads((REPOSITORY / "artifacts" / "build-info" / f"{build}.output.json").read_text())["output"]
    nodes = (node for source in output["sources"].values() for node in declarations(source["ast"]))
    return {str(node["id"]): node["name"] for node in nodes if node.get("mutability") == "immutable"}


def declarations(tree: Any) -> Iterator[dict[str, Any]]:
    """The contracts' variables in a syntax tree."""
    for contract in tree["nodes"]:
        yield from (node for node in contract.get("nodes", ()) if node["nodeType"] == "VariableDeclaration")


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
