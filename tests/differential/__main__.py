"""python -m tests.differential N [--seed S] [--processes P] [--json]: N random sequences, of the seeds S, S + 1, ...

Exits with 1 if the contracts and the model differ anywhere; one sequence is played again with its seed and N = 1.
Sequences are independent: what was stopped goes on with the seed that it said is next.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from tests.differential.campaign import Tally, play_in_processes

SECONDS_BETWEEN_LINES = 10


def main() -> int:
    """Plays, says every few seconds how far it is, and in the end what was done and found."""
    told = _arguments()
    tally, started, said = Tally(), time.monotonic(), 0.0
    for done in play_in_processes(range(told.seed, told.seed + told.count), told.processes):
        tally.add(done)
        for difference in done.differences:
            print(difference, file=sys.stderr, flush=True)
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print(_progress(tally, told, said - started), file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    print(json.dumps(tally.to_json() | {"seconds": round(seconds)}) if told.json else _text(tally, seconds))
    return 1 if tally.differences else 0


def _progress(tally: Tally, told: argparse.Namespace, seconds: float) -> str:
    rate = tally.sequences / max(seconds, 1)
    return (
        f"{tally.sequences} of {told.count} sequences, {rate:.1f} a second; next: --seed {told.seed + tally.sequences}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description="Contracts against model.")
    parser.add_argument("count", metavar="N", type=int, help="how many sequences")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="the first one's seed")
    parser.add_argument("--processes", metavar="P", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    return parser.parse_args()


def _text(tally: Tally, seconds: float) -> str:
    actions = [f"  {name:16} {good:7} of {sent:7} calls" for name, (good, sent) in tally.by_action().items()]
    corners = [f"  {name:20} {count:7}" for name, count in sorted(tally.reached.items())]
    share = 100 * tally.succeeded // max(1, tally.calls.total())
    summary = (
        f"{tally.sequences} sequences, {tally.calls.total()} calls, {share} % of them successful, "
        f"{len(tally.differences)} differences, {seconds:.0f} s"
    )
    return "\n".join(("succeeded, by action:", *actions, "reached:", *corners, summary))


if __name__ == "__main__":
    sys.exit(main())
