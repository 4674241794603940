"""Where the audit keeps things, and how it runs programs there."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATE = ROOT / ".state" / "audit"
NODE = ROOT / ".venv" / "node" / "bin" / "node"
PYTHON = ROOT / ".venv" / "bin" / "python"


@dataclass(frozen=True)
class Finished:
    """A program that ended: its exit code, what it printed, how long it took."""

    code: int
    output: str
    seconds: float


def run(
    *command: str | Path, log: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, timeout: float | None = None
) -> Finished:
    """Runs a program to its end; what it prints goes to `log` in the state folder as it comes.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout` seconds, and was stopped.
    """
    file = STATE / "logs" / f"{log}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with file.open("w") as out:
        done = subprocess.run(  # noqa: S603  the audit's own commands
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    return Finished(done.returncode, file.read_text(errors="replace"), time.monotonic() - started)


def sources(*patterns: str) -> list[Path]:
    """The files that fit any of the patterns, in order."""
    return sorted({file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()})


def fingerprint(files: Iterable[Path], *more: str) -> str:
    """A short digest of files and texts: what was run for one fingerprint holds for it."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    total.update("\0".join(more).encode())
    return total.hexdigest()[:16]


def snapshot(destination: Path) -> Path:
    """A fresh copy of the contracts and what tests them, so that a long run sees one state of them."""
    shutil.rmtree(destination, ignore_errors=True)
    for folder in ("contracts", "tests/solidity", "tests/golden"):
        shutil.copytree(ROOT / folder, destination / folder)
    return destination


def say(text: str) -> None:
    """A line of progress."""
    print(text, flush=True)
