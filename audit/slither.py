"""Slither over all contracts: nothing of medium impact or higher but what accepted/slither.json explains by name."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from audit import tools
from audit.accepted import Entry, accepted
from audit.results import Result
from audit.workspace import ROOT, STATE, run, snapshot

CONTRACTS = ("contracts/RedundancyFund.sol", "contracts/OracleCommittee.sol", "contracts/Endowment.sol")
SEVERE = ("High", "Medium")
Finding = dict[str, Any]


def audit() -> Result:
    """Analyses what the legacy pipeline makes of the sources: the tree is what counts, the optimizer is not needed."""
    tree = snapshot(STATE / "slither")
    (tree / "node_modules").symlink_to(ROOT / "node_modules")
    (tree / "input.json").write_text(json.dumps(_input(tree)))
    (tree / "found.json").unlink(missing_ok=True)
    options = ("--compile-force-framework", "solc-json", "--solc", ROOT / "audit" / "solc.cjs", "--json", "found.json")
    done = run(tools.slither(), "input.json", *options, log="slither", cwd=tree)
    if not (tree / "found.json").exists():
        return Result("slither", False, {}, (done.output[-500:],))
    told = json.loads((tree / "found.json").read_text())
    return judge(told["results"].get("detectors", []), accepted("slither"))


def _input(tree: Path) -> dict[str, Any]:
    """The compiler's standard input: slither reads Hardhat's own project names from no file."""
    return {
        "language": "Solidity",
        "sources": {name: {"content": (tree / name).read_text()} for name in CONTRACTS},
        "settings": {
            "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
            "evmVersion": "cancun",
            "optimizer": {"enabled": False},
            "outputSelection": {
                "*": {"*": ["abi", "evm.bytecode", "evm.deployedBytecode", "evm.methodIdentifiers"], "": ["ast"]}
            },
        },
    }


def judge(findings: list[Finding], entries: list[Entry]) -> Result:
    """Compares severe findings in our own files with the accepted ones, each as often as its entry says (once, or
    "times"); an entry that nothing needs is a fault too."""
    ours = [one for one in findings if is_ours(one)]
    severe = [one for one in ours if one["impact"] in SEVERE]
    times = Counter((one["check"], subject(one)) for one in severe)
    known = {(entry["check"], entry["of"]): int(entry.get("times", "1")) for entry in entries}
    new = [
        f"{one['impact']}: {' '.join(one['description'].split())[:300]}"
        for one in severe
        if times[one["check"], subject(one)] > known.get((one["check"], subject(one)), 0)
    ]
    stale = [
        f"accepted, but not found so often any more: {check} of {of}"
        for (check, of), accepted_times in known.items()
        if times[check, of] < accepted_times
    ]
    figures = {
        f"{impact.lower()} in our files": sum(one["impact"] == impact for one in ours) for impact in (*SEVERE, "Low")
    }
    figures |= {"accepted by name": len(known), "in OpenZeppelin's files": len(findings) - len(ours)}
    return Result("slither", not new and not stale, figures, (*new, *stale))


def is_ours(finding: Finding) -> bool:
    """Anything in it lies in contracts/."""
    names = (element["source_mapping"].get("filename_relative", "") for element in finding["elements"])
    return any(name.startswith("contracts/") for name in names)


def subject(finding: Finding) -> str:
    """What a finding is about, as `Contract.function` or `Contract.function.variable`."""
    first = finding["elements"][0]
    parts = [first["name"]]
    while (first := first.get("type_specific_fields", {}).get("parent")) and first["type"] != "file":
        parts.insert(0, first["name"])
    return ".".join(parts)
