"""A campaign counts what its sequences did, and says what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.differential import campaign
from tests.differential.campaign import Tally
from tests.differential.sequence import Difference, Result
from tests.fixtures.node import ROOT


def test_a_tally_counts_by_action_and_by_error() -> None:
    tally = Tally()
    tally.add(Tally(1, Counter({("topUp", ""): 2, ("topUp", "ZeroAmount"): 1}), Counter({"epochs paid": 1})))
    tally.add(Tally(1, Counter({("exit", "NotOperator"): 1}), Counter({"epochs paid": 2}), ["seed 1: other"]))
    assert tally.to_json() == {
        "sequences": 2,
        "calls": 4,
        "succeeded": 2,
        "actions": {"exit": {"succeeded": 0, "sent": 1}, "topUp": {"succeeded": 2, "sent": 3}},
        "errors": {"NotOperator": 1, "ZeroAmount": 1},
        "reached": {"epochs paid": 3},
        "differences": ["seed 1: other"],
    }


def test_a_difference_ends_its_sequence_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(seed: int) -> Result:
        if seed == 1:
            raise Difference("seed 1: other")
        return Result(seed, Counter({("exit", ""): 1}))

    monkeypatch.setattr(campaign, "run", run)
    tally = campaign.play(range(3))
    assert (tally.sequences, tally.succeeded, tally.differences) == (3, 2, ["seed 1: other"])


def test_the_program_plays_in_processes_and_prints_what_came_of_it() -> None:
    command = [sys.executable, "-m", "tests.differential", "2", "--seed", "3", "--processes", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    told = json.loads(done.stdout)
    assert (told["sequences"], told["differences"]) == (2, [])
    assert told["succeeded"] * 2 > told["calls"] > 100
