"""Tries every mutant that has no verdict yet, the likely killers first."""

import queue
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path

from audit.mutation.ledger import Ledger, Verdict
from audit.mutation.mutants import TARGETS, Mutant, mutants
from audit.mutation.pool import Answer, Worker
from audit.workspace import fingerprint, say, sources

INVARIANTS = "InvariantsTest"
# Fuzz runs, then runs and depth of the invariants: a glance for all, then a longer look at who survived it.
GLANCE = {"fuzz": 8, "runs": 1, "depth": 1, "longest_s": 120.0}
LOOK = {"fuzz": 256, "runs": 1, "depth": 1, "longest_s": 300.0}
CAMPAIGN = {"fuzz": 1, "runs": 8, "depth": 128, "longest_s": 300.0}


class Campaign:
    """One run over a copy of the sources. What is `explained`, by name, is glanced at and not looked at for longer."""

    def __init__(
        self, tree: Path, ledger: Ledger, explained: Collection[tuple[str, str, str]] = (), only: str = ""
    ) -> None:
        self._tree, self._ledger, self._explained = tree, ledger, explained
        self.tests = fingerprint(sources("tests/solidity/**/*.sol", "audit/mutation/worker.mjs"))
        with Worker(tree) as worker:
            files = worker.trees(list(TARGETS))
            self.texts = {name: str(files[name]["text"]) for name in TARGETS}
            self.mutants = [one for name in TARGETS for one in mutants(name, self.texts[name], files[name]["tree"])]
            self.mutants = [one for one in self.mutants if only in str(one)]
            self._suites = [name for name in worker.suites() if name != INVARIANTS]
            self.known = worker.failures([{**GLANCE, "suites": self._suites}])
        self._kills: dict[str, Counter[str]] = defaultdict(Counter)
        self._lock = threading.Lock()

    def open(self, glances: bool) -> list[Mutant]:
        """The mutants that have no verdict that stands, or none yet from more than a glance."""
        found = ((one, self._ledger.get(one.key)) for one in self.mutants)
        return [one for one, verdict in found if not verdict or not self._stands(one, verdict, glances)]

    def _stands(self, mutant: Mutant, verdict: Verdict, glances: bool) -> bool:
        return verdict.stands(self.tests, glances or mutant.name in self._explained)

    def run(self, workers: int, until: float) -> None:
        """Tries what is open; nothing new is begun after `until` (of the monotonic clock)."""
        say(f"mutation: {len(self.mutants)} mutants; {len(self.known)} tests fail without any")
        for glances in (True, False):
            todo: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
            for one in self.open(glances):
                todo.put(one)
            say(f"mutation: {todo.qsize()} to {'glance at' if glances else 'look at for longer'}")
            threads = [threading.Thread(target=self._work, args=(todo, glances, until)) for _ in range(workers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _work(self, todo: "queue.SimpleQueue[Mutant]", glances: bool, until: float) -> None:
        with Worker(self._tree) as worker:
            while time.monotonic() < until:
                try:
                    one = todo.get_nowait()
                except queue.Empty:
                    return
                stages = self._stages(one, glances)
                answer = worker.attempt(one, self.texts[one.file], TARGETS[one.file], stages, self.known)
                self._note(one, answer, glances, todo.qsize())

    def _stages(self, mutant: Mutant, glances: bool) -> list[Answer]:
        """Suites that have killed something of the same function first, then those of the same contract."""
        contract = TARGETS[mutant.file][1]
        with self._lock:
            kills, others = self._kills[mutant.scope].copy(), self._kills[contract].copy()
        names = sorted(self._suites, key=lambda name: (-kills[name], not name.startswith(contract), -others[name]))
        longer = [{**LOOK, "suites": names}, {**CAMPAIGN, "suites": [INVARIANTS]}]
        return [{**GLANCE, "suites": names}] if glances else longer

    def _note(self, mutant: Mutant, answer: Answer, glances: bool, left: int) -> None:
        by = answer.get("by", {"suite": "", "name": "", "reason": answer.get("why", "")})
        name = f"{by['suite']}.{by['name']}" if by["suite"] else by["name"]
        with self._lock:
            verdict = Verdict(mutant.key, answer["verdict"], self.tests, glances, name, by["reason"] or "")
            self._ledger.add(verdict)
            for scope in (mutant.scope, TARGETS[mutant.file][1]):
                self._kills[scope][by["suite"]] += 1
        if verdict.verdict == "survived":
            say(f"mutation: {'not killed at a glance' if glances else 'survived'}: {mutant}")
        if left % 50 == 0:
            say(f"mutation: {left} to go")
