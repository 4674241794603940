"""The repository keeps its own rules: each module has its test, all is pinned, and nothing names a machine."""

import ast
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.fixtures.node import ROOT

MOST_LINES = 400
GENERATED = (
    "package-lock.json",
    "requirements.lock",
    "oracle/chain/abi/",
    "tests/golden/",
    "benchmarks/results/",
    "docs/fairness.json",
    "LICENSE",
)
LONG = {
    "contracts/OracleCommittee.sol": "members, reports and challenges are one contract, half of it checks",
    "contracts/RedundancyFund.sol": "all that holds money is one contract, to be read in one piece",
}
# Spelled as patterns, so that this file does not hold what it looks for.
MACHINES = re.compile(r"/(?:root|work)/|registry[.]npmjs|pypi[.]org/simple|files[.]pythonhosted")


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the repository that git knows and the disk has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of every tracked file that is text."""
    for name in tracked():
        try:
            yield name, (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue


def modules() -> set[str]:
    """The modules and packages that stand directly in oracle/."""
    files = [Path(name) for name in tracked() if name.startswith("oracle/") and name.endswith(".py")]
    return {f"oracle.{Path(file.parts[1]).stem}" for file in files if not file.parts[1].startswith("__")}


def named_by_tests() -> set[str]:
    """Every dotted name that a file under tests/ imports or, for what it runs as a program, mentions."""
    names: set[str] = set()
    for file in (ROOT / "tests").rglob("*.py"):
        text = file.read_text()
        names.update(re.findall(r"\b(?:oracle|api)(?:\.\w+)+", text))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_each_module_has_a_test_that_names_it() -> None:
    named = named_by_tests()
    without = [module for module in sorted(modules()) if not any(f"{name}.".startswith(f"{module}.") for name in named)]
    assert not without, f"no file under tests/ imports or names {', '.join(without)}"


def outside(package: str) -> Iterator[tuple[str, str]]:
    """Name and content of every module of the product that is not in the package."""
    for file in [*(ROOT / "oracle").rglob("*.py"), *(ROOT / "api").rglob("*.py")]:
        name = str(file.relative_to(ROOT))
        if not name.startswith(package):
            yield name, file.read_text()


def test_sql_is_written_only_in_the_store() -> None:
    passed_on = {"Engine", "Connection", "exc"}  # what others may hold and catch, but not what makes a statement
    for name, text in outside("oracle/store"):
        assert set(re.findall(r"\bsa\.(\w+)", text)) <= passed_on, f"{name} writes SQL"
        assert "from sqlalchemy" not in text, f"{name}: import sqlalchemy as sa"


def test_the_environment_is_read_only_by_the_settings() -> None:
    found = [name for name, text in outside("oracle/settings") if re.search(r"\bos\.(environ|getenv)\b", text)]
    assert not found, f"read by {', '.join(found)}"


@pytest.mark.parametrize("name", ["setup", "demo", "test", "check", "generate", "audit"])
def test_scripts_are_executable_plain_sh(name: str) -> None:
    script = ROOT / "scripts" / name
    assert os.access(script, os.X_OK), f"chmod +x scripts/{name}"
    assert script.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", script], check=True)


def test_ci_runs_scripts_test() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "scripts/test" in (ROOT / ".ci" / "run").read_text()


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [f"{name}: {match[0]}" for name, text in texts() for match in MACHINES.finditer(text)]
    assert not found, "\n".join(found)


def test_no_file_is_longer_than_one_reads() -> None:
    lengths = {name: text.count("\n") for name, text in texts() if not name.startswith(GENERATED)}
    long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    found = [f"{name} has {lines} lines: split it, or say in LONG why not" for name, lines in long.items()]
    assert set(long) == set(LONG), "\n".join(found) or f"no longer long: {set(LONG) - set(long)}"


def project() -> dict[str, list[str]]:
    """What pyproject.toml asks for, by group."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"runtime": told["dependencies"], **told["optional-dependencies"]}


@pytest.mark.parametrize("requirement", [line for group in project().values() for line in group])
def test_python_requirement_is_pinned_and_locked(requirement: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+(\[[a-z]+\])?==[0-9][0-9a-z.]*", requirement), "pin it exactly: name==version"
    locked = (ROOT / "requirements.lock").read_text()
    name = re.sub(r"\[.*\]", "", requirement)
    assert re.search(rf"^{re.escape(name)}\b", locked, re.MULTILINE), "run scripts/generate lock"


def test_every_locked_python_package_has_hashes() -> None:
    entries = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text())[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_npm_packages_are_pinned_and_locked_without_hosts() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, version in {**wanted["devDependencies"], **wanted["optionalDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version, f"{name} is not pinned exactly"
    assert [name for name, entry in locked.items() if "resolved" in entry] == []
    assert [name for name, entry in locked.items() if name and "integrity" not in entry] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(file.name[:4]) for file in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
