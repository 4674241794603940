"""The long runs: fuzzing, invariants, the model against the contract, hostile servers against the prober."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from audit.chunks import Chunks, Done
from audit.results import Result
from audit.workspace import NODE, PYTHON, ROOT, Finished, fingerprint, run, sources

HARDHAT = ROOT / "node_modules" / "hardhat" / "dist" / "src" / "cli.js"
CONTRACTS = ("contracts/**/*.sol", "hardhat.config.js")
FUZZED = (*CONTRACTS, "tests/solidity/*.sol", "tests/solidity/actors/*.sol")
DRIVEN = (
    *CONTRACTS,
    "tests/solidity/Fixture.sol",
    "tests/solidity/Invariants.t.sol",
    "tests/solidity/TestBase.sol",
    "tests/solidity/actors/*.sol",
    "tests/solidity/invariants/*.sol",
)
SEEDS = [f"0x{seed:02x}" for seed in range(0x10, 0x1A)]
FUZZ_RUNS = 2_000
# 10 seeds of 40 runs of 500 calls: 200,000 calls, in runs long enough to count what each handler did in them.
INVARIANT_RUNS, INVARIANT_DEPTH = 40, 500
SEQUENCES, PIECES = 10_000, 10
HOSTILE_PROBES = 100_000


class Failed(Exception):
    """A campaign found something; the text is the end of what it printed."""


def fuzz(workers: int) -> Result:
    """Each fuzz test with many more values, from ten seeds, on the contracts as they are deployed."""

    def one(seed: str) -> Done:
        env = {"FUZZ_RUNS": str(FUZZ_RUNS), "FUZZ_SEED": seed}
        done = _hardhat("--grep", "testFuzz", "--grep-exclude", "invariant", log=f"fuzz-{seed}", env=env)
        return {"tests": _passed(done)}

    pieces = _seeds("fuzz", FUZZED, one, workers)
    figures = {"fuzz tests": min(piece["tests"] for piece in pieces), "runs of each": FUZZ_RUNS * len(SEEDS)}
    return Result("fuzz", True, figures)


def invariants(workers: int) -> Result:
    """All actors, hostile ones among them, for 200,000 calls: no counterexample, and every handler did something."""

    def one(seed: str) -> Done:
        counters = f"cache/invariants-{seed}.txt"
        (ROOT / counters).unlink(missing_ok=True)
        runs = {"INVARIANT_RUNS": str(INVARIANT_RUNS), "INVARIANT_DEPTH": str(INVARIANT_DEPTH)}
        env = {**runs, "FUZZ_SEED": seed, "INVARIANT_COUNTERS": counters}
        done = _hardhat("--grep", "invariant", log=f"invariants-{seed}", env=env)
        return {"tests": _passed(done), "handlers": counted((ROOT / counters).read_text())}

    handlers: Counter[str] = Counter()
    successes: Counter[str] = Counter()
    for piece in (pieces := _seeds("invariants", DRIVEN, one, workers)):
        handlers.update({name: calls for name, (calls, _) in piece["handlers"].items()})
        successes.update({name: done for name, (_, done) in piece["handlers"].items()})
    each = {name: f"{successes[name]} of {calls}" for name, calls in sorted(handlers.items())}
    figures = {"invariant tests": pieces[0]["tests"], "calls": handlers.total(), **each}
    rarely = rare(handlers, successes)
    return Result("invariants", not rarely, figures, rarely)


def rare(calls: Mapping[str, int], successes: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for each handler that did what it is named for in less than a third of its calls."""
    return tuple(
        f"{name} did what it is named for in {successes.get(name, 0)} of {called} calls"
        for name, called in sorted(calls.items())
        if 3 * successes.get(name, 0) < called
    )


def counted(lines: str) -> dict[str, tuple[int, int]]:
    """Calls of each handler and those that did what it is named for, from lines "name calls successes"."""
    calls: Counter[str] = Counter()
    successes: Counter[str] = Counter()
    for line in lines.splitlines():
        name, called, succeeded = line.split()
        calls[name] += int(called)
        successes[name] += int(succeeded)
    return {name: (calls[name], successes[name]) for name in calls}


def differential(workers: int) -> Result:
    """Random sequences through the contract and through a model of the accounting in Python, equal to the wei."""

    def one(first: str) -> Done:
        told = _program("differential", SEQUENCES // PIECES, "--seed", first, "--processes", "1", log=f"-{first}")
        return {name: told[name] for name in ("sequences", "calls", "succeeded")}

    seeds = [str(piece * SEQUENCES // PIECES) for piece in range(PIECES)]
    chunks = Chunks("differential", fingerprint(sources("tests/differential/**/*.py", *CONTRACTS)))
    pieces = chunks.run(seeds, one, workers)
    totals = {name: sum(piece[name] for piece in pieces) for name in ("sequences", "calls", "succeeded")}
    return Result("differential", True, {**totals, "differences": 0})


def hostile(workers: int) -> Result:
    """Probes of servers that do everything to a prober but answer. In one go: what it looks for is growth."""
    told = _program("hostile.soak", HOSTILE_PROBES)
    figures = {name: value for name, value in told.items() if isinstance(value, int | float | str)}
    return Result("hostile", True, {name: str(value) for name, value in figures.items()})


def _seeds(part: str, patterns: tuple[str, ...], one: Callable[[str], Done], workers: int) -> list[Done]:
    """A piece for each seed; `patterns` are the files that decide what it finds."""
    _succeed(run(NODE, HARDHAT, "build", log=f"{part}-build"))
    return Chunks(part, fingerprint(sources(*patterns), str(FUZZ_RUNS))).run(SEEDS, one, workers)


def _hardhat(*arguments: str, log: str, env: dict[str, str]) -> Finished:
    return _succeed(run(NODE, HARDHAT, "test", "solidity", "--no-compile", *arguments, log=log, env=env))


def _program(module: str, count: int, *options: str, log: str = "") -> dict[str, Any]:
    """A module of the tests that takes how many to do, and what it prints as JSON."""
    done = _succeed(run(PYTHON, "-m", f"tests.{module}", str(count), *options, "--json", log=f"{module}{log}"))
    return told_by(done.output)


def told_by(output: str) -> dict[str, Any]:
    """The JSON object that ends what a program printed."""
    lines = output.splitlines()
    first = max((number for number, line in enumerate(lines) if line.startswith("{")), default=0)
    told: dict[str, Any] = json.loads("\n".join(lines[first:]))
    return told


def _succeed(done: Finished) -> Finished:
    if done.code != 0:
        raise Failed("\n".join(done.output.splitlines()[-30:]))
    return done


def _passed(done: Finished) -> int:
    found = re.search(r"(\d+) passing", done.output)
    if not found:
        raise Failed("no test ran")
    return int(found[1])
