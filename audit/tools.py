"""The audit's own programs, where they cannot disturb the project: slither asks for an older web3 than the oracle."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from audit.workspace import NODE, ROOT, STATE, run, say

SLITHER = "slither-analyzer==0.11.6"
HALMOS = ("halmos==0.3.3", "bitwuzla==0.9.1", "cvc5==1.4.2")
FORGE = "@foundry-rs/forge-linux-amd64@1.7.1"
NPM = ROOT / ".venv" / "node" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def slither() -> Path:
    """Slither's program, installed if it is not there."""
    return _venv("slither", SLITHER) / "bin" / "slither"


def halmos() -> Path:
    """Halmos' environment, with the solver that it is run with."""
    return _venv("halmos", *HALMOS)


def forge() -> Path:
    """Forge's program, a binary that needs nothing else."""
    folder = STATE / "tools" / "forge"
    if not _is_ready(folder, FORGE):
        folder.mkdir(parents=True, exist_ok=True)
        say(f"audit: installing {FORGE}")
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _succeed(NODE, NPM, "install", "--prefix", folder, FORGE, *quiet, log="install-forge")
        _mark(folder, FORGE)
    return folder / "node_modules" / "@foundry-rs" / "forge-linux-amd64" / "bin" / "forge"


def _venv(name: str, *packages: str) -> Path:
    folder = STATE / "tools" / name
    wanted = " ".join(packages)
    if not _is_ready(folder, wanted):
        say(f"audit: installing {wanted}")
        shutil.rmtree(folder, ignore_errors=True)
        _succeed(sys.executable, "-m", "venv", folder, log=f"install-{name}")
        _succeed(
            folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *packages, log=f"install-{name}"
        )
        _mark(folder, wanted)
    return folder


def _is_ready(folder: Path, wanted: str) -> bool:
    stamp = folder / "stamp"
    return stamp.exists() and stamp.read_text() == f"{wanted} {folder}"


def _mark(folder: Path, wanted: str) -> None:
    """An environment holds its own path: a folder that moved is not ready."""
    (folder / "stamp").write_text(f"{wanted} {folder}")


def _succeed(*command: str | Path, log: str) -> None:
    done = run(*command, log=log)
    if done.code != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.output[-2000:]}")


@cache
def versions() -> dict[str, str]:
    """What the figures were made with."""
    packages = (ROOT / "package.json").read_text()
    found = {name: re.search(rf'"{name}": "([^"]+)"', packages) for name in ("solc", "hardhat")}
    node = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    return {name: one[1] for name, one in found.items() if one} | {"node": node.removeprefix("v")}
