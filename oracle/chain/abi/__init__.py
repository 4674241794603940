"""What `scripts/generate` wrote of the contracts: their interface and creation bytecode."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

CONTRACTS = ("DemoToken", "Endowment", "OracleCommittee", "RedundancyFund", "SavingsVault", "WrappedNative")


@dataclass(frozen=True)
class Artifact:
    """One contract: `entries` is its ABI, `bytecode` creates it (0x-hex, without constructor arguments).

    Of ours `deployed` is the code that stands on the chain then, with zeros in the place of the words that the creation
    sets; where those begin, in bytes, say `immutables` by name.
    """

    name: str
    entries: list[dict[str, Any]]
    bytecode: str
    deployed: str = ""
    immutables: dict[str, list[int]] = field(default_factory=dict)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The entries of one type: "event", "error", "function"."""
        return [entry for entry in self.entries if entry["type"] == kind]


@cache
def artifact(name: str) -> Artifact:
    """The contract of this name, one of CONTRACTS."""
    found = json.loads(resources.files("oracle.chain.abi").joinpath(f"{name}.json").read_text())
    return Artifact(name, found["abi"], found["bytecode"], found.get("deployed", ""), found.get("immutables", {}))
