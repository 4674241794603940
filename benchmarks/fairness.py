"""How near the measured availability is to the true one: epochs of known truth through the real merge and weights.

    python -m benchmarks.fairness                 # the tables
    python -m benchmarks.fairness --json          # the same for machines
    python -m benchmarks.fairness --write docs    # docs/fairness.json, the plot and the tables of docs/weights.md

Every mirror has a timeline of its own: up and down for exponentially distributed times, with a given share up and a
given mean outage. Each node asks it once a slot, at a random moment of the part of the slot in which probes start, and
may fail to hear an answer that was there. What comes out of `merge` and `weigh` is compared with the share of the
epoch's seconds in which the mirror really was up.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fairness_plot import plot
from oracle.merge import merge
from oracle.model import (
    FULL_BPS,
    ONE,
    PRIMARY,
    Address,
    Bundle,
    CommitteeId,
    Epoch,
    FundId,
    FundResult,
    MirrorId,
    Observation,
    Place,
    Policy,
    RankedMirror,
    Reason,
)
from oracle.schedule import spread_ms
from oracle.weights import rank, weigh

EPOCH_S, SLOTS = 86_400, 288
SLOT_S = EPOCH_S / SLOTS
SPREAD_S = spread_ms(int(SLOT_S * 1_000), Policy().timeout_ms) / 1_000
"""In so much of each slot probes start."""
FUND, EPOCH, COMMITTEE = FundId(1), Epoch(0), CommitteeId(1)
MINUTE, HOUR = 60, 3_600

Times = list[float]
"""When a mirror changes between up and down, beginning with up at 0."""


@dataclass(frozen=True)
class Node:
    """How one node sees: the share of answers it does not hear, and when (from, to in seconds) it is off, or cut off
    from every mirror without knowing."""

    deaf: float = 0.001
    off: tuple[float, float] = (0, 0)
    cut_off: tuple[float, float] = (0, 0)


@dataclass(frozen=True)
class Scenario:
    """Mirrors of one kind, seen by one committee."""

    group: str
    name: str
    nodes: tuple[Node, ...]
    quorum: int
    timeline: Callable[[random.Random], Times]
    x: float = 0
    """Where it stands in its plot."""


def renewal(up: float, outage_s: float) -> Callable[[random.Random], Times]:
    """Timelines of mirrors that are up this share of the time, down for `outage_s` on average each time."""

    def drawn(rng: random.Random) -> Times:
        lengths = (outage_s * up / (1 - up), outage_s)
        now, is_up, times = 0.0, rng.random() < up, []
        if not is_up:
            times.append(0.0)
        while now < EPOCH_S:
            now += rng.expovariate(1 / lengths[not is_up])
            is_up = not is_up
            times.append(now)
        return times

    return drawn


def always(_rng: random.Random) -> Times:
    """Never down."""
    return []


def outside_the_spread(_rng: random.Random) -> Times:
    """Down whenever no probe can start: an operator who reads our source can tell."""
    return [time for slot in range(SLOTS) for time in (slot * SLOT_S + SPREAD_S, (slot + 1) * SLOT_S)]


ONE_NODE, FOUR = (Node(),), (Node(),) * 4
COMMITTEES = {"1 of 1": (ONE_NODE, 1), "3 of 4": (FOUR, 3)}
OUTAGES_S = (15, 30, MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR)
DEAF = (0.0, 0.005, 0.01, 0.02, 0.05)
RACES = (
    *((0.95, 0.995, outage_s) for outage_s in (MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR)),
    (0.98, 0.995, 10 * MINUTE),
    (0.995, 0.995, 10 * MINUTE),
    (0.995, 0.995, 2 * HOUR),
    *((0.95, 0.95, outage_s) for outage_s in (MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR)),
    (0.995, 0.95, 10 * MINUTE),
)
"""How much of the time the one above is up and the one below, and for how long they are down each time."""
MOST_EPOCHS = 10
MARK = "<!-- fairness: made by python -m benchmarks.fairness --write docs -->"


def scenarios() -> Iterator[Scenario]:
    """All that is simulated."""
    for who, (nodes, quorum) in COMMITTEES.items():
        for up in (0.95, 0.99):
            for outage_s in OUTAGES_S:
                name = f"up {up:.0%}, outages of {_duration(outage_s)}"
                yield Scenario(f"{who}, up {up:.0%}", name, nodes, quorum, renewal(up, outage_s), outage_s)
    for who, (nodes, quorum) in COMMITTEES.items():
        for deaf in DEAF:
            heard = tuple(Node(deaf) for _ in nodes)
            yield Scenario(f"{who}, always up", f"{deaf:.1%} of answers not heard", heard, quorum, always, deaf)
    long = renewal(0.99, 10 * MINUTE)
    for name, nodes in (
        ("one node off for 6 h", (Node(off=(0, 6 * HOUR)), *FOUR[1:])),
        ("two nodes off for 6 h", (Node(off=(0, 6 * HOUR)),) * 2 + FOUR[2:]),
        ("one node deaf to 20 %", (Node(0.2), *FOUR[1:])),
        ("one node cut off for 6 h", (Node(cut_off=(0, 6 * HOUR)), *FOUR[1:])),
        ("two nodes cut off for 1 h", (Node(cut_off=(0, HOUR)),) * 2 + FOUR[2:]),
    ):
        yield Scenario("3 of 4, views differ", name, nodes, 3, long)
    yield Scenario("3 of 4, gaming", "down while no probe starts", FOUR, 3, outside_the_spread)


# -------------------------------------------------------------------------------------------------- one simulation


def is_up(times: Times, at_s: float) -> bool:
    """Whether a mirror with this timeline is up at a moment."""
    return bisect_right(times, at_s) % 2 == 0


def truth(times: Times) -> float:
    """The share of the epoch in which it is up."""
    edges = [0.0, *(min(time, EPOCH_S) for time in times), EPOCH_S]
    return sum(end - start for start, end in zip(edges[::2], edges[1::2], strict=False)) / EPOCH_S


def seen_by(node: Node, times: Times, rng: random.Random) -> tuple[Reason, ...]:
    """What a node says of a mirror, slot by slot."""
    found = []
    for slot in range(SLOTS):
        at_s = slot * SLOT_S + rng.random() * SPREAD_S
        if node.off[0] <= at_s < node.off[1]:
            found.append(Reason.NOT_MEASURED)
        elif node.cut_off[0] <= at_s < node.cut_off[1] or not is_up(times, at_s) or rng.random() < node.deaf:
            found.append(Reason.TIMEOUT)
        else:
            found.append(Reason.UP)
    return tuple(found)


def measured(scenario: Scenario, timelines: Sequence[Times], rng: random.Random) -> list[float]:
    """The weights of mirrors with these timelines, as parts of one."""
    ranks = rank([], [(MirrorId(i + 1), i, _account(i), f"http://{i}.example") for i in range(len(timelines))])
    result = epoch_of(scenario.nodes, scenario.quorum, timelines, ranks, rng)
    return [weight.weight / ONE for weight in result.weights]


def epoch_of(
    nodes: Sequence[Node], quorum: int, timelines: Sequence[Times], ranks: Sequence[RankedMirror], rng: random.Random
) -> FundResult:
    """One epoch of mirrors 1, 2, ... with these timelines, each of its own operator and network and paid in full."""
    bundles = []
    for number, node in enumerate(nodes):
        seen = [Observation(PRIMARY, (Reason.UP,) * SLOTS, None, ())]
        seen += [
            Observation(MirrorId(i), seen_by(node, times, rng), 50, (_place(i),))
            for i, times in enumerate(timelines, 1)
        ]
        bundles.append(Bundle(COMMITTEE, EPOCH, _account(number), {FUND: tuple(seen)}))
    merged = merge(bundles, FUND, quorum, len(bundles))
    policy = Policy(slots=SLOTS, untested_bps=FULL_BPS)
    return weigh(FUND, EPOCH, policy, len(timelines), ranks, merged)


def simulate(scenario: Scenario, mirrors: int, seed: int) -> dict[str, Any]:
    """One scenario's figures, in percent of the epoch: truth, what was measured, bias and errors."""
    rng = random.Random(f"{seed}/{scenario.group}/{scenario.name}")  # noqa: S311 - a simulation
    timelines = [scenario.timeline(rng) for _ in range(mirrors)]
    true = [100 * truth(times) for times in timelines]
    found = [100 * share for share in measured(scenario, timelines, rng)]
    errors = [mine - real for mine, real in zip(found, true, strict=True)]
    return {
        "group": scenario.group,
        "name": scenario.name,
        "x": scenario.x,
        "true": _rounded(statistics.fmean(true)),
        "measured": _rounded(statistics.fmean(found)),
        "bias": _rounded(statistics.fmean(errors)),
        "deviation": _rounded(statistics.pstdev(errors)),
        "worst": _rounded(max(errors, key=abs)),
    }


def _rounded(value: float) -> float:
    return round(value, 3) + 0.0


def _place(number: int) -> Place:
    return Place(f"10.{number >> 8}.{number & 255}.1", f"10.{number >> 8}.{number & 255}.0/24", number, "DE")


def _account(number: int) -> Address:
    return Address(f"0x{number:040x}")


def _duration(seconds: float) -> str:
    for unit, name in ((HOUR, "h"), (MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:g} s"


def race(above: float, below: float, outage_s: float, pairs: int, seed: int) -> dict[str, Any]:
    """In how many of so many pairs of mirrors the one below, up so much of the time, passes the one above within ten
    epochs, and after how many of them on average."""
    rng = random.Random(f"{seed}/{above}/{below}/{outage_s}")  # noqa: S311 - a simulation
    passed = [epochs for _ in range(pairs) if (epochs := _passed_after(above, below, outage_s, rng))]
    return {
        "above": above,
        "below": below,
        "outage_s": outage_s,
        "passed": _rounded(100 * len(passed) / pairs),
        "after": _rounded(statistics.fmean(passed)) if passed else None,
    }


def _passed_after(above: float, below: float, outage_s: float, rng: random.Random) -> int:
    """0 if it does not pass."""
    ranks = rank([], [(MirrorId(i), i, _account(i), f"http://{i}.example") for i in (1, 2)])
    for epoch in range(1, MOST_EPOCHS + 1):
        timelines = [renewal(up, outage_s)(rng) for up in (above, below)]
        ranks = epoch_of(FOUR, 3, timelines, ranks, rng).ranks
        if ranks[0].mirror == 2:
            return epoch
    return 0


# ------------------------------------------------------------------------------------------------------ what is shown


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The figures as a table in Markdown, in points of a hundred."""
    head = "| committee | mirrors | true | measured | bias | deviation | worst |\n|---|---|---:|---:|---:|---:|---:|\n"
    return head + "".join(
        f"| {row['group']} | {row['name']} | {row['true']:.2f} | {row['measured']:.2f} "
        f"| {row['bias']:+.2f} | {row['deviation']:.2f} | {row['worst']:+.2f} |\n"
        for row in rows
    )


def race_table(rows: Sequence[dict[str, Any]]) -> str:
    """Who passes whom, as a table in Markdown."""
    head = "| above is up | below is up | outages of | passed within ten epochs | on average after |\n"
    return f"{head}|---:|---:|---|---:|---:|\n" + "".join(
        f"| {row['above']:.1%} | {row['below']:.1%} | {_duration(row['outage_s'])} | {row['passed']:.0f} % "
        f"| {'never' if row['after'] is None else format(row['after'], '.1f') + ' epochs'} |\n"
        for row in rows
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mirrors", type=int, default=100, help="simulated mirrors of each kind (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="of all randomness (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write fairness.json, fairness.svg, tables")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    rows = [simulate(scenario, given.mirrors, given.seed) for scenario in scenarios()]
    races = [race(*pair, given.mirrors // 2, given.seed) for pair in RACES]
    result = {"seed": given.seed, "mirrors": given.mirrors, "slots": SLOTS, "rows": rows, "races": races}
    print(_lines(result) if given.json else f"{table(rows)}\n{race_table(races)}")
    print(f"{len(rows)} kinds of {given.mirrors} mirrors in {time.monotonic() - started:.1f} s", file=sys.stderr)
    if given.write:
        (given.write / "fairness.json").write_text(_lines(result))
        write_documents(result, given.write)


def _lines(result: dict[str, Any]) -> str:
    """JSON with a line for each row."""
    fields = []
    for key, value in result.items():
        inner = ",\n  ".join(json.dumps(row) for row in value) if isinstance(value, list) else ""
        fields.append(f' "{key}": [\n  {inner}\n ]' if inner else f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(fields) + "\n}\n"


def write_documents(result: dict[str, Any], folder: Path) -> None:
    """Write fairness.svg, and the tables into weights.md where it has their place."""
    (folder / "fairness.svg").write_text(plot(result["rows"]))
    page = folder / "weights.md"
    if page.exists():
        before, mark, rest = page.read_text().partition(MARK)
        _, end, after = rest.partition("<!-- end -->")
        page.write_text(f"{before}{mark}\n\n{table(result['rows'])}\n{race_table(result['races'])}\n{end}{after}")


if __name__ == "__main__":
    main()
