"""Many sequences, by seed: what they did together, and what they found."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.differential.sequence import Difference, run

CHUNK = 20
"""How many sequences a process plays before it reports."""


@dataclass
class Tally:
    """What some sequences did; `calls` by action and the error's name, which is empty where it succeeded."""

    sequences: int = 0
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Takes in what other sequences did."""
        self.sequences += other.sequences
        self.calls.update(other.calls)
        self.reached.update(other.reached)
        self.differences += other.differences

    @property
    def succeeded(self) -> int:
        """How many calls succeeded."""
        return sum(count for (_, error), count in self.calls.items() if not error)

    def by_action(self) -> dict[str, tuple[int, int]]:
        """For each action how many calls succeeded, of how many."""
        names = sorted({name for name, _ in self.calls})
        return {name: (self.calls[name, ""], self._total(name)) for name in names}

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "sequences": self.sequences,
            "calls": self.calls.total(),
            "succeeded": self.succeeded,
            "actions": {name: {"succeeded": good, "sent": sent} for name, (good, sent) in self.by_action().items()},
            "errors": dict(sorted(self._errors().items())),
            "reached": dict(sorted(self.reached.items())),
            "differences": self.differences,
        }

    def _total(self, name: str) -> int:
        return sum(count for (other, _), count in self.calls.items() if other == name)

    def _errors(self) -> Counter[str]:
        errors: Counter[str] = Counter()
        for (_, error), count in self.calls.items():
            errors[error] += count if error else 0
        return +errors


def play(seeds: range) -> Tally:
    """Plays the sequences of these seeds, one after the other; a difference ends its sequence only."""
    tally = Tally()
    for seed in seeds:
        tally.sequences += 1
        try:
            result = run(seed)
        except Difference as difference:
            tally.differences.append(str(difference))
            continue
        tally.calls.update(result.calls)
        tally.reached.update(result.reached)
    return tally


def play_in_processes(seeds: range, processes: int) -> Iterator[Tally]:
    """The same in several processes, some sequences at a time; their tallies in the order of the seeds."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(play, chunks)
