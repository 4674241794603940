"""The long runs: fuzzing, invariants, the model against the contract, hostile input to the oracle."""

import re
from collections.abc import Callable

from audit.chunks import Chunks, Done
from audit.results import Result
from audit.workspace import NODE, PYTHON, ROOT, Finished, fingerprint, run, sources

HARDHAT = ROOT / "node_modules" / "hardhat" / "dist" / "src" / "cli.js"
SOLIDITY = ("contracts/**/*.sol", "tests/solidity/**/*.sol", "hardhat.config.js")
SEEDS = [f"0x{seed:02x}" for seed in range(0x10, 0x1A)]
FUZZ_RUNS = 2_000
# 10 seeds of 160 runs of 128 calls: 204,800 calls.
INVARIANT_RUNS, INVARIANT_DEPTH = 160, 128
SEQUENCES = 10_000
HOSTILE_INPUTS = 100_000


class Failed(Exception):
    """A campaign found something; the text is the end of what it printed."""


def fuzz(workers: int) -> Result:
    """Each fuzz test with many more values, from ten seeds, on the contracts as they are deployed."""

    def one(seed: str) -> Done:
        env = {"FUZZ_RUNS": str(FUZZ_RUNS), "FUZZ_SEED": seed}
        done = _hardhat("--grep", "testFuzz", "--grep-exclude", "invariant", log=f"fuzz-{seed}", env=env)
        return {"tests": _passed(done)}

    pieces = _seeds("fuzz", one, workers)
    figures = {"fuzz tests": min(piece["tests"] for piece in pieces), "runs of each": FUZZ_RUNS * len(SEEDS)}
    return Result("fuzz", True, figures)


def invariants(workers: int) -> Result:
    """All actors, hostile ones among them, for 200,000 calls."""

    def one(seed: str) -> Done:
        env = {"INVARIANT_RUNS": str(INVARIANT_RUNS), "INVARIANT_DEPTH": str(INVARIANT_DEPTH), "FUZZ_SEED": seed}
        done = _hardhat("--grep", "invariant", log=f"invariants-{seed}", env=env)
        return {"tests": _passed(done), "calls": INVARIANT_RUNS * INVARIANT_DEPTH}

    pieces = _seeds("invariants", one, workers)
    figures = {"invariant tests": pieces[0]["tests"], "calls": sum(piece["calls"] for piece in pieces)}
    return Result("invariants", True, figures)


def differential(workers: int) -> Result:
    """Random sequences through the contract and through a model of the accounting in Python, equal to the wei."""
    return _program("differential", "tests.differential", SEQUENCES, ("tests/differential/**/*.py", *SOLIDITY))


def hostile(workers: int) -> Result:
    """Mutated documents from outside, against everything of the oracle that reads them."""
    return _program("hostile", "tests.hostile.soak", HOSTILE_INPUTS, ("tests/hostile/**/*.py", "oracle/**/*.py"))


def _seeds(part: str, one: Callable[[str], Done], workers: int) -> list[Done]:
    _succeed(run(NODE, HARDHAT, "build", log=f"{part}-build"))
    return Chunks(part, fingerprint(sources(*SOLIDITY), str(FUZZ_RUNS))).run(SEEDS, one, workers)


def _hardhat(*arguments: str, log: str, env: dict[str, str]) -> Finished:
    return _succeed(run(NODE, HARDHAT, "test", "solidity", "--no-compile", *arguments, log=log, env=env))


def _program(part: str, module: str, count: int, files: tuple[str, ...]) -> Result:
    """A module that takes how many to do; the last line it prints says what came of it."""
    done = _succeed(run(PYTHON, "-m", module, str(count), log=part))
    last = [line for line in done.output.splitlines() if line.strip()][-1]
    return Result(part, True, {"count": count, "said": last.strip()}, sources=fingerprint(sources(*files)))


def _succeed(done: Finished) -> Finished:
    if done.code != 0:
        raise Failed("\n".join(done.output.splitlines()[-30:]))
    return done


def _passed(done: Finished) -> int:
    found = re.search(r"(\d+) passing", done.output)
    if not found:
        raise Failed("no test ran")
    return int(found[1])
