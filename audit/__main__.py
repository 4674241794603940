"""`scripts/audit [PART...] [--json] [--fresh] [--workers N]`: runs what is named, or all, and prints one page."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime

from audit import campaigns, coverage, halmos, slither, tools
from audit.mutation import part as mutation
from audit.results import Result, load, page
from audit.workspace import fingerprint, say, sources

PARTS: dict[str, Callable[[int], Result]] = {
    "slither": lambda workers: slither.audit(),
    "coverage": lambda workers: coverage.audit(),
    "halmos": halmos.audit,
    "fuzz": campaigns.fuzz,
    "invariants": campaigns.invariants,
    "differential": campaigns.differential,
    "hostile": campaigns.hostile,
    "mutation": mutation.audit,
}
SOURCES = (
    "contracts/**/*.sol",
    "tests/solidity/**/*.sol",
    "audit/**/*",
    "tests/differential/**/*.py",
    "tests/hostile/**/*.py",
    "oracle/model.py",
    "oracle/probes/*.py",
    "hardhat.config.js",
)


def main(arguments: list[str]) -> int:
    """Exit code 0 if all that was asked for is ok."""
    asked = _parser().parse_args(arguments)
    unknown = [name for name in asked.parts if name not in PARTS]
    if unknown:
        say(f"audit: no part {unknown[0]!r}; there are {', '.join(PARTS)}")
        return 2
    results = [_part(name, asked.workers, asked.fresh) for name in asked.parts or PARTS]
    say(json.dumps([asdict(one) for one in results], indent=2) if asked.json else page(results))
    return 0 if all(one.ok for one in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/audit", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--fresh", action="store_true", help="run again what was ok for the same sources")
    parser.add_argument("--workers", type=int, default=2, help="how many pieces of work at once (2)")
    return parser


def _part(name: str, workers: int, fresh: bool) -> Result:
    """The last result, if it was ok and nothing has changed; else a new one, which is kept."""
    now = fingerprint(one for one in sources(*SOURCES) if "__pycache__" not in one.parts)
    last = load(name)
    if last and last.ok and last.sources == now and not fresh:
        say(f"{name}: ok for these sources since {last.date}")
        return last
    say(f"{name}: begins")
    started, began = datetime.now(UTC), time.monotonic()
    try:
        found = PARTS[name](workers)
    except (campaigns.Failed, RuntimeError) as error:
        found = Result(name, False, {}, (str(error),))
    date, seconds = started.strftime("%Y-%m-%d"), round(time.monotonic() - began)
    result = replace(found, sources=now, date=date, seconds=seconds, versions={**tools.versions(), **found.versions})
    result.save()
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
