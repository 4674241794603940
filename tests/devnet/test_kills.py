"""Worker, beat, queue and API are killed -9 at random moments of whole demos: every epoch completes all the same.

Who measures is struck again only after it has measured again for as long as it was away: killing what is down already
would prove nothing, and on a busy machine, where it is down for long, it would leave whole epochs unseen.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from oracle.devnet.plan import Plan
from oracle.model import UNKNOWN_REASONS, Reason
from tests.fixtures.demo import DemoProcess

pytestmark = [pytest.mark.demo, pytest.mark.timeout(400)]

PLAN = Plan()
ROLES = ("worker", "beat", "queue", "api")
KILLS_A_RUN = 8
LONGEST_REST_S = 10
UNDER_WAY_S = 2 * PLAN.slot_s
"""For so long, votes come from what was under way when it was struck."""
EPOCHS = 4
MEASURED_S = EPOCHS * PLAN.epoch_length_s
HONEST = (1, 2)
PRIMARY = 0


@dataclass
class Run:
    """One demo, the kills planned for it (seconds after the first epoch's begin, role), and those done."""

    demo: DemoProcess
    planned: list[tuple[float, str]]
    done: list[tuple[float, str, int]] = field(default_factory=list)
    struck_s: float = 0.0

    def kill_what_is_due(self, now_s: float, began_s: float) -> None:
        if not self.planned or now_s - began_s < self.planned[0][0]:
            return
        role = self.planned[0][1]
        pid = self.demo.node().get("pids", {}).get(role)
        if pid is None or not is_alive(pid) or (role != "api" and not self.has_measured(now_s)):
            return
        os.kill(pid, signal.SIGKILL)
        self.planned.pop(0)
        self.done.append((round(now_s - began_s, 2), role, pid))
        self.struck_s = self.struck_s if role == "api" else now_s

    def has_measured(self, now_s: float) -> bool:
        """Whether it has measured since it was struck, and for as long as it was away."""
        with sqlite3.connect(f"file:{self.demo.store}?mode=ro", uri=True) as store:
            after_ms = int((self.struck_s + UNDER_WAY_S) * 1_000)
            after = store.execute("SELECT min(at_ms) FROM votes WHERE at_ms > ?", (after_ms,))
            back_ms: int | None = after.fetchone()[0]
        if back_ms is None or not self.struck_s:
            return back_ms is not None
        away_s = back_ms / 1_000 - self.struck_s
        return now_s - back_ms / 1_000 >= min(away_s, LONGEST_REST_S)

    @property
    def measured(self) -> set[int]:
        return {epoch["epoch"] for epoch in self.demo.result["epochs"]}

    def votes(self) -> list[tuple[int, int, int, str]]:
        """Epoch, mirror, slot and reason of every vote."""
        with sqlite3.connect(f"file:{self.demo.store}?mode=ro", uri=True) as store:
            return list(store.execute("SELECT epoch, mirror, slot, reason FROM votes"))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def plan_kills(seed: random.Random) -> list[tuple[float, str]]:
    """Every role at least once, the rest at random, all through the epochs."""
    roles = [*ROLES, *seed.choices(ROLES, k=KILLS_A_RUN - len(ROLES))]
    seed.shuffle(roles)
    moments = sorted(seed.uniform(0, MEASURED_S - 5) for _ in roles)
    return list(zip(moments, roles, strict=True))


def variants(site: Path) -> list[list[str]]:
    """What is different in each run: the usual demo, a committee of one, an application of one's own."""
    (site / "css").mkdir()
    (site / "index.html").write_text("<!doctype html><title>50% off</title><link rel=stylesheet href=css/50%25.css>")
    (site / "css" / "50%.css").write_text("body { margin: 0 }")
    return [[], ["--committee", "1"], ["--app", str(site)]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    number = random.SystemRandom().randrange(10**6)
    seed = random.Random(number)
    started = []
    for arguments in variants(tmp_path_factory.mktemp("site")):
        demo = DemoProcess.start(tmp_path_factory.mktemp("kills"), "--port", "0", "--epochs", str(EPOCHS), *arguments)
        started.append(Run(demo, plan_kills(seed)))
    try:
        kill_through(started)
        print(f"\nkills with the seed {number}:")
        for run in started:
            print("  " + ", ".join(f"{after} s {role} {pid}" for after, role, pid in run.done))
        yield started
    finally:
        for run in started:
            run.demo.stop()


def kill_through(started: list[Run]) -> None:
    """Kill as planned until all demos have ended."""
    began: dict[int, float] = {}
    while any(run.demo.process.poll() is None for run in started):
        now_s = time.time()
        for number, run in enumerate(started):
            if number not in began and " begins" in run.demo.output:
                began[number] = now_s
            if number in began and run.demo.process.poll() is None:
                run.kill_what_is_due(now_s, began[number])
        time.sleep(0.05)


def test_twenty_kills_were_done_of_all_four_processes(runs: list[Run]) -> None:
    kills = Counter(role for run in runs for _, role, _ in run.done)
    assert kills.total() >= 20
    assert set(kills) == set(ROLES)
    assert all(len({pid for _, _, pid in run.done}) == len(run.done) for run in runs)


def test_every_demo_ends_with_its_accounting_in_order(runs: list[Run]) -> None:
    assert [run.demo.process.returncode for run in runs] == [0] * len(runs), "\n".join(run.demo.output for run in runs)
    assert all(run.demo.result["ok"] for run in runs)


def test_every_epoch_is_reported_once_and_settled(runs: list[Run]) -> None:
    for run in runs:
        reports = [epoch["report_tx"] for epoch in run.demo.result["epochs"]]
        assert len(set(reports)) == EPOCHS
        assert all(int(epoch["paid"]) > int(epoch["fee"]) for epoch in run.demo.result["epochs"])


def test_no_vote_is_counted_twice(runs: list[Run]) -> None:
    for run in runs:
        votes = run.votes()
        assert len(votes) == len({vote[:3] for vote in votes})
        for mirror in run.demo.result["mirrors"]:
            assert all(counted_slots(epoch) <= PLAN.policy.slots for epoch in mirror["epochs"])


def counted_slots(epoch: dict[str, Any]) -> int:
    """The slots of an epoch's reasons, without those that stand beside a slot's own."""
    beside = {Reason.UNTESTED, Reason.SLOW, Reason.FAILED_OUTAGES}
    return sum(slots for reason, slots in epoch["reasons"].items() if reason not in beside)


def test_slots_lost_are_unknown_never_down(runs: list[Run]) -> None:
    for run in runs:
        drill = max(run.measured)
        for epoch, mirror, slot, reason in run.votes():
            if mirror in HONEST or (mirror == PRIMARY and epoch < drill):
                assert reason == Reason.UP or reason in UNKNOWN_REASONS, (epoch, mirror, slot, reason)
        for mirror in run.demo.result["mirrors"]:
            if mirror["kind"] == "honest":
                assert set().union(*(epoch["reasons"] for epoch in mirror["epochs"])) <= {
                    Reason.UP,
                    Reason.UNTESTED,
                    Reason.NOT_MEASURED,
                    Reason.SLOW,
                }


def test_some_slots_were_lost_or_the_kills_did_nothing(runs: list[Run]) -> None:
    slots = EPOCHS * PLAN.policy.slots
    seen = [sum(mirror == HONEST[0] and epoch in run.measured for epoch, mirror, _, _ in run.votes()) for run in runs]
    print(f"\nslots lost of {slots}: {[slots - votes for votes in seen]}")
    assert all(0 < votes < slots for votes in seen)
