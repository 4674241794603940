"""What it costs a node to know whom to probe when: memory, time and store for 1,000 to 100,000 mirrors in one slot.

Everything is done that a slot of five minutes takes besides the probing itself: 300 ticks that look for what is due,
and for every shard its members, all that the store knows of them, their questions, and their votes written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import synthetic
from oracle.agenda import Duty, due
from oracle.briefing import Part, brief
from oracle.model import Clock, Epoch, FundId, MirrorId, Policy, Reason, Slot, Vote
from oracle.rota import Shard, members_of, rota, span_of
from oracle.schedule import epoch_secret
from oracle.secret import node_secret
from oracle.settings import Settings
from oracle.store import facts
from oracle.store.db import open_store
from oracle.store.record import record_round
from oracle.store.tallies import Asked

SIZES = (1_000, 10_000, 100_000)
EPOCH, SLOTS = Epoch(2), 288
DAY_S = 86_400
FILES = 100
MOST_GROWTH = 11
"""From 10,000 to 100,000 mirrors."""


def main() -> None:
    """Measure each size in a process of its own, print the table, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=list(SIZES))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--fill", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--one", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill or options.one:
        print(json.dumps((filled if options.fill else measured)(options.fill or options.one, options.home)))
        return
    figures = [_in_a_process(size) for size in options.sizes]
    result = {"what": "one slot of 300 seconds, without the probing", "slots": SLOTS, "figures": figures}
    result["growth"] = growth(figures)
    show(result)
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


def _in_a_process(size: int) -> dict[str, Any]:
    """Filled by one process and measured by another, whose memory is all its own."""
    with tempfile.TemporaryDirectory(prefix="mb-") as made:
        for what in ("--fill", "--one"):
            command = [sys.executable, "-m", "benchmarks.schedule", what, str(size), "--home", made]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
    found: dict[str, Any] = json.loads(told)
    return found


def filled(mirrors: int, home: Path) -> int:
    """A store below `home` with so many mirrors, in the second slot of an epoch; gives how many funds."""
    bodies = {f"{number:03}.js": b"%d" % number for number in range(FILES)}
    world = synthetic.World(mirrors, Policy(slots=SLOTS), lambda number: f"http://mirror-{number}.example", bodies)
    clock = Clock(int(time.time()) - EPOCH * DAY_S - DAY_S // SLOTS, DAY_S, 600, 600)
    synthetic.fill(open_store(_settings(home).store_url()), clock, world, EPOCH)
    return len(world.funds)


def _settings(home: Path) -> Settings:
    return Settings(home=home, node_name=synthetic.NODE)


def measured(mirrors: int, home: Path, every_s: int = 1) -> dict[str, Any]:
    """The figures of a store that was filled; with a tick only `every_s` seconds, for who has no time."""
    settings = _settings(home)
    engine = open_store(settings.store_url())
    clock, slot = facts.get_clock(engine), Slot(1)
    assert clock is not None  # noqa: S101
    before = _store_bytes(engine)
    resident = _resident_kb()
    ticks_s, duties = _ticks(engine, settings, clock, slot, every_s)
    shards_s, votes, questions = _shards(engine, settings, clock, duties)
    peak = _peak_kb()
    after, funds = _store_bytes(engine), votes - mirrors
    return {
        "mirrors": mirrors,
        "funds": funds,
        "tasks": len(duties),
        "votes": votes,
        "questions": questions,
        "ticks_s": round(ticks_s, 2),
        "shards_s": round(shards_s, 2),
        "plan_s": round(ticks_s + shards_s, 2),
        "plan_us_a_mirror": round(1e6 * (ticks_s + shards_s) / mirrors),
        "memory_mb": round((peak - resident) / 1024, 1),
        "memory_bytes_a_mirror": round(1024 * (peak - resident) / mirrors),
        "store_bytes_a_vote": round((after - before) / votes, 1),
        "store_mb_a_day": round((after - before) / votes * SLOTS * (mirrors + funds) / 1e6),
    }


def _ticks(engine: sa.Engine, settings: Settings, clock: Clock, slot: Slot, every_s: int) -> tuple[float, list[Duty]]:
    """CPU seconds of the 300 ticks of a slot, and the measuring that they sent, each once."""
    begin_s = clock.start_s(EPOCH) + slot * DAY_S // SLOTS
    sent: dict[str, Duty] = {}
    began = time.process_time()
    for second in range(0, DAY_S // SLOTS, every_s):
        for duty in due(engine, settings, begin_s + second):
            if duty.task == "measure" and duty.args[1] == slot:
                sent.setdefault(duty.key, duty)
    return time.process_time() - began, list(sent.values())


def _shards(engine: sa.Engine, settings: Settings, clock: Clock, duties: list[Duty]) -> tuple[float, int, int]:
    """CPU seconds of all that a shard takes besides probing; how many votes were written, and questions made."""
    rng, votes, questions = random.Random(1), 0, 0  # noqa: S311
    began = time.process_time()
    for duty in duties:
        shard = Shard.of(*(int(part) for part in duty.args))
        parts = list(_briefed(engine, settings, clock, shard))
        cast = [vote for part in parts for vote in _votes(part, shard, rng)]
        questions += sum(len(target.questions) for part in parts for target in part.targets)
        asked = [(FundId(vote.fund), Asked(MirrorId(vote.mirror), 1, 20_000)) for vote in cast]
        votes += record_round(engine, settings.node_name, shard.epoch, cast, asked)
    return time.process_time() - began, votes, questions


def _briefed(engine: sa.Engine, settings: Settings, clock: Clock, shard: Shard) -> Iterator[Part]:
    of = rota(engine, settings.committee, shard.epoch)
    members = members_of(of, shard, epoch_secret(node_secret(settings.home), shard.epoch), clock)
    span = span_of(clock, shard.epoch, shard.slot, shard.grid, shard.slice)
    return brief(engine, settings, clock, of, shard, span, members)


def _votes(part: Part, shard: Shard, rng: random.Random) -> Iterator[Vote]:
    """As they usually are: nearly all up."""
    for target in part.targets:
        vote = Vote(target.fund, target.mirror, shard.epoch, shard.slot, Reason.UP, path=target.questions[0].shown)
        if rng.random() < 0.02:
            yield replace(vote, reason=Reason.TIMEOUT, detail="no connection within 5000 ms")
        else:
            yield replace(vote, latency_ms=rng.randrange(20, 900), address="203.0.113.77", rtt_us=rng.randrange(90_000))


def _store_bytes(engine: sa.Engine) -> int:
    """The size of the store's file with everything written back to it."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()
    return Path(str(engine.url.database)).stat().st_size


def _resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _peak_kb() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])


def growth(figures: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """How many times as much each size takes as the one before."""
    found = {}
    for less, more in pairwise(figures):
        names = ("mirrors", "plan_s", "memory_mb", "store_mb_a_day")
        times = {name: round(more[name] / max(0.01, less[name]), 2) for name in names}
        found[f"{less['mirrors']} to {more['mirrors']}"] = times
    return found


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    print(result["what"])
    for one in result["figures"]:
        print(
            f"  {one['mirrors']:7} mirrors: {one['plan_s']:7.2f} s of CPU ({one['plan_us_a_mirror']} us a mirror), "
            f"{one['memory_mb']:6.1f} MB ({one['memory_bytes_a_mirror']} bytes a mirror), "
            f"{one['store_bytes_a_vote']} bytes a vote, {one['store_mb_a_day']} MB a day"
        )
    for name, times in result["growth"].items():
        print(f"  from {name}: " + ", ".join(f"{what} {many} times" for what, many in times.items()))


if __name__ == "__main__":
    main()
