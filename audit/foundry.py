"""A copy of the sources as a project of forge's, for coverage and for halmos."""

import os
import shutil
from pathlib import Path

from audit import tools
from audit.workspace import ROOT, STATE, Finished, run, snapshot

ENVIRONMENT = {
    "FOUNDRY_SOLC": str(ROOT / "audit" / "solc.cjs"),
    "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
    "FOUNDRY_CODE_SIZE_LIMIT": "1000000",  # a test deploys its actors
}


def project(name: str) -> Path:
    """A fresh copy in the state folder; what forge compiled there before is kept."""
    tree = snapshot(STATE / name / "new")
    kept = STATE / name / "project"
    kept.mkdir(parents=True, exist_ok=True)
    for folder in ("contracts", "tests"):
        shutil.rmtree(kept / folder, ignore_errors=True)
        shutil.move(tree / folder, kept / folder)
    shutil.copy(ROOT / "audit" / "foundry.toml", kept)
    if not (kept / "node_modules").is_symlink():
        (kept / "node_modules").symlink_to(ROOT / "node_modules")
    return kept


def forge(tree: Path, *arguments: str | Path, log: str) -> Finished:
    """Runs forge in a project."""
    return run(tools.forge(), *arguments, log=log, cwd=tree, env=ENVIRONMENT)


def environment() -> dict[str, str]:
    """For programs that look for forge on their path."""
    path = f"{tools.forge().parent}{os.pathsep}{os.environ['PATH']}"
    return {**ENVIRONMENT, "PATH": path}
